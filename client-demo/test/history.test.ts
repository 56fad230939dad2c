import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY, fold } from '../src/board/board';
import { boardAfter, history, lastOf, tell } from '../src/history/history';
import type { TopicEvent } from '../src/link';

const by = { name: 'Ada', color: '#1f6fb2' };

function event(seq: number, name: string, key: string, title?: string): TopicEvent {
  const data = title === undefined ? { deleted: true } : { data: { id: key, title, column: 'todo', rank: seq, by } };
  return { event: name, topic: 'board', seq, key, time: seq, live: true, compacted: false, position: `e:${seq}`, ...data };
}

const any = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.option(fc.string({ minLength: 1 }), { nil: undefined })), { maxLength: 30 })
  .map((all) => all.map(([key, title], index) => event(index + 1, 'card.any', key, title)));

test('each moment is the fold of what happened up to it', () => {
  fc.assert(fc.property(any, fc.nat(), (all, cut) => {
    const past = history.fold(history.initial, all);
    const count = cut % (all.length + 1);
    expect(boardAfter(past, count)).toEqual(fold(EMPTY, all.slice(0, count)));
  }));
});

test('what is too old to be told one by one is in the board still', () => {
  const all = Array.from({ length: 5500 }, (_, index) => event(index + 1, 'card.added', `card-${String(index)}`, 'x'));
  const past = history.fold(history.fold(history.initial, all.slice(0, 4800)), all.slice(4800));
  expect(past.events.length).toBe(5000);
  expect(past.before.size).toBe(500);
  expect(boardAfter(past, 0).size).toBe(500);
  expect(past.now.size).toBe(5500);
  expect(past).toMatchObject({ passed: 500, since: 500 });
  expect(lastOf(past)).toBe(5500);
  // A moment keeps its number, and what is from before the beginning is the beginning.
  expect(boardAfter(past, 501).size).toBe(501);
  expect(tell(past, 501).card).toBe('x');
});

test('events are told in words, also of what is gone', () => {
  const past = history.fold(history.initial, [event(1, 'card.added', 'a', 'Fly'), event(2, 'card.removed', 'a'), event(3, 'card.other', 'b')]);
  expect(tell(past, 1)).toEqual({ what: 'added', card: 'Fly', by });
  expect(tell(past, 2)).toEqual({ what: 'removed', card: 'Fly', by: undefined });
  expect(tell(past, 3)).toEqual({ what: 'card.other', card: 'A card', by: undefined });
});

test('a removal names the card as it was called last', () => {
  const added = [event(1, 'card.added', 'a', 'Fly'), event(2, 'card.added', 'b', 'Soar'), event(3, 'card.edited', 'a', 'Fly far')];
  const past = history.fold(history.fold(history.initial, added), [event(4, 'card.removed', 'a')]);
  expect(tell(past, 4)).toEqual({ what: 'removed', card: 'Fly far', by: undefined });
});

test('a removal names its card also where all that was said of it is folded into the beginning', () => {
  const added = event(1, 'card.added', 'a', 'Fly');
  const others = Array.from({ length: 5100 }, (_, index) => event(index + 2, 'card.edited', 'b', 'Soar'));
  const past = history.fold(history.initial, [added, ...others, event(5102, 'card.removed', 'a')]);
  expect(past.events.some(({ key, deleted }) => key === 'a' && !deleted)).toBe(false);
  expect(tell(past, lastOf(past)).card).toBe('Fly');
});

test('a removal of a card that was never heard of does not pretend to know its name', () => {
  const past = history.fold(history.initial, [event(7, 'card.removed', '0b1a8c2e-5d1f-4c57-9a52-4a1d0e7a4f6b')]);
  expect(tell(past, 1)).toEqual({ what: 'removed', card: 'A card', by: undefined });
});

test('of a compacted backlog no moment is shown but the one after all of it', () => {
  // `a` was added, moved and edited, `b` came and went: what is left says only how it ended.
  const compacted = [event(3, 'card.edited', 'a', 'Fly far'), event(6, 'card.added', 'c', 'Soar')].map((one) => ({ ...one, live: false, compacted: true }));
  const past = history.fold(history.fold(history.initial, compacted.slice(0, 1)), [...compacted.slice(1), event(7, 'card.removed', 'a')]);
  expect(past.since).toBe(6);
  expect(lastOf(past)).toBe(1);
  expect([...boardAfter(past, 0).keys()]).toEqual(['a', 'c']);
  expect([...boardAfter(past, 1).keys()]).toEqual(['c']);
  expect(tell(past, 1)).toEqual({ what: 'removed', card: 'Fly far', by: undefined });
});
