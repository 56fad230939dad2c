import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { Card, Visitor } from '../board/card';
import { RemovedEvent } from '../board/removed';
import '../board/shared-board';
import type { SharedBoard } from '../board/shared-board';
import { boardAfter, history, lastOf, type History } from '../history/history';
import { MomentEvent } from '../history/moments';
import '../history/time-line';
import '../history/time-slider';
import '../inspector/call-inspector';
import { AnswerEvent, CallEvent, type Answer, type LinkState } from '../link';
import { VisitorEvent, enter, visitorOfThisTab, visitors, type Visitors } from '../presence/presence';
import '../presence/who-is-here';
import './connection-status';
import { reloadOnce } from './reload';
import { control } from './styles';
import './theme-switch';

/** How long an undo is offered, in milliseconds. */
const OFFERED = 15_000;

/** The whole page. What it shows comes down as `link`, and goes on down from here in parts. */
@customElement('demo-app')
export class DemoApp extends LitElement {
  static override styles = [control, css`
    :host { display: block; max-inline-size: 84rem; margin-inline: auto; padding: 0 clamp(0.75rem, 3vw, 2rem) 3rem; }
    .top { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1.25rem; padding-block: 0.9rem; }
    .name { display: flex; align-items: center; gap: 0.55rem; margin: 0; font-size: 1.15rem; font-weight: 700; letter-spacing: -0.02em; }
    .name svg { color: var(--accent); }
    nav { display: flex; gap: 0.15rem; margin-inline-end: auto; }
    nav a {
      padding: 0.4rem 0.75rem; border-radius: 8px; color: var(--soft); text-decoration: none; font-weight: 500;
    }
    nav a:hover { color: var(--ink); background: var(--hover); }
    nav a[aria-current] { color: var(--ink); background: var(--hover); }
    main, .view { display: grid; gap: 1rem; }
    [hidden] { display: none; }
    .board { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
    @media (min-width: 70rem) {
      .board { grid-template-columns: minmax(0, 1fr) 21rem; }
      time-line { position: sticky; inset-block-start: 1rem; }
    }
    .notice {
      display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; justify-content: space-between;
      padding: 0.6rem 1rem; border-radius: var(--radius); background: var(--notice); color: var(--notice-ink);
    }
    .toasts {
      position: fixed; z-index: 20; inset: auto 1rem 1rem; display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.5rem; justify-items: center; pointer-events: none;
    }
    .toasting { --toasts: 3.75rem; }
    .toast {
      display: flex; gap: 0.25rem; align-items: center; padding: 0.4rem 0.5rem 0.4rem 1rem; border-radius: var(--radius);
      background: var(--ink); color: var(--paper); box-shadow: var(--shadow-high); pointer-events: auto;
      max-inline-size: min(36rem, 100%); box-sizing: border-box;
    }
    .toast span { margin-inline-end: 0.75rem; }
    /* A long title gives way to the buttons. */
    .toast .title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-inline-size: 0; }
    .toast button.quiet { color: inherit; inline-size: auto; padding-inline: 0.6rem; flex: none; }
    .toast button.undo { font-weight: 600; }
    .toast button.quiet:hover { background: rgb(128 128 128 / 25%); }
  `];

  @property({ attribute: false }) link?: LinkState;
  @state() private visitor: Visitor = visitorOfThisTab();
  /** So many of the events are looked at; all of them where it is not said. */
  @state() private moment: number | undefined;
  @state() private view = location.hash;
  @state() private refusal = '';
  /** The card that was removed last, for as long as its undo is offered. */
  @state() private removed: Card | undefined;
  @query('shared-board') private readonly sharedBoard!: SharedBoard;
  @query('.toast:has(.undo)') private readonly toast!: HTMLElement | null;
  #offer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.addEventListener(AnswerEvent.type, (event) => { this.answered(event.detail); });
    this.addEventListener(VisitorEvent.type, (event) => { this.visitor = event.detail; });
    this.addEventListener(RemovedEvent.type, (event) => { this.offerUndo(event.detail); });
    this.addEventListener(MomentEvent.type, (event) => { this.moment = event.detail.moment; });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('hashchange', this.turn);
  }

  override disconnectedCallback(): void {
    removeEventListener('hashchange', this.turn);
    super.disconnectedCallback();
  }

  /** Offers to bring a card back, for a while, and for longer while the person is at it. */
  private offerUndo(card: Card | undefined): void {
    clearTimeout(this.#offer);
    this.removed = card;
    if (!card) return;
    this.#offer = setTimeout(() => {
      this.offerUndo(this.toast?.matches(':hover, :focus-within') ? card : undefined);
    }, OFFERED);
  }

  /** Closes a toast from one of its buttons, which takes the focus with it. */
  private close(toast: 'removed' | 'refusal'): void {
    if (toast === 'removed') this.offerUndo(undefined);
    else this.refusal = '';
    this.sharedBoard.focus({ preventScroll: true });
  }

  private readonly turn = (): void => {
    this.view = location.hash;
  };

  private answered({ call, error }: Answer): void {
    if (error && call.event.startsWith('api.board.')) this.refusal = error.message;
  }

  protected override willUpdate(changed: PropertyValues): void {
    // Of calls from before the page was loaded anew the answers come down.
    const known = new Set((changed.get('link') as LinkState | undefined)?.restored);
    if (changed.has('link')) {
      for (const one of this.link?.restored ?? []) if (one.answer && !known.has(one)) this.answered(one.answer);
    }
    // The history may begin anew or later, and the moment be no more.
    const past = (this.link?.topics['board'] ?? history.initial) as History;
    if (this.moment !== undefined && this.moment >= lastOf(past)) this.moment = undefined;
    if (this.moment !== undefined) this.moment = Math.max(this.moment, past.passed);
  }

  protected override updated(changed: PropertyValues): void {
    const before = (changed.get('link') as LinkState | undefined)?.connection.session;
    const isNew = changed.has('link') && this.link?.connection.session !== before;
    // A new connection has no visitor: send ours again.
    if (this.link && this.link.connection.session > 0 && (isNew || changed.has('visitor'))) {
      this.dispatchEvent(new CallEvent(enter(this.visitor), { volatile: true }));
    }
    const { reload } = this.link?.connection ?? {};
    if (reload !== undefined) reloadOnce(reload);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { link } = this;
    if (!link) return nothing;
    const past = (link.topics['board'] ?? history.initial) as History;
    // Without a connection it is not known.
    const isConnected = ['live', 'catching-up', 'draining'].includes(link.connection.phase);
    const here = (isConnected ? link.topics['visitors'] ?? visitors.initial : visitors.initial) as Visitors;
    const isInspector = this.view === '#inspector';
    return html`
      <header class="top">
        <h1 class="name">${LOGO} Updraft</h1>
        <nav aria-label="Pages">
          <a href="#board" aria-current=${isInspector ? nothing : 'page'}>Board</a>
          <a href="#inspector" aria-current=${isInspector ? 'page' : nothing}>Inspector</a>
        </nav>
        <who-is-here .visitors=${here} .visitor=${this.visitor}></who-is-here>
        <theme-switch></theme-switch>
      </header>
      <main>
        <connection-status .connection=${link.connection}></connection-status>
        ${link.connection.reload === undefined ? nothing : html`
          <div class="notice" role="alert">This page is out of date: the server needs version ${link.connection.reload} or later,
            and this is ${__VERSION__}.
            <button @click=${() => { location.reload(); }}>Reload</button></div>`}
        ${isInspector
          ? html`<call-inspector .messages=${link.messages} .isLive=${link.connection.phase === 'live'}></call-inspector>`
          : nothing}
        <div class="view ${this.removed || this.refusal ? 'toasting' : ''}" ?hidden=${isInspector}>${this.board(past, link)}</div>
      </main>
      <div class="toasts" role="status">
        ${this.refusal ? this.refusalToast() : nothing}
        ${this.removed ? this.undoToast(this.removed) : nothing}
      </div>
    `;
  }

  /** Stays where it is while it is not looked at: it knows what it asked for. */
  private board(past: History, { connection, restored }: LinkState): TemplateResult {
    const { moment } = this;
    const board = moment === undefined ? past.now : boardAfter(past, moment);
    return html`
      <time-slider .history=${past} .moment=${moment}></time-slider>
      <div class="board">
        <shared-board .board=${board} .place=${connection.progress.at} .visitor=${this.visitor}
          .restored=${restored} ?loaded=${connection.loaded} ?fixed=${moment !== undefined} aria-busy=${connection.phase === 'catching-up'}></shared-board>
        <time-line .history=${past} .moment=${moment} ?loaded=${connection.loaded}></time-line>
      </div>
    `;
  }

  private refusalToast(): TemplateResult {
    return html`<div class="toast">
      <span>Not saved, and undone: ${this.refusal}</span>
      <button class="quiet" @click=${() => { this.close('refusal'); }}>Close</button>
    </div>`;
  }

  private undoToast({ title }: Card): TemplateResult {
    return html`<div class="toast">
      <span class="title">Removed ${title}</span>
      <button class="quiet undo" @click=${() => { this.sharedBoard.undo(); }}>Undo</button>
      <button class="quiet" @click=${() => { this.close('removed'); }}>Close</button>
    </div>`;
  }
}

const LOGO = html`<svg width="22" height="22" viewBox="0 0 22 22" fill="none" stroke="currentColor" stroke-width="2"
  stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
  <path d="M3 18c4.5 0 6-3 6-7.5S10.500 4 14 4"></path><path d="M8.500 18.500c4 0 5.500-2.500 5.500-6s1-5 4-5"></path>
  <path d="M11 1.500 14.200 4 11.500 7"></path></svg>`;

declare global {
  interface HTMLElementTagNameMap {
    'demo-app': DemoApp;
  }
}
