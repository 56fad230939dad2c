import { expect, test } from 'vitest';
import { EMPTY, fold } from '../src/board/board';
import { Changes, add, edit, move, remove } from '../src/board/changes';
import type { Call } from '../src/link';

const by = { name: 'Ada', color: '#1f6fb2' };
const card = { id: 'a', title: 'Fly', column: 'todo', rank: 1 };
const board = fold(EMPTY, [{ key: 'a', data: card }]);

const keyed = (call: Call, id: string) => ({ ...call, id });
const answer = (id: string, more: object) => ({ call: keyed(remove({ id: 'a' }), id), took: 1, ...more });

test('a change is seen at once', () => {
  const asked = Changes.NONE
    .asked(keyed(move({ id: 'a', column: 'done', rank: 2, by }), '1'))
    .asked(keyed(edit({ id: 'a', title: 'Soar', by }), '2'))
    .asked(keyed(add({ ...card, id: 'b', by }), '3'));
  expect(asked.on(board).get('a')).toEqual({ id: 'a', title: 'Soar', column: 'done', rank: 2, by });
  expect(asked.on(board).has('b')).toBe(true);
  expect(asked.cards).toEqual(new Set(['a', 'b']));
  expect(board.get('a')).toEqual(card);
});

test('a change that is refused is undone, and those beside it stay', () => {
  const asked = Changes.NONE
    .asked(keyed(edit({ id: 'a', title: 'Soar', by }), '1'))
    .asked(keyed(move({ id: 'a', column: 'done', rank: 2, by }), '2'));
  const error = { code: 'conflict', message: 'no' };
  expect(asked.answered(answer('1', { error })).on(board).get('a')).toMatchObject({ title: 'Fly', column: 'done' });
});

test('a change that succeeded is kept until its event came', () => {
  const answered = Changes.NONE.asked(keyed(remove({ id: 'a' }), '1')).answered(answer('1', { data: 'epoch:7' }));
  expect(answered.reached(6).on(board).has('a')).toBe(false);
  expect(answered.reached(7).on(board).has('a')).toBe(true);
  expect(answered.reached(7).cards.size).toBe(0);
});

test('what is not asked of the board is no change of it', () => {
  expect(Changes.NONE.asked(keyed({ event: 'api.services.status' }, '1'))).toBe(Changes.NONE);
});

test('a change of a card that is gone shows nothing', () => {
  const asked = Changes.NONE.asked(keyed(edit({ id: 'z', title: 'Soar', by }), '1'));
  expect(asked.on(board)).toEqual(board);
});

test('changes from before the page was loaded anew are seen, and taken back where they are refused', () => {
  const waits = { call: keyed(add({ ...card, id: 'b', by }), '1') };
  const refused = { call: keyed(remove({ id: 'a' }), '2'), answer: answer('2', { error: { code: 'conflict', message: 'no' } }) };
  const call = keyed(edit({ id: 'a', title: 'Soar', by }), '3');
  const done = { call, answer: answer('3', { call, data: 'epoch:7' }) };
  const restored = Changes.restored([waits, refused, done]).and(Changes.NONE.asked(keyed(edit({ id: 'b', title: 'New', by }), '4')));
  expect(restored.on(board).get('a')?.title).toBe('Soar');
  expect(restored.on(board).get('b')?.title).toBe('New');
  expect(restored.reached(7).on(board).get('a')?.title).toBe('Fly');
  expect(restored.reached(7).cards).toEqual(new Set(['b']));
});
