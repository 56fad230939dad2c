import { LitElement, css, html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { control, panel } from '../shell/styles';
import { MomentEvent, initial, timeOf } from './moments';
import type { History } from './history';

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

  protected override render(): TemplateResult {
    const { events } = this.history;
    const at = this.moment ?? events.length;
    const isNow = this.moment === undefined;
    return html`
      <div class="panel">
        <label for="moment">Moment</label>
        <input id="moment" type="range" min="0" max=${events.length} .value=${String(at)}
          aria-valuetext=${this.words(at)} @input=${this.slid}>
        <span class="end">
          <output for="moment">${this.words(at)}</output>
          <button ?disabled=${isNow} @click=${() => { this.say(undefined); }}>Back to now</button>
        </span>
      </div>
    `;
  }

  private words(at: number): string {
    const { events } = this.history;
    if (this.moment === undefined) return `now, after ${String(events.length)}`;
    const event = events[at - 1];
    return event ? `${timeOf(event.time)}, after ${String(at)} of ${String(events.length)}` : 'before the first';
  }

  private slid(event: Event): void {
    const at = Number((event.currentTarget as HTMLInputElement).value);
    this.say(at >= this.history.events.length ? undefined : at);
  }

  private say(moment: number | undefined): void {
    this.dispatchEvent(new MomentEvent(moment));
  }
}
