// What can be asked of the board, and what the board looks like while the answers are on their way.

import type { Answer, Call, KeyedCall, Restored } from '../link';
import { fold, type Board } from './board';
import type { Card, Visitor } from './card';

interface By { readonly by: Visitor }

export type Add = Card & By;
export type Move = Pick<Card, 'id' | 'column' | 'rank'> & By;
export type Edit = Pick<Card, 'id' | 'title'> & By;
export type Remove = Pick<Card, 'id'>;

export const add = (data: Add): Call => ({ event: 'api.board.add', data });
export const move = (data: Move): Call => ({ event: 'api.board.move', data });
export const edit = (data: Edit): Call => ({ event: 'api.board.edit', data });
export const remove = (data: Remove): Call => ({ event: 'api.board.remove', data });

/** The board as it will be if the call succeeds. */
export function expected(board: Board, { event, data }: Call): Board {
  const change = data as Partial<Card> & Remove;
  const card = board.get(change.id);
  switch (event) {
    case 'api.board.add':
      return fold(board, [{ key: change.id, data }]);
    case 'api.board.move':
    case 'api.board.edit':
      return card ? fold(board, [{ key: change.id, data: { ...card, ...change } }]) : board;
    case 'api.board.remove':
      return fold(board, [{ key: change.id, deleted: true }]);
    default:
      return board;
  }
}

interface Change {
  readonly call: KeyedCall;
  /** The place of its event, once it is answered. */
  readonly seq?: number;
}

/**
 * Changes that the board does not show of itself yet. One whose answer is an error is dropped, and so undone; one
 * that succeeded is kept until its event came down.
 */
export class Changes {
  private constructor(private readonly open: readonly Change[]) {}

  static readonly NONE = new Changes([]);

  /** What was asked for before the page was loaded anew. */
  static restored(restored: readonly Restored[]): Changes {
    return restored.reduce((changes, { call, answer }) => {
      const asked = changes.asked(call);
      return answer ? asked.answered(answer) : asked;
    }, Changes.NONE);
  }

  asked(call: KeyedCall): Changes {
    return call.event.startsWith('api.board.') ? new Changes([...this.open, { call }]) : this;
  }

  answered({ call, data, error }: Answer): Changes {
    const open = this.open.flatMap((change) => {
      if (change.call.id !== call.id) return [change];
      return error ? [] : [{ call, seq: seqOf(data) }];
    });
    return new Changes(open);
  }

  /** The topic has come so far. */
  reached(seq: number): Changes {
    const open = this.open.filter((change) => change.seq === undefined || change.seq > seq);
    return open.length === this.open.length ? this : new Changes(open);
  }

  /** These, and later ones. */
  and(later: Changes): Changes {
    return new Changes([...this.open, ...later.open]);
  }

  /** The board with all of them. */
  on(board: Board): Board {
    return this.open.reduce((seen, { call }) => expected(seen, call), board);
  }

  /** The ids of cards whose changes are on their way. */
  get cards(): ReadonlySet<string> {
    return new Set(this.open.map(({ call }) => (call.data as Remove).id));
  }
}

/** The place in a position, `epoch:seq`. */
function seqOf(position: unknown): number {
  return typeof position === 'string' ? Number(position.split(':').pop()) : 0;
}
