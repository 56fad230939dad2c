import { LitElement, html, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { icon } from './icons';
import { recall, remember } from './remembered';
import { control, visuallyHidden } from './styles';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEPT = 'updraft-theme';

/** Light, dark, or as the system has it. */
@customElement('theme-switch')
export class ThemeSwitch extends LitElement {
  static override styles = [control, visuallyHidden];

  @state() private theme = THEMES.find((theme) => theme === recall('localStorage', KEPT)) ?? 'auto';

  override connectedCallback(): void {
    super.connectedCallback();
    this.choose(this.theme);
  }

  protected override render(): TemplateResult {
    const next = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] ?? 'auto';
    return html`<button class="quiet" title="Colors: ${this.theme}" @click=${() => { this.choose(next); }}>
      ${icon(this.theme)}<span class="hidden">Colors: ${this.theme}</span>
    </button>`;
  }

  private choose(theme: Theme): void {
    this.theme = theme;
    remember('localStorage', KEPT, theme);
    document.documentElement.dataset['theme'] = theme;
  }
}
