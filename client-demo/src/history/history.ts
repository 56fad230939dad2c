// What happened on the board, in order, so that any moment of it can be seen again.

import { EMPTY, fold as foldBoard, isCard, type Board } from '../board/board';
import type { Visitor } from '../board/card';
import type { TopicEvent, TopicFold } from '../link';

/** Events that are kept one by one; older ones are folded into the beginning. */
const KEPT = 5000;

export interface History {
  /** How many events came before the first that is kept; those that the server compacted are not counted. */
  readonly passed: number;
  /** The board before the first of the events. */
  readonly before: Board;
  /** When that board came to be, where something happened before it; in milliseconds since 1970. */
  readonly since: number | undefined;
  readonly events: readonly TopicEvent[];
  /** The board after all of them. */
  readonly now: Board;
}

/**
 * The topic `board`, to its history. Of a compacted backlog only the board after all of it ever was: what it leaves
 * out was there in between.
 */
export const history: TopicFold<History> = {
  whole: KEPT,
  initial: { passed: 0, before: EMPTY, since: undefined, events: [], now: EMPTY },
  fold({ passed, before, since, events, now }, fresh) {
    const compacted = fresh.filter((event) => event.compacted);
    const all = [...events, ...fresh.filter((event) => !event.compacted)];
    const old = all.splice(0, Math.max(0, all.length - KEPT));
    const folded = [...compacted, ...old];
    return {
      passed: passed + old.length,
      before: folded.length > 0 ? foldBoard(before, folded) : before,
      since: folded.at(-1)?.time ?? since,
      events: all,
      now: foldBoard(now, fresh),
    };
  },
};

/** The number of the last event, counted from the first that is known of: the newest moment. */
export function lastOf({ passed, events }: History): number {
  return passed + events.length;
}

/** The event of a number. */
export function eventAt({ passed, events }: History, number: number): TopicEvent | undefined {
  return events[number - passed - 1];
}

/** The board after the event of a number. */
export function boardAfter(history: History, number: number): Board {
  const { passed, before, events, now } = history;
  return number >= lastOf(history) ? now : foldBoard(before, events.slice(0, Math.max(0, number - passed)));
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
export function tell(history: History, number: number): Told {
  const event = eventAt(history, number);
  if (!event) return { what: '', card: '', by: undefined };
  const what = WORDS[event.event] ?? event.event;
  if (isCard(event.data)) return { what, card: event.data.title, by: event.data.by };
  const { passed, before, events } = history;
  const earlier = events.slice(0, number - passed - 1);
  const last = earlier.findLast(({ key, data }) => key === event.key && isCard(data));
  const card = last && isCard(last.data) ? last.data : before.get(event.key ?? '');
  return { what, card: card?.title ?? UNKNOWN, by: undefined };
}
