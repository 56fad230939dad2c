import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { control, panel } from '../shell/styles';
import { eventAt, lastOf, tell, type History } from './history';
import { MomentEvent, initial, timeOf } from './moments';

/** Events that are listed; the slider reaches the others. */
const LISTED = 60;

/** The events of the board as they came, the newest first. */
@customElement('time-line')
export class TimeLine extends LitElement {
  static override styles = [control, panel, css`
    .panel { padding: 0.9rem 0.5rem 0.5rem; }
    h2 { padding-inline: 0.5rem; }
    ol { list-style: none; margin: 0.6rem 0 0; padding: 0; max-block-size: min(70vh, 44rem); overflow-y: auto; }
    p { margin: 0.6rem 0.5rem; text-wrap: pretty; color: var(--soft); font-size: var(--small); }
    button {
      display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 0.75rem; inline-size: 100%; text-align: start;
      justify-content: stretch; padding: 0.45rem 0.5rem; border: 0; border-radius: 8px; background: none; line-height: 1.35;
    }
    button:hover { background: var(--hover); }
    button[aria-current='step'] { background: var(--card); box-shadow: inset 0 0 0 1.5px var(--accent); }
    .what { display: flex; min-inline-size: 0; white-space: nowrap; font-size: 0.9rem; }
    /* A long title gives way: what happened to it stays. */
    .what b { font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
    .what span { white-space: pre; }
    .who, .when, .number { font-size: var(--small); color: var(--soft); font-variant-numeric: tabular-nums; }
    .who { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .number, .when { text-align: end; }
    .dot { display: inline-block; inline-size: 0.5rem; block-size: 0.5rem; border-radius: 50%; margin-inline-end: 0.4rem; background: var(--faint); }
    .how { color: var(--soft); }
    .how.live { color: var(--good-ink); }
    .ahead :is(.what, .how) { color: var(--soft); }
    .ahead .what b { font-weight: 400; }
  `];

  @property({ attribute: false }) history: History = initial;
  @property({ attribute: false }) moment: number | undefined;

  /** Whether all that happened is here. */
  @property({ type: Boolean }) loaded = false;
  #hadFocus = false;

  protected override willUpdate(): void {
    this.#hadFocus = Boolean(this.shadowRoot?.activeElement);
  }

  /** A row that is pushed off the end of the list leaves the focus to the one that is last now. */
  protected override updated(): void {
    if (!this.#hadFocus || this.shadowRoot?.activeElement) return;
    this.shadowRoot?.querySelector<HTMLElement>('li:last-child button')?.focus({ preventScroll: true });
  }

  protected override render(): TemplateResult {
    const { passed, events, since } = this.history;
    const last = lastOf(this.history);
    const end = Math.min(last, Math.max((this.moment ?? last) + 20, passed + LISTED));
    const start = Math.max(passed, end - LISTED);
    const numbers = Array.from({ length: end - start }, (_, index) => end - index);
    return html`
      <section class="panel" aria-labelledby="title">
        <h2 id="title">What happened</h2>
        ${events.length === 0 && since === undefined ? html`<p>${this.loaded ? 'Nothing yet. Add a card, here or in another window.' : 'Not loaded yet.'}</p>` : nothing}
        <ol>${repeat(numbers, (number) => eventAt(this.history, number)?.seq, (number) => this.row(number))}</ol>
        ${since !== undefined && start === passed ? html`<p class="begins">The history begins at ${timeOf(since)}. Of what happened before, only the outcome is kept.</p>` : nothing}
      </section>
    `;
  }

  private row(number: number): TemplateResult | typeof nothing {
    const event = eventAt(this.history, number);
    if (!event) return nothing;
    const { what, card, by } = tell(this.history, number);
    const at = this.moment ?? lastOf(this.history);
    return html`<li>
      <button class=${number > at ? 'ahead' : ''} aria-current=${this.moment === number ? 'step' : 'false'}
        @click=${() => { this.say(number); }}>
        <span class="what"><b title=${card}>${card}</b><span> ${what}</span></span><span class="number">${number}</span>
        <span class="who"><span class="dot" .style=${by ? `background: ${by.color}` : ''}></span>${by?.name ?? 'a visitor'} · <span class="how ${event.live ? 'live' : ''}">${event.live ? 'live' : 'backlog'}</span></span>
        <span class="when">${timeOf(event.time)}</span>
      </button>
    </li>`;
  }

  private say(moment: number): void {
    this.dispatchEvent(new MomentEvent(moment >= lastOf(this.history) ? undefined : moment));
  }
}
