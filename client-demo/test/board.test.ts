import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY, cardsOf, columnsOf, fold, rankAt, type Board, type BoardEvent } from '../src/board/board';
import { COLUMNS, type Card } from '../src/board/card';

/** Any card of a few, as any visitor may leave it. */
const card: fc.Arbitrary<Card> = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  title: fc.string({ minLength: 1, maxLength: 5 }),
  column: fc.constantFrom('todo', 'doing', 'done', 'later'),
  rank: fc.double({ min: -10, max: 10, noNaN: true }),
});

/** What may happen: a card is as it is now, is gone, or something that is about no card. */
const event: fc.Arbitrary<BoardEvent> = fc.oneof(
  card.map((data) => ({ key: data.id, data })),
  card.map(({ id }) => ({ key: id, deleted: true })),
  fc.constant({ data: 'a note' }),
);

const events = fc.array(event, { maxLength: 40 });

/** What the server keeps of a backlog: of each key the latest event, without those that have ended; what has no key stays. */
function compacted(all: readonly BoardEvent[]): readonly BoardEvent[] {
  const isLatest = ({ key }: BoardEvent, index: number) =>
    key === undefined || !all.slice(index + 1).some((later) => later.key === key);
  return all.filter((one, index) => isLatest(one, index) && !one.deleted);
}

const sorted = (board: Board) => [...board].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the fold', () => {
  test('of a compacted backlog and what comes live is that of all that happened', () => {
    fc.assert(fc.property(events, fc.nat(), (all, cut) => {
      const at = cut % (all.length + 1);
      const caughtUp = fold(EMPTY, compacted(all.slice(0, at)));
      expect(sorted(fold(caughtUp, all.slice(at)))).toEqual(sorted(fold(EMPTY, all)));
    }));
  });

  test('is the same however the events come in batches', () => {
    fc.assert(fc.property(fc.array(events, { maxLength: 6 }), (batches) => {
      const once = fold(EMPTY, batches.flat());
      const bit = batches.reduce<Board>((board, batch) => fold(board, batch), EMPTY);
      expect(bit).toEqual(once);
    }));
  });

  test('leaves the board that it was given alone', () => {
    fc.assert(fc.property(events, events, (past, fresh) => {
      const board = fold(EMPTY, past);
      const before = new Map(board);
      fold(board, fresh);
      expect(board).toEqual(before);
    }));
  });

  test('passes over what is no card', () => {
    const odd = [{ key: 'a', data: null }, { key: 'a', data: { id: 'a' } }, { key: 'a' }, { data: 1 }];
    expect(fold(EMPTY, odd)).toEqual(EMPTY);
  });
});

describe('a column', () => {
  test('has its cards in one order for all, whatever the order in which they came', () => {
    fc.assert(fc.property(fc.uniqueArray(card, { selector: ({ id }) => id }), (cards) => {
      const board = (of: readonly Card[]) => fold(EMPTY, of.map((data) => ({ key: data.id, data })));
      expect(cardsOf(board(cards), 'todo')).toEqual(cardsOf(board(cards.toReversed()), 'todo'));
    }));
  });

  test('is shown where a card stands in it', () => {
    const board = fold(EMPTY, [{ key: 'a', data: { id: 'a', title: 'A', column: 'later', rank: 1 } }]);
    expect(columnsOf(board)).toEqual([...COLUMNS, { name: 'later', title: 'later' }]);
  });

  test('takes a card at any place among the others', () => {
    const at = fc.array(fc.nat(), { minLength: 1, maxLength: 30 });
    fc.assert(fc.property(at, (places) => {
      let cards: readonly Card[] = [];
      for (const [number, place] of places.entries()) {
        const index = place % (cards.length + 1);
        const rank = rankAt(cards, index);
        const added: Card = { id: String(number), title: 'x', column: 'todo', rank };
        const meant = cards.toSpliced(index, 0, added);
        cards = cardsOf(fold(EMPTY, meant.map((data) => ({ key: data.id, data }))), 'todo');
        expect(cards).toEqual(meant);
      }
    }));
  });
});
