// The focus stays on the board, whatever becomes of the card that has it.

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { BoardCard } from './board-card';

/** A card that has the focus, and where it stands. */
interface Focused {
  readonly id: string;
  readonly column: string;
  readonly index: number;
}

const CARD = 'board-card[data-id]';
const FIELD = 'form:not([inert]) input';

/** A card that comes to stand elsewhere keeps the focus; one that is gone leaves it to the next one. */
export class KeptFocus implements ReactiveController {
  /** The card that has the focus, or had it last. */
  #last: Focused | undefined;
  #hadFocus = false;

  constructor(private readonly host: ReactiveControllerHost & HTMLElement) {
    host.addController(this);
  }

  hostUpdate(): void {
    const focused = this.#focused();
    this.#hadFocus = focused !== undefined;
    this.#last = focused ?? this.#last;
  }

  hostUpdated(): void {
    if (!this.#hadFocus || this.#focused()) return;
    this.take({ preventScroll: true });
  }

  /** Gives the focus to the card that had it last, the one that took its place, or the first thing that takes it. */
  take(options?: FocusOptions): void {
    const target = this.#stillThere() ?? this.#inItsPlace() ?? this.#find(CARD)[0] ?? this.#find(FIELD)[0];
    target?.focus(options);
    this.#last = this.#focused() ?? this.#last;
  }

  #stillThere(): HTMLElement | undefined {
    return this.#find(CARD).find((card) => card.dataset['id'] === this.#last?.id);
  }

  #inItsPlace(): HTMLElement | undefined {
    if (!this.#last) return undefined;
    const { column, index } = this.#last;
    const inColumn = `section[data-column="${CSS.escape(column)}"]`;
    const cards = this.#find(`${inColumn} ${CARD}`);
    return cards[Math.min(index, cards.length - 1)] ?? this.#find(`${inColumn} ${FIELD}`)[0];
  }

  #focused(): Focused | undefined {
    const card = this.host.shadowRoot?.activeElement?.closest<BoardCard>(CARD);
    const section = card?.closest('section');
    if (!card || !section) return undefined;
    const index = [...section.querySelectorAll(CARD)].indexOf(card);
    return { id: card.dataset['id'] ?? '', column: section.dataset['column'] ?? '', index };
  }

  #find(selector: string): readonly HTMLElement[] {
    return [...(this.host.shadowRoot?.querySelectorAll<HTMLElement>(selector) ?? [])];
  }
}
