import { LitElement, css, html, type TemplateResult } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { control, panel } from '../shell/styles';
import { MomentEvent, initial, timeOf } from './moments';
import { eventAt, lastOf, type History } from './history';

/** Goes back to any moment of the board. */
@customElement('time-slider')
export class TimeSlider extends LitElement {
  static override styles = [control, panel, css`
    .panel { display: grid; grid-template-columns: auto minmax(6rem, 1fr) auto; gap: 0.25rem 1rem; align-items: center; padding-block: 0.5rem; }
    input { inline-size: 100%; margin: 0; block-size: 1.75rem; }
    output { font-variant-numeric: tabular-nums; color: var(--soft); font-size: var(--small); min-inline-size: 11rem; text-align: end; }
    label { font-weight: 600; font-size: 0.95rem; }
    button { min-block-size: 2rem; }
    .end { display: flex; align-items: center; gap: 1rem; }
    @media (max-width: 40rem) {
      .panel { grid-template-columns: 1fr auto; }
      input { grid-column: 1 / -1; grid-row: 2; }
      .end { grid-column: 1 / -1; justify-content: space-between; }
      output { text-align: start; }
    }
  `];

  @property({ attribute: false }) history: History = initial;
  @property({ attribute: false }) moment: number | undefined;

  @query('input') private readonly slider!: HTMLInputElement;

  protected override render(): TemplateResult {
    const at = this.moment ?? lastOf(this.history);
    return html`
      <div class="panel">
        <label for="moment">Moment</label>
        <input id="moment" type="range" min=${this.history.passed} max=${lastOf(this.history)} .value=${String(at)}
          aria-valuetext=${this.words(at)} @input=${this.slid}>
        <span class="end">
          <output for="moment">${this.words(at)}</output>
          <button ?disabled=${this.moment === undefined} @click=${this.backToNow}>Back to now</button>
        </span>
      </div>
    `;
  }

  private words(at: number): string {
    const { passed, since } = this.history;
    const last = lastOf(this.history);
    if (this.moment === undefined) return last === 0 ? 'now' : `now, after event ${last}`;
    const event = eventAt(this.history, at);
    if (event) return `${timeOf(event.time)}, after event ${at} of ${last}`;
    if (since === undefined) return 'before the first event';
    return `${timeOf(since)}, ${passed > 0 ? `after event ${passed} of ${last}` : 'where this history begins'}`;
  }

  private slid(event: Event): void {
    const at = Number((event.currentTarget as HTMLInputElement).value);
    this.say(at >= lastOf(this.history) ? undefined : at);
  }

  /** The button is not to be pressed at this moment: the focus goes to the slider. */
  private backToNow(): void {
    this.slider.focus();
    this.say(undefined);
  }

  private say(moment: number | undefined): void {
    this.dispatchEvent(new MomentEvent(moment));
  }
}
