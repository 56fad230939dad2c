// What goes up the DOM to the link, and what the link tells the element that it came from.

import type { ErrorBody } from 'updraft-client';

/** What an element asks of the backend. Fields beside these travel with the call (`encoding`, `v`, …). */
export interface Call {
  readonly event: string;
  readonly data?: unknown;
  readonly [field: string]: unknown;
}

/** A call on its way, with its idempotency key: however often it is sent, it is applied once. */
export type KeyedCall = Call & { readonly id: string };

/** What became of a call: `error` where it failed. `data` is absent where the function returns nothing. */
export interface Answer {
  readonly call: KeyedCall;
  readonly data?: unknown;
  readonly error?: ErrorBody;
  /** From the emit to the answer, in milliseconds. */
  readonly took: number;
}

/**
 * Goes up: an element dispatches it, the link emits it as a call.
 *
 *     this.dispatchEvent(new CallEvent({ event: 'api.board.remove', data: { id } }));
 */
export class CallEvent extends CustomEvent<KeyedCall> {
  static readonly type = 'updraft-call';
  /** Whether an answer is asked for. A call without one is sent once, and what comes of it is a message. */
  readonly acked: boolean;
  /**
   * Whether it is of this moment only: sent where there is a connection, else dropped, and forgotten with the
   * connection that it went over. It counts among no calls. For what a page does by itself, and does again.
   */
  readonly volatile: boolean;

  constructor(call: Call, { acked = true, volatile = false } = {}) {
    super(CallEvent.type, { bubbles: true, composed: true, detail: { id: crypto.randomUUID(), ...call } });
    this.acked = acked;
    this.volatile = volatile;
  }
}

/** Comes back: the link dispatches it on the element that called. It bubbles too, for those above. */
export class AnswerEvent extends CustomEvent<Answer> {
  static readonly type = 'updraft-answer';

  constructor(answer: Answer) {
    super(AnswerEvent.type, { bubbles: true, composed: true, detail: answer });
  }
}

/** Goes up: asks the link to go offline, or back. */
export class SwitchEvent extends CustomEvent<{ readonly offline: boolean }> {
  static readonly type = 'updraft-switch';

  constructor(offline: boolean) {
    super(SwitchEvent.type, { bubbles: true, composed: true, detail: { offline } });
  }
}

declare global {
  interface HTMLElementEventMap {
    'updraft-call': CallEvent;
    'updraft-answer': AnswerEvent;
    'updraft-switch': SwitchEvent;
  }
}
