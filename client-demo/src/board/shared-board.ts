import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { AnswerEvent, CallEvent, type Restored } from '../link';
import { icon } from '../shell/icons';
import { control, visuallyHidden } from '../shell/styles';
import { EMPTY, cardsOf, columnsOf, rankAt, type Board } from './board';
import './board-card';
import type { BoardCard } from './board-card';
import { MAX_TITLE, type Card, type Column, type Visitor } from './card';
import { Changes, add, move } from './changes';
import { Drag, type DragHost, type Place } from './drag';
import { KeptFocus } from './focus';
import { glide, look, type Places } from './glide';
import { Removed, isRemoval } from './removed';

/** What keys do: on a card, on one that is lifted, in a title, and on a card as it was. */
const KEYS = html`<kbd>Space</kbd> lifts the card, <kbd>Enter</kbd> edits it, <kbd>Delete</kbd> removes it, <kbd>Ctrl Z</kbd> brings it back`;
const LIFTED_KEYS = html`<kbd>Arrow keys</kbd> move the card, <kbd>Space</kbd> drops it, <kbd>Escape</kbd> puts it back`;
const EDITING_KEYS = html`<kbd>Enter</kbd> saves, <kbd>Shift Enter</kbd> begins a line, <kbd>Escape</kbd> discards`;
const PAST_KEYS = html`The past cannot be changed: go back to now first`;

/** The board: columns of cards that are dragged, edited and removed. What it shows comes down as `board`. */
@customElement('shared-board')
export class SharedBoard extends LitElement implements DragHost {
  static override styles = [control, visuallyHidden, css`
    :host { display: block; }
    .columns {
      display: grid; gap: 1rem; align-items: start;
      grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr));
    }
    section { background: var(--column); border-radius: var(--radius-large); padding: 0.5rem; }
    header { display: flex; align-items: baseline; gap: 0.5rem; padding: 0.4rem 0.5rem 0.65rem; }
    h2 { margin: 0; font-size: 0.95rem; font-weight: 650; letter-spacing: -0.005em; overflow-wrap: anywhere; }
    .count { color: var(--soft); font-size: var(--small); font-variant-numeric: tabular-nums; }
    .cards { display: grid; gap: 0.5rem; min-block-size: 3rem; align-content: start; }
    .none { display: grid; place-items: center; min-block-size: 3rem; color: var(--soft); font-size: var(--small); }
    form[inert] { visibility: hidden; }
    form { display: grid; grid-template-columns: 1fr auto; gap: 0.25rem; margin-block-start: 0.5rem; }
    form input[name]:not(:hover, :focus) { background: transparent; }
    .keys {
      position: fixed; z-index: 15; inset: auto 1rem calc(1rem + var(--toasts, 0rem)); margin-inline: auto; inline-size: fit-content;
      padding: 0.4rem 0.9rem; border-radius: var(--radius); background: var(--card); color: var(--soft); box-shadow: var(--shadow-high);
      font-size: var(--small); line-height: 1.9; text-align: center; pointer-events: none; visibility: hidden;
    }
    .columns:has(board-card:focus-visible) ~ #keys, .columns:has(board-card[editing]) ~ #editing { visibility: visible; }
    kbd { font: inherit; font-weight: 550; color: var(--ink); background: var(--column); border-radius: 4px; padding: 0.1rem 0.35rem; white-space: nowrap; }
    .lifted { position: fixed; z-index: 10; inset: 0 auto auto 0; pointer-events: none; rotate: 1.2deg; }
    :host([dragging]) { cursor: grabbing; }
  `];

  /** The board as the server has it, or as it was. */
  @property({ attribute: false }) board: Board = EMPTY;
  /** How far the server's events have come. */
  @property({ type: Number }) place = 0;
  /** The visitor at this page. */
  @property({ attribute: false }) visitor!: Visitor;
  /** As it was at another moment: it cannot be changed. */
  @property({ type: Boolean }) fixed = false;
  /** What was asked for before the page was loaded anew. */
  @property({ attribute: false }) restored: readonly Restored[] = [];
  /** Whether all cards are here. */
  @property({ type: Boolean }) loaded = false;
  @state() private changes = Changes.NONE;
  @state() private said = '';
  private readonly drag = new Drag(this);
  private readonly kept = new KeptFocus(this);
  private readonly removed = new Removed(this);
  #before: Places = new Map();

  constructor() {
    super();
    // On their way up, from the cards and from here: the board shows at once what it is asked for.
    this.addEventListener(CallEvent.type, (event) => {
      const card = isRemoval(event.detail) ? this.shown.get(event.detail.data.id) : undefined;
      if (card) this.removed.remember(card);
      this.changes = this.changes.asked(event.detail);
    });
    // And takes it back where the answer is an error.
    this.addEventListener(AnswerEvent.type, (event) => {
      const { call, error } = event.detail;
      this.changes = this.changes.answered(event.detail);
      if (error && isRemoval(call)) this.removed.forget(call.data.id);
    });
    this.addEventListener('keydown', (event) => { this.undoKey(event); });
  }

  /** Brings back the card that was removed here last. */
  undo(): void {
    const card = this.removed.last;
    if (!card || this.fixed) return;
    this.removed.forget(card.id);
    this.dispatchEvent(new CallEvent(add({ ...card, by: this.visitor })));
    void this.updateComplete.then(() => { this.cardElement(card.id)?.focus(); });
  }

  private undoKey(event: KeyboardEvent): void {
    const isUndo = event.key === 'z' && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    const isInText = event.composedPath().some((target) => target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement);
    if (!isUndo || isInText || this.drag.lifted || !this.removed.last) return;
    event.preventDefault();
    this.undo();
  }

  /** Takes the focus, where what had it elsewhere is gone. */
  override focus(options?: FocusOptions): void {
    this.kept.take(options);
  }

  /** The board as it is shown: with the changes that are on their way, and the lifted card where it would land. */
  private get shown(): Board {
    return this.fixed ? this.board : this.onTheirWay.on(this.board);
  }

  private get onTheirWay(): Changes {
    return Changes.restored(this.restored).reached(this.place).and(this.changes);
  }

  protected override willUpdate(): void {
    this.changes = this.changes.reached(this.place);
    if (this.fixed && this.drag.lifted) this.drag.putBack();
    this.toggleAttribute('dragging', this.drag.lifted?.held !== undefined);
    this.#before = look(this.cards);
  }

  protected override updated(): void {
    glide(this.cards, this.#before, this.drag.lifted?.held && this.drag.lifted.id);
  }

  protected override render(): TemplateResult {
    const board = this.shown;
    const onTheirWay = this.fixed ? new Set<string>() : this.onTheirWay.cards;
    return html`
      <div class="columns">${columnsOf(board).map((column) => this.column(board, column, onTheirWay))}</div>
      <p class="keys" id="keys">${this.fixed ? PAST_KEYS : this.drag.lifted ? LIFTED_KEYS : KEYS}</p>
      <p class="keys" id="editing">${EDITING_KEYS}</p>
      ${this.inHand(board)}
      <p class="hidden" role="status">${this.said}</p>
    `;
  }

  private column(board: Board, { name, title }: Column, onTheirWay: ReadonlySet<string>): TemplateResult {
    const cards = this.withLifted(board, name);
    return html`
      <section data-column=${name} aria-label=${title}>
        <header><h2>${title}</h2><span class="count" aria-label="${cards.length} cards">${cards.length}</span></header>
        <div class="cards" role="list">
          ${repeat(cards, ({ id }) => id, (card) => this.card(card, onTheirWay.has(card.id)))}
          ${cards.length === 0 ? html`<span class="none" role="listitem">${this.loaded ? 'Nothing here yet' : 'Not loaded yet'}</span>` : nothing}
        </div>
        <form ?inert=${this.fixed} @submit=${(event: SubmitEvent) => { this.add(event, name); }}>
          <input name="title" autocomplete="off" maxlength=${MAX_TITLE} placeholder="Add a card"
            aria-label="Add a card to ${title}">
          <button class="quiet" title="Add">${icon('plus')}<span class="hidden">Add to ${title}</span></button>
        </form>
      </section>
    `;
  }

  private card(card: Card, waits: boolean): TemplateResult {
    const { lifted } = this.drag;
    const isLifted = lifted?.id === card.id;
    return html`
      <board-card role="listitem" tabindex="0" data-id=${card.id} aria-describedby="keys" aria-label=${card.title}
        .card=${card} .visitor=${this.visitor} ?waits=${waits} ?fixed=${this.fixed}
        ?slot-only=${isLifted && lifted.held !== undefined} ?lifted=${isLifted && !lifted.held}
        @pointerdown=${(event: PointerEvent) => { this.drag.press(event, event.currentTarget as BoardCard); }}
        @keydown=${(event: KeyboardEvent) => { this.key(event, card.id); }}
      ></board-card>
    `;
  }

  /** The card that the pointer holds. */
  private inHand(board: Board): TemplateResult | typeof nothing {
    const { lifted } = this.drag;
    const card = lifted && board.get(lifted.id);
    if (!card || !lifted.held) return nothing;
    const { x, y, width } = lifted.held;
    // As a property: the page's policy allows no style attributes.
    const style = `translate: ${String(x)}px ${String(y)}px; width: ${String(width)}px`;
    return html`<board-card class="lifted" lifted aria-hidden="true" .style=${style} .card=${card}></board-card>`;
  }

  /** A column's cards, with the lifted one where it would land. */
  private withLifted(board: Board, column: string): readonly Card[] {
    const { lifted } = this.drag;
    const card = lifted && board.get(lifted.id);
    const cards = cardsOf(board, column);
    if (!card) return cards;
    const others = cards.filter(({ id }) => id !== card.id);
    return lifted.place.column === column ? others.toSpliced(lifted.place.index, 0, card) : others;
  }

  private add(event: SubmitEvent, column: string): void {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('title') as HTMLInputElement;
    const title = field.value.trim();
    if (!title) return;
    field.value = '';
    const cards = cardsOf(this.shown, column);
    const card = { id: crypto.randomUUID(), title, column, rank: rankAt(cards, cards.length), by: this.visitor };
    this.dispatchEvent(new CallEvent(add(card)));
  }

  private key(event: KeyboardEvent, id: string): void {
    const card = event.currentTarget as BoardCard;
    if (this.fixed || event.composedPath()[0] !== card) return;
    if (!this.drag.lifted && (event.key === 'Enter' || event.key === 'F2')) {
      event.preventDefault();
      card.begin();
    } else if (!this.drag.lifted && (event.key === 'Delete' || event.key === 'Backspace')) {
      card.discard();
    } else {
      this.drag.key(event, id);
    }
  }

  dropped(id: string, { column, index }: Place): void {
    const rank = rankAt(this.others(column, id), index);
    this.dispatchEvent(new CallEvent(move({ id, column, rank, by: this.visitor })));
  }

  placeOf(id: string): Place | undefined {
    const column = this.shown.get(id)?.column;
    if (column === undefined) return undefined;
    return { column, index: cardsOf(this.shown, column).findIndex((card) => card.id === id) };
  }

  placeAt(x: number, y: number, id: string): Place | undefined {
    const sections = [...(this.shadowRoot?.querySelectorAll('section') ?? [])];
    const distance = (section: Element) => {
      const { left, right, top, bottom } = section.getBoundingClientRect();
      return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
    };
    const [nearest] = sections.sort((a, b) => distance(a) - distance(b));
    const column = nearest?.dataset['column'];
    if (column === undefined) return undefined;
    const others = this.others(column, id);
    const below = others.findIndex((card) => {
      const rect = this.cardElement(card.id)?.getBoundingClientRect();
      return rect !== undefined && y < rect.top + rect.height / 2;
    });
    return { column, index: below === -1 ? others.length : below };
  }

  placeBeside({ column, index }: Place, key: string, id: string): Place {
    const others = this.others(column, id);
    if (key === 'ArrowUp') return { column, index: Math.max(0, index - 1) };
    if (key === 'ArrowDown') return { column, index: Math.min(others.length, index + 1) };
    const names = columnsOf(this.shown).map(({ name }) => name);
    const beside = names[names.indexOf(column) + (key === 'ArrowLeft' ? -1 : 1)];
    if (beside === undefined) return { column, index };
    return { column: beside, index: Math.min(index, this.others(beside, id).length) };
  }

  announce(what: string, id: string, { column, index }: Place): void {
    const title = columnsOf(this.shown).find(({ name }) => name === column)?.title ?? column;
    this.said = `${this.shown.get(id)?.title ?? 'A card'}, ${what}: ${title}, place ${String(index + 1)}.`;
  }

  private others(column: string, id: string): readonly Card[] {
    return cardsOf(this.shown, column).filter((card) => card.id !== id);
  }

  private get cards(): readonly BoardCard[] {
    return [...(this.shadowRoot?.querySelectorAll<BoardCard>('board-card[data-id]') ?? [])];
  }

  private cardElement(id: string): BoardCard | undefined {
    return this.cards.find((card) => card.dataset['id'] === id);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'shared-board': SharedBoard;
  }
}
