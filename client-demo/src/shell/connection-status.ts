import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { AnswerEvent, CallEvent, SwitchEvent, type Connection, type Tally } from '../link';
import { control } from './styles';

/** How often the round trip is measured, in milliseconds, and how long it may take before the page says so. */
const MEASURED = 5000;
const SILENT = 4000;

/** Where the connection stands, in words and figures, and the switch that cuts it. */
@customElement('connection-status')
export class ConnectionStatus extends LitElement {
  static override styles = [control, css`
    :host { display: block; }
    .bar {
      display: flex; flex-wrap: wrap; align-items: center; gap: 0 1.5rem; min-block-size: 2.75rem;
      padding: 0.35rem 0.5rem 0.35rem 1rem; border-radius: var(--radius); border: 1px solid var(--line);
    }
    .phase { display: flex; align-items: center; gap: 0.6rem; font-weight: 600; min-inline-size: 13rem; font-variant-numeric: tabular-nums; }
    .lamp { inline-size: 0.6rem; block-size: 0.6rem; border-radius: 50%; background: var(--wait); flex: none; }
    .live .lamp { background: var(--good); }
    .offline .lamp { background: var(--faint); }
    .refused .lamp, .unreachable .lamp { background: var(--bad); }
    :is(.draining, .connecting, .catching-up, .silent) .lamp { background: var(--wait); animation: breathe 1.2s ease-in-out infinite alternate; }
    @keyframes breathe { to { opacity: 0.3; } }
    @media (prefers-reduced-motion: reduce) { .lamp { animation: none !important; } }
    dl { display: flex; flex-wrap: wrap; gap: 0.1rem 1.25rem; margin: 0; color: var(--soft); font-size: var(--small); }
    dl div { display: flex; gap: 0.4rem; }
    dd { margin: 0; color: var(--ink); font-variant-numeric: tabular-nums; min-inline-size: 2ch; }
    label { display: flex; align-items: center; gap: 0.55rem; margin-inline-start: auto; padding: 0.4rem 0.5rem; cursor: pointer; }
    .switch {
      appearance: none; inline-size: 2.3rem; block-size: 1.3rem; margin: 0; border-radius: 1rem; background: var(--track);
      position: relative; cursor: pointer; transition: background 140ms;
    }
    .switch::before {
      content: ''; position: absolute; inset: 0.15rem auto auto 0.15rem; inline-size: 1rem; block-size: 1rem; border-radius: 50%;
      background: #fff; transition: translate 140ms; box-shadow: 0 1px 2px rgb(0 0 0 / 30%);
    }
    .switch:checked { background: var(--accent); }
    .switch:checked::before { translate: 1rem 0; }
    .switch:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .hint { flex-basis: 100%; min-block-size: 1lh; padding-block-end: 0.4rem; font-size: var(--small); color: var(--soft); overflow-wrap: anywhere; }
    .refused .hint { color: var(--bad); }
    @media (max-width: 48rem) {
      .phase { min-inline-size: 0; }
      label { order: 1; }
      dl { order: 2; flex-basis: 100%; }
      .hint { order: 3; padding-block-start: 0.25rem; }
    }
  `];

  @property({ attribute: false }) connection!: Connection;
  /** What was counted when the connection went, and when it was back. */
  @state() private away: Tally | undefined;
  @state() private back: string | undefined;
  /** The server has not answered for long, and the connection does not say so yet. */
  @state() private silent = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.addEventListener(AnswerEvent.type, () => { this.heard(); });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => { this.measure(); }, MEASURED);
    addEventListener('online', this.network);
    addEventListener('offline', this.network);
  }

  override disconnectedCallback(): void {
    clearInterval(this.#timer);
    this.heard();
    removeEventListener('online', this.network);
    removeEventListener('offline', this.network);
    super.disconnectedCallback();
  }

  private readonly network = (): void => { this.requestUpdate(); };

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('connection')?.phase;
    const { phase, tally, waiting } = this.connection;
    if (phase !== 'live') this.heard();
    if (before === 'live' && phase !== 'live') {
      this.away = { ...tally, answers: tally.calls - waiting };
      this.back = undefined;
    }
    if (phase === 'live' && waiting === 0 && this.away) {
      const { away } = this;
      const [calls, events] = [tally.answers - away.answers, tally.events - away.events];
      this.back = `Back: ${counted(calls, 'call')} sent and answered, ${counted(events, 'event')} received, `
        + `nothing lost, ${tally.repeated === 0 ? 'no' : String(tally.repeated)} duplicates.`;
      this.away = undefined;
    }
  }

  protected override render(): TemplateResult {
    const { phase, latency, tally, waiting } = this.connection;
    return html`
      <div class="bar ${phase} ${this.silent ? 'silent' : ''}">
        <span class="phase" role="status"><span class="lamp"></span><span>${this.silent ? 'Server is not answering' : words(this.connection)}</span></span>
        <dl>
          <div><dt>Round trip</dt><dd><span data-figure="latency">${latency === undefined ? '–' : Math.max(1, Math.round(latency))}</span> ms</dd></div>
          <div><dt>Calls</dt><dd data-figure="calls">${tally.calls}</dd></div>
          <div><dt>Waiting</dt><dd data-figure="waiting">${waiting}</dd></div>
          <div><dt>Events</dt><dd data-figure="events">${tally.events}</dd></div>
          <div><dt>Duplicates</dt><dd data-figure="repeated">${tally.repeated}</dd></div>
        </dl>
        <label><input class="switch" type="checkbox" role="switch" .checked=${phase === 'offline'} @change=${this.switch}>Offline</label>
        <span class="hint" role="status">${this.hint}</span>
      </div>
    `;
  }

  private get hint(): string {
    const { phase, refusal } = this.connection;
    if (this.silent) return KEPT_HERE;
    switch (phase) {
      case 'live': return this.back ?? 'Go offline, change something, come back: nothing is lost, and nothing happens twice.';
      case 'offline': return 'You went offline. Your changes wait here, through a reload too, and are sent when you are back. Others go on meanwhile.';
      case 'unreachable': return `${navigator.onLine ? 'The server does not answer' : 'This device has no network'}; the page keeps trying. ${KEPT_HERE}`;
      case 'refused': return `The server says: ${refusal?.message ?? ''}${refusal?.code === undefined ? '' : ` (${refusal.code})`}`;
      case 'draining': return KEPT_HERE;
      case 'connecting':
      case 'catching-up': return '';
    }
  }

  private switch(event: Event): void {
    this.dispatchEvent(new SwitchEvent((event.currentTarget as HTMLInputElement).checked));
  }

  /** Any call will do to see how long one takes. */
  private measure(): void {
    if (this.connection.phase !== 'live' || document.hidden) return;
    this.#patience ??= setTimeout(() => { this.silent = true; }, SILENT);
    this.dispatchEvent(new CallEvent({ event: 'api.services.status' }, { volatile: true }));
  }

  /** The server answers, or the connection says by itself how it stands. */
  private heard(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.silent = false;
  }
}

const KEPT_HERE = 'Your changes wait here, and are sent once the server is back.';

function words({ phase, progress, refusal, session, waiting }: Connection): string {
  const queued = waiting > 0 ? `, ${counted(waiting, 'call')} queued` : '';
  switch (phase) {
    case 'connecting': return `${session === 0 ? 'Connecting' : 'Reconnecting'}${queued}`;
    case 'unreachable': return `${navigator.onLine ? 'Server not reachable' : 'No network'}${queued}`;
    case 'refused': return `${refusal?.topic === undefined ? 'Connection refused' : `Connected, but "${refusal.topic}" cannot be read`}${queued}`;
    case 'catching-up': return progress.of === 0 ? 'Catching up' : `Catching up, ${progress.at} of ${progress.of}`;
    case 'live': return 'Live';
    case 'offline': return `Offline${queued}`;
    case 'draining': return `Server is stopping${queued}`;
  }
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
