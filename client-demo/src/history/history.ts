// What happened on the board, in order, so that any moment of it can be seen again.

import { EMPTY, fold as foldBoard, isCard, type Board } from '../board/board';
import type { Visitor } from '../board/card';
import type { Fold, TopicEvent } from '../link';

/** Events that are kept one by one; older ones are folded into the beginning. */
const KEPT = 2000;

export interface History {
  /** The board before the first of the events. */
  readonly before: Board;
  readonly events: readonly TopicEvent[];
  /** The board after all of them. */
  readonly now: Board;
}

/** The topic `board`, to its history. */
export const history: Fold<History, TopicEvent> = {
  initial: { before: EMPTY, events: [], now: EMPTY },
  fold({ before, events, now }, fresh) {
    const all = [...events, ...fresh];
    const old = all.splice(0, Math.max(0, all.length - KEPT));
    return {
      before: old.length > 0 ? foldBoard(before, old) : before,
      events: all,
      now: foldBoard(now, fresh),
    };
  },
};

/** The board after so many of the events. */
export function boardAfter({ before, events, now }: History, count: number): Board {
  return count >= events.length ? now : foldBoard(before, events.slice(0, count));
}

/** The place up to which the history goes. */
export function placeOf({ events }: History): number {
  return events.at(-1)?.seq ?? 0;
}

/** An event in words. */
export interface Told {
  readonly what: string;
  readonly card: string;
  readonly by: Visitor | undefined;
}

const WORDS: Readonly<Record<string, string>> = {
  'card.added': 'added',
  'card.moved': 'moved',
  'card.edited': 'edited',
  'card.removed': 'removed',
};

/** What an unknown card is called: its last title was superseded, and is kept nowhere. */
const UNKNOWN = 'A card';

/**
 * What an event says. What is gone has no title of its own any more: the history remembers the last one, unless the
 * card came and went so long before the page did that only its end is kept.
 */
export function tell({ before, events }: History, index: number): Told {
  const event = events[index];
  if (!event) return { what: '', card: '', by: undefined };
  const what = WORDS[event.event] ?? event.event;
  if (isCard(event.data)) return { what, card: event.data.title, by: event.data.by };
  const last = events.slice(0, index).findLast(({ key, data }) => key === event.key && isCard(data));
  const card = last && isCard(last.data) ? last.data : before.get(event.key ?? '');
  return { what, card: card?.title ?? UNKNOWN, by: undefined };
}
