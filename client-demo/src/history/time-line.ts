import { LitElement, css, html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { control, panel } from '../shell/styles';
import { tell, type History } from './history';
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
    p { margin: 0.6rem 0.5rem; color: var(--soft); font-size: var(--small); }
    button {
      display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 0.75rem; inline-size: 100%; text-align: start;
      justify-content: stretch; padding: 0.45rem 0.5rem; border: 0; border-radius: 8px; background: none; line-height: 1.35;
    }
    button:hover { background: var(--hover); }
    button[aria-current='step'] { background: var(--card); box-shadow: inset 0 0 0 1.5px var(--accent); }
    .what { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.9rem; }
    .what b { font-weight: 600; }
    .who, .when, .seq { font-size: var(--small); color: var(--soft); font-variant-numeric: tabular-nums; }
    .seq, .when { text-align: end; }
    .dot { display: inline-block; inline-size: 0.5rem; block-size: 0.5rem; border-radius: 50%; margin-inline-end: 0.4rem; background: var(--faint); }
    .how { color: var(--soft); }
    .how.live { color: var(--good-ink); }
    .ahead :is(.what, .how) { color: var(--soft); }
    .ahead .what b { font-weight: 400; }
  `];

  @property({ attribute: false }) history: History = initial;
  @property({ attribute: false }) moment: number | undefined;

  protected override render(): TemplateResult {
    const { events } = this.history;
    const end = Math.min(events.length, Math.max((this.moment ?? events.length) + 20, LISTED));
    const start = Math.max(0, end - LISTED);
    const listed = events.slice(start, end).map((event, index) => ({ event, index: start + index })).reverse();
    return html`
      <section class="panel" aria-labelledby="title">
        <h2 id="title">What happened</h2>
        ${events.length === 0 ? html`<p>Nothing yet. Add a card, here or in another window.</p>` : ''}
        <ol>${repeat(listed, ({ event }) => event.seq, ({ index }) => this.row(index))}</ol>
      </section>
    `;
  }

  private row(index: number): TemplateResult | '' {
    const event = this.history.events[index];
    if (!event) return '';
    const { what, card, by } = tell(this.history, index);
    const at = this.moment ?? this.history.events.length;
    return html`<li>
      <button class=${index >= at ? 'ahead' : ''} aria-current=${this.moment === index + 1 ? 'step' : 'false'}
        @click=${() => { this.say(index + 1); }}>
        <span class="what"><b>${card}</b> ${what}</span><span class="seq">${event.seq}</span>
        <span class="who"><span class="dot" .style=${by ? `background: ${by.color}` : ''}></span>${by?.name ?? 'someone'} · <span class="how ${event.live ? 'live' : ''}">${event.live ? 'live' : 'backlog'}</span></span>
        <span class="when">${timeOf(event.time)}</span>
      </button>
    </li>`;
  }

  private say(moment: number): void {
    this.dispatchEvent(new MomentEvent(moment >= this.history.events.length ? undefined : moment));
  }
}
