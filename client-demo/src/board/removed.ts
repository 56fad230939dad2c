// Cards that were removed on this page, and may be brought back.

import type { KeyedCall } from '../link';
import type { Card } from './card';
import type { Remove } from './changes';

/** Goes up: the card that an undo brings back now; undefined where there is none. */
export class RemovedEvent extends CustomEvent<Card | undefined> {
  static readonly type = 'removed';

  constructor(card: Card | undefined) {
    super(RemovedEvent.type, { bubbles: true, composed: true, detail: card });
  }
}

/** Whether a call removes a card. */
export function isRemoval(call: KeyedCall): call is KeyedCall & { readonly data: Remove } {
  return call.event === 'api.board.remove';
}

/** The removed cards, the newest last, told by the element on which they stood. */
export class Removed {
  #cards: readonly Card[] = [];

  constructor(private readonly host: EventTarget) {}

  /** The one that an undo brings back. */
  get last(): Card | undefined {
    return this.#cards.at(-1);
  }

  remember(card: Card): void {
    this.#become([...this.#cards, card]);
  }

  /** It is back, or was never removed. */
  forget(id: string): void {
    this.#become(this.#cards.filter((card) => card.id !== id));
  }

  #become(cards: readonly Card[]): void {
    this.#cards = cards;
    this.host.dispatchEvent(new RemovedEvent(this.last));
  }
}

declare global {
  interface HTMLElementEventMap {
    removed: RemovedEvent;
  }
}
