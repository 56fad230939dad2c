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
  expect(tell(past, 2)).toEqual({ what: 'card.other', card: 'b', by: undefined });
});
