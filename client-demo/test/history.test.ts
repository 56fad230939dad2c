import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY, fold } from '../src/board/board';
import { boardAfter, history, tell } from '../src/history/history';
import type { TopicEvent } from '../src/link';

const by = { name: 'Ada', color: '#1f6fb2' };

function event(seq: number, name: string, key: string, title?: string): TopicEvent {
  const data = title === undefined ? { deleted: true } : { data: { id: key, title, column: 'todo', rank: seq, by } };
  return { event: name, topic: 'board', seq, key, time: seq, live: true, ...data };
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
  const all = Array.from({ length: 2500 }, (_, index) => event(index + 1, 'card.added', `card-${String(index)}`, 'x'));
  const past = history.fold(history.fold(history.initial, all.slice(0, 1800)), all.slice(1800));
  expect(past.events.length).toBe(2000);
  expect(past.before.size).toBe(500);
  expect(boardAfter(past, 0).size).toBe(500);
  expect(past.now.size).toBe(2500);
});

test('events are told in words, also of what is gone', () => {
  const past = history.fold(history.initial, [event(1, 'card.added', 'a', 'Fly'), event(2, 'card.removed', 'a'), event(3, 'card.other', 'b')]);
  expect(tell(past, 0)).toEqual({ what: 'added', card: 'Fly', by });
  expect(tell(past, 1)).toEqual({ what: 'removed', card: 'Fly', by: undefined });
  expect(tell(past, 2)).toEqual({ what: 'card.other', card: 'A card', by: undefined });
});

test('a removal names the card as it was called last', () => {
  const added = [event(1, 'card.added', 'a', 'Fly'), event(2, 'card.added', 'b', 'Soar'), event(3, 'card.edited', 'a', 'Fly far')];
  const past = history.fold(history.fold(history.initial, added), [event(4, 'card.removed', 'a')]);
  expect(tell(past, 3)).toEqual({ what: 'removed', card: 'Fly far', by: undefined });
});

test('a removal names its card also where all that was said of it is folded into the beginning', () => {
  const added = event(1, 'card.added', 'a', 'Fly');
  const others = Array.from({ length: 2100 }, (_, index) => event(index + 2, 'card.edited', 'b', 'Soar'));
  const past = history.fold(history.initial, [added, ...others, event(2102, 'card.removed', 'a')]);
  expect(past.events.some(({ key, deleted }) => key === 'a' && !deleted)).toBe(false);
  expect(tell(past, past.events.length - 1).card).toBe('Fly');
});

test('a removal of a card that was never heard of does not pretend to know its name', () => {
  const past = history.fold(history.initial, [event(7, 'card.removed', '0b1a8c2e-5d1f-4c57-9a52-4a1d0e7a4f6b')]);
  expect(tell(past, 0)).toEqual({ what: 'removed', card: 'A card', by: undefined });
});
