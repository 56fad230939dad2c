// The board, and how it comes of its events: the same for the backlog and live, and for any moment in between.

import type { TopicEvent } from '../link';
import { COLUMNS, type Card, type Column } from './card';

/** Cards by their ids. */
export type Board = ReadonlyMap<string, Card>;

/** An event of the topic `board`, as far as the board goes by it. */
export type BoardEvent = Pick<TopicEvent, 'key' | 'deleted' | 'data'>;

export const EMPTY: Board = new Map();

/** The board after these events. Each says how its card is now, or that the card is gone. */
export function fold(board: Board, events: readonly BoardEvent[]): Board {
  const cards = new Map(board);
  for (const { key, deleted, data } of events) {
    if (key === undefined) continue;
    if (deleted) cards.delete(key);
    else if (isCard(data)) cards.set(key, data);
  }
  return cards;
}

/** Whether it is a card, and not what another version of the server makes of one. */
export function isCard(data: unknown): data is Card {
  if (typeof data !== 'object' || data === null) return false;
  const { id, title, column, rank } = data as Partial<Record<keyof Card, unknown>>;
  return typeof id === 'string' && typeof title === 'string' && typeof column === 'string' && typeof rank === 'number';
}

/** A column's cards, from the top. */
export function cardsOf(board: Board, column: string): readonly Card[] {
  return [...board.values()]
    .filter((card) => card.column === column)
    .sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1));
}

/** The columns of a board: those that are always there, and those that cards stand in besides. */
export function columnsOf(board: Board): readonly Column[] {
  const known = new Set(COLUMNS.map(({ name }) => name));
  const others = new Set([...board.values()].map(({ column }) => column).filter((name) => !known.has(name)));
  return [...COLUMNS, ...[...others].sort().map((name) => ({ name, title: name }))];
}

/** A rank for a card that is to stand at this place among the others of a column. */
export function rankAt(others: readonly Card[], index: number): number {
  const above = others[index - 1]?.rank;
  const below = others[index]?.rank;
  if (above === undefined) return below === undefined ? 1 : below - 1;
  return below === undefined ? above + 1 : (above + below) / 2;
}
