import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { CallEvent } from '../link';
import { control, visuallyHidden } from '../shell/styles';
import { MAX_TITLE, type Card, type Visitor } from './card';
import { edit, remove } from './changes';
import { icon } from '../shell/icons';

/** One card: shows itself, is edited in place, asks to be removed. Where it goes, the board says. */
@customElement('board-card')
export class BoardCard extends LitElement {
  static override styles = [control, visuallyHidden, css`
    :host {
      display: block;
      position: relative;
      border-radius: var(--radius);
      background: var(--card);
      box-shadow: var(--shadow-low);
      outline-offset: 2px;
      user-select: none;
      -webkit-user-select: none;
      /* Not under what floats at the edges of the window. */
      scroll-margin-block: 5rem;
    }
    :host(:focus-visible) { outline: 2px solid var(--accent); }
    :host(:not([fixed])) { cursor: grab; }
    :host([lifted]) { box-shadow: var(--shadow-high); cursor: grabbing; }
    :host([slot-only]) { background: var(--slot); box-shadow: inset 0 0 0 1.5px var(--accent); }
    :host([slot-only]) > * { visibility: hidden; }
    .row { display: grid; grid-template-columns: 1.75rem minmax(0, 1fr); align-items: start; padding-block-end: 0.3rem; }
    .grip {
      grid-row: 1 / 3; display: grid; place-items: center; block-size: 2.5rem; color: var(--tool);
      touch-action: none; cursor: inherit;
    }
    :host([fixed]) .grip { visibility: hidden; }
    .text { padding: 0.6rem 0.75rem 0.1rem 0; overflow-wrap: anywhere; line-height: 1.4; white-space: pre-wrap; }
    textarea {
      display: block; box-sizing: border-box; resize: none; field-sizing: content;
      min-block-size: 0; margin: calc(0.25rem - 1px) 0 0 -0.4rem; padding: 0.35rem calc(0.4rem - 1px);
      line-height: 1.4; border-radius: 6px; inline-size: calc(100% - 0.1rem); user-select: text; -webkit-user-select: text;
    }
    .foot {
      grid-column: 2; display: flex; align-items: center; gap: 0.4rem; padding-inline-end: 0.3rem;
      min-block-size: 1.75rem; font-size: var(--small); color: var(--soft);
    }
    .dot { inline-size: 0.55rem; block-size: 0.55rem; border-radius: 50%; flex: none; }
    .name { min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .waits { flex: none; }
    .waits::before { content: '· '; }
    .tools { display: flex; margin-inline-start: auto; }
    .tools button { inline-size: 1.75rem; min-block-size: 1.75rem; border-radius: 6px; color: var(--tool); }
    .tools button:hover { color: var(--ink); }
    @media (pointer: coarse) {
      /* Larger than they look, for fingers. */
      .tools { margin-block: -0.4rem; }
      .tools button { inline-size: 2.75rem; min-block-size: 2.75rem; }
      .foot { min-block-size: 2rem; }
    }
  `];

  @property({ attribute: false }) card!: Card;
  /** The visitor at this page. */
  @property({ attribute: false }) visitor!: Visitor;
  /** Its change is on its way. */
  @property({ type: Boolean }) waits = false;
  /** As it was at another moment: it cannot be changed. */
  @property({ type: Boolean, reflect: true }) fixed = false;
  /** Its title is being edited. */
  @property({ type: Boolean, reflect: true }) editing = false;
  /** The title when the editing began: what others do meanwhile does not write over what is typed. */
  private begunWith = '';
  @query('textarea') private readonly field!: HTMLTextAreaElement | null;

  protected override render(): TemplateResult {
    return html`
      <div class="row">
        <span class="grip" data-grip>${icon('grip')}</span>
        ${this.editing ? this.editor() : html`<div class="text" @dblclick=${this.begin}>${this.card.title}</div>`}
        ${this.foot()}
      </div>
    `;
  }

  private editor(): TemplateResult {
    return html`<textarea
      rows="1" maxlength=${MAX_TITLE} aria-label="Title" .value=${this.begunWith}
      @keydown=${this.typed} @blur=${this.save} @pointerdown=${(event: Event) => { event.stopPropagation(); }}
    ></textarea>`;
  }

  private tools(): TemplateResult {
    return html`<div class="tools">
      <button class="quiet" title="Edit" @click=${this.begin}>
        ${icon('pencil')}<span class="hidden">Edit ${this.card.title}</span>
      </button>
      <button class="quiet" title="Remove" @click=${this.discard}>
        ${icon('cross')}<span class="hidden">Remove ${this.card.title}</span>
      </button>
    </div>`;
  }

  private foot(): TemplateResult | typeof nothing {
    const { by } = this.card;
    const tools = this.fixed || this.editing ? nothing : this.tools();
    if (!by && !this.waits && tools === nothing) return nothing;
    return html`<div class="foot">
      ${by ? html`<span class="dot" .style=${`background: ${by.color}`}></span><span class="name">${by.name}</span>` : nothing}
      ${this.waits ? html`<span class="waits">on its way</span>` : nothing}
      ${tools}
    </div>`;
  }

  /** Opens the title for editing. */
  begin(): void {
    if (this.fixed) return;
    this.begunWith = this.card.title;
    this.editing = true;
    void this.updateComplete.then(() => {
      this.field?.focus();
      this.field?.select();
    });
  }

  /** Asks to be removed. */
  discard(): void {
    if (!this.fixed) this.dispatchEvent(new CallEvent(remove({ id: this.card.id })));
  }

  private typed(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === 'Escape') this.end();
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.save();
  }

  private save(): void {
    const title = this.field?.value.trim();
    if (!this.editing) return;
    this.end();
    if (!title || title === this.begunWith) return;
    this.dispatchEvent(new CallEvent(edit({ id: this.card.id, title, by: this.visitor })));
  }

  private end(): void {
    const hadFocus = this.shadowRoot?.activeElement === this.field;
    this.editing = false;
    if (hadFocus) this.focus();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'board-card': BoardCard;
  }
}
