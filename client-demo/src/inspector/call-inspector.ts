import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { AnswerEvent, CallEvent, StreamEvent, type Answer, type Message } from '../link';
import { control, panel, visuallyHidden } from '../shell/styles';
import { FORMS, show, write, type Form, type Written } from './forms';
import { StreamRun } from './run';
import './stream-run';

/** Data to begin with, for the functions that want some. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  'api.hello.greeting': { name: 'Ada' },
  'api.services.test.testFunc': { any: ['data', 1, null] },
  'api.test.board': { any: 'data' },
  'api.room.join': { room: 'lobby' },
  'api.room.leave': { room: 'lobby' },
  'api.room.say': { room: 'lobby', message: 'Hello' },
  'api.stream.count': { to: 1000, every_ms: 10 },
  'api.stream.tail': { topic: 'board' },
  'api.stream.download': { bytes: 100_000_000 },
  'api.presence.enter': { name: 'Ada', color: '#1f6fb2' },
  'api.board.add': { id: 'inspected', title: 'From the inspector', column: 'todo' },
  'api.board.move': { id: 'inspected', column: 'doing' },
  'api.board.edit': { id: 'inspected', title: 'Inspected' },
  'api.board.remove': { id: 'inspected' },
};

/** A function as `api.services.functions` lists it. */
interface Listed {
  readonly event: string;
  readonly streams: boolean;
  readonly takes_frames: boolean;
}

/** Frames of a stream that may be out, unless another number is given. */
const WINDOW = 16;

/** What came back, kept as long as the page shows it. */
interface Outcome {
  readonly number: number;
  readonly how: 'answer' | 'error' | 'message' | 'stream';
  readonly about: string;
  readonly text: string;
  /** A stream, in place of the text. */
  readonly run?: StreamRun;
}

/** Outcomes that are kept. */
const KEPT = 30;

/** Calls any event, with data of any form, and shows what comes back. */
@customElement('call-inspector')
export class CallInspector extends LitElement {
  static override styles = [control, panel, visuallyHidden, css`
    :host { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); align-items: start; }
    h2 { margin-block-end: 0.75rem; }
    .events { list-style: none; margin: 0; padding: 0; display: grid; }
    .events button { justify-content: start; inline-size: 100%; border: 0; background: none; padding-inline: 0.6rem; font-family: var(--mono); font-size: 0.83rem; overflow-wrap: anywhere; text-align: start; }
    .events small { font-size: 0.75rem; color: var(--soft); border: 1px solid var(--line); border-radius: 99px; padding: 0 0.5rem; }
    .events button:hover { background: var(--hover); }
    .events button[aria-pressed='true'] { background: var(--card); box-shadow: inset 0 0 0 1.5px var(--accent); }
    form { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.9rem; }
    .field { display: grid; gap: 0.3rem; font-size: var(--small); color: var(--soft); }
    .field > * { color: var(--ink); font-family: var(--mono); font-size: 0.85rem; }
    textarea { min-block-size: 12rem; resize: vertical; line-height: 1.5; }
    fieldset { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; border: 0; margin: 0; padding: 0; min-inline-size: 0; }
    legend { font-size: var(--small); color: var(--soft); padding: 0 0 0.3rem; }
    .choice { display: flex; align-items: center; gap: 0.45rem; min-block-size: 1.75rem; cursor: pointer; }
    .choice input { inline-size: 1rem; block-size: 1rem; margin: 0; }
    .choice input[type='number'] { inline-size: 5.5rem; block-size: auto; }
    .choice:has([type='file']) { flex-wrap: wrap; min-inline-size: 0; }
    .choice input[type='file'] { inline-size: auto; block-size: auto; max-inline-size: 100%; border: 0; background: none; padding-inline: 0; }
    .foot { display: flex; justify-content: space-between; align-items: center; gap: 1rem; }
    .wrong { margin: 0; color: var(--bad); font-size: var(--small); }
    .outcomes { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.5rem; }
    .outcomes li { background: var(--card); border-radius: var(--radius); padding: 0.6rem 0.75rem; box-shadow: var(--shadow-low); }
    .about { font-size: var(--small); color: var(--soft); display: flex; gap: 0.5rem; justify-content: space-between; overflow-wrap: anywhere; }
    .about b { color: var(--good-ink); font-weight: 600; }
    .error .about b { color: var(--bad); }
    pre { margin: 0.35rem 0 0; font: 0.82rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; max-block-size: 16rem; overflow-y: auto; }
    .none { color: var(--soft); font-size: var(--small); margin: 0; }
  `];

  /** What the server emitted as `message`. */
  @property({ attribute: false }) messages: readonly Message[] = [];
  @property({ type: Boolean }) isLive = false;
  @state() private functions: readonly Listed[] = [];
  @state() private event = 'api.services.test.testFunc';
  @state() private encoding: Form = 'json';
  @state() private isAcked = true;
  @state() private isStreamed = false;
  @state() private window = WINDOW;
  @state() private outcomes: readonly Outcome[] = [];
  @state() private wrong = '';
  @query('form') private readonly form!: HTMLFormElement;
  @query('input[type="file"]') private readonly file!: HTMLInputElement;
  @query('textarea') private readonly field!: HTMLTextAreaElement;
  #number = 0;
  #heard = 0;
  #list = '';

  constructor() {
    super();
    this.addEventListener(AnswerEvent.type, (event) => { this.answered((event).detail); });
  }

  protected override willUpdate(): void {
    // What came before the page was opened is not its own.
    if (!this.hasUpdated) this.#heard = this.messages.at(-1)?.number ?? 0;
    for (const { number, data } of this.messages.filter((message) => message.number > this.#heard)) {
      this.#heard = number;
      this.keep('message', 'message', show(data));
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has('isLive') || !this.isLive) return;
    const call = new CallEvent({ event: 'api.services.functions' }, { volatile: true });
    this.#list = call.detail.id;
    this.dispatchEvent(call);
  }

  protected override render(): TemplateResult {
    return html`
      <section class="panel" aria-labelledby="call">
        <h2 id="call">Call</h2>
        <form @submit=${this.send}>
          <label class="field">Event
            <input name="event" required autocomplete="off" spellcheck="false" .value=${this.event}
              @input=${(input: Event) => { this.event = (input.currentTarget as HTMLInputElement).value; }}></label>
          <label class="field">Data as JSON, or empty
            <textarea name="data" spellcheck="false" @input=${() => { this.wrong = ''; }}>${exampleOf('api.services.test.testFunc')}</textarea></label>
          <fieldset><legend>Send as</legend>
            ${(Object.keys(FORMS) as Form[]).map((form) => html`<label class="choice">
              <input type="radio" name="form" value=${form} .checked=${form === this.encoding} @change=${() => { this.encoding = form; }}>${FORMS[form]}</label>`)}
          </fieldset>
          <fieldset><legend>Frames</legend>
            <label class="choice"><input type="checkbox" name="stream" .checked=${this.isStreamed}
              @change=${() => { this.isStreamed = !this.isStreamed; }}>Stream the answer</label>
            <label class="choice">Window <input type="number" name="window" min="1" max="10000" required .value=${String(this.window)}
              ?disabled=${!this.isStreamed}
              @input=${(input: Event) => { this.window = (input.currentTarget as HTMLInputElement).valueAsNumber; }}></label>
            <label class="choice">Upload a file <input type="file" name="file"></label>
          </fieldset>
          <div class="foot">
            <label class="choice"><input type="checkbox" name="ack" .checked=${this.isAcked}
              @change=${() => { this.isAcked = !this.isAcked; }}>Ask for an answer (ack)</label>
            <button class="main">Send</button>
          </div>
          ${this.wrong ? html`<p class="wrong" role="alert">${this.wrong}</p>` : nothing}
        </form>
      </section>
      <section class="panel" aria-labelledby="back">
        <h2 id="back">Answers</h2>
        ${this.outcomes.length === 0 ? html`<p class="none">Nothing yet.</p>` : nothing}
        <ul class="outcomes" aria-live="polite">${repeat(this.outcomes, ({ number }) => number, outcomeRow)}</ul>
      </section>
      <section class="panel" aria-labelledby="functions">
        <h2 id="functions">Functions</h2>
        <ul class="events">${this.functions.map((one) => html`<li>
          <button aria-pressed=${one.event === this.event ? 'true' : 'false'} @click=${() => { this.choose(one); }}>${one.event}
            ${one.streams ? html`<small>streams</small>` : nothing}${one.takes_frames ? html`<small>takes frames</small>` : nothing}</button></li>`)}</ul>
      </section>
    `;
  }

  /** The form may be far from the list on a small screen: it comes into view, ready to be sent. */
  private choose({ event, streams }: Listed): void {
    this.event = event;
    this.isStreamed = streams;
    this.file.value = '';
    this.wrong = '';
    this.field.value = exampleOf(event);
    this.form.scrollIntoView({ block: 'nearest' });
    this.field.focus({ preventScroll: true });
  }

  private readonly send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      const written = await write(this.field.value, this.encoding);
      const file = this.file.files?.[0];
      if (this.isStreamed || file) this.stream(written, file);
      else this.dispatchEvent(new CallEvent({ event: this.event, ...written }, { acked: this.isAcked }));
    } catch (error) {
      this.wrong = `The data is not valid JSON: ${(error as Error).message}`;
    }
  };

  /** Opens a stream, whose run is shown among what came back. */
  private stream({ data }: Written, file: File | undefined): void {
    const { event, isStreamed, window } = this;
    const run = new StreamRun(event, data, file);
    const { signal } = run.aborting;
    const source = file && run.source(file);
    const asked = new StreamEvent({ event, data, isStreamed, window, signal, ...(source && { source }) });
    this.dispatchEvent(asked);
    if (!asked.items) return;
    this.keep('stream', event, '', run);
    void run.take(asked.items);
  }

  private answered({ call, data, error, took }: Answer): void {
    if (call.id === this.#list) {
      this.functions = data as readonly Listed[];
      return;
    }
    const about = `${call.event}, ${took.toFixed(1)} ms`;
    if (error) this.keep('error', about, show(error));
    else this.keep('answer', about, data === undefined ? 'Done. The function returns nothing.' : show(data));
  }

  private keep(how: Outcome['how'], about: string, text: string, run?: StreamRun): void {
    this.#number += 1;
    this.outcomes = [{ number: this.#number, how, about, text, ...(run && { run }) }, ...this.outcomes].slice(0, KEPT);
  }
}

function exampleOf(event: string): string {
  const example = EXAMPLES[event];
  return example === undefined ? '' : JSON.stringify(example, null, 2);
}

function outcomeRow({ how, about, text, run }: Outcome): TemplateResult {
  if (run) return html`<li class="stream" aria-live="off"><stream-run .run=${run}></stream-run></li>`;
  return html`<li class=${how}><div class="about"><b>${how}</b><span>${about}</span></div><pre tabindex="0" aria-label=${how}>${text}</pre></li>`;
}
