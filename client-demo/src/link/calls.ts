// Calls between their events and their answers.

import { AnswerEvent, type Answer, type Call, type CallError, type KeyedCall } from './events';

/** How a call is sent; `answered` is called at most once. */
export type Send = (call: KeyedCall, answered?: (answer: unknown) => void) => void;

/** Before a call that the server could not take is sent again, in milliseconds. */
const AGAIN = 1000;

interface Waiting {
  readonly call: KeyedCall;
  /** The element that called, and all above it. */
  readonly path: readonly EventTarget[];
  readonly acked: boolean;
}

/**
 * The calls that have no answer yet, in their order. Whenever there is a connection anew all of them are sent
 * again, under the same keys: the server applies each once, and gives its first answer to the retry.
 */
export class Calls {
  /** How many were taken in, and how many were answered. */
  taken = 0;
  answered = 0;
  /** The last call's way there and back, in milliseconds. */
  latency: number | undefined;
  readonly #waiting = new Map<string, Waiting>();
  #send: Send | undefined;

  constructor(private readonly changed: () => void) {}

  get waiting(): number {
    return this.#waiting.size;
  }

  take(event: CustomEvent<Call> & { readonly acked?: boolean }): void {
    // Any custom event of the type will do; one of its own class has said the rest.
    const call = { id: crypto.randomUUID(), ...event.detail };
    const waiting = { call, path: event.composedPath(), acked: event.acked ?? true };
    this.taken += 1;
    this.#waiting.set(waiting.call.id, waiting);
    this.#try(waiting);
    this.changed();
  }

  /** There is a connection: what waits is sent, and what comes from now on too. */
  open(send: Send): void {
    this.#send = send;
    for (const waiting of [...this.#waiting.values()]) this.#try(waiting);
    this.changed();
  }

  /** There is none any more: calls wait. */
  close(): void {
    this.#send = undefined;
  }

  #try(waiting: Waiting): void {
    const send = this.#send;
    if (!send) return;
    const { call, acked } = waiting;
    if (!acked) {
      send(call);
      this.#settle(waiting);
      return;
    }
    const begun = performance.now();
    send(call, (answer) => {
      if (this.#send !== send || !this.#waiting.has(call.id)) return;
      const { data, error } = answer as { data?: unknown; error?: CallError };
      if (error?.code === 'unavailable') {
        // Not taken, for now: the server stops, or cannot write.
        setTimeout(() => { if (this.#send === send) this.#try(waiting); }, AGAIN);
        return;
      }
      const took = performance.now() - begun;
      this.latency = took;
      this.#settle(waiting);
      const told: Answer = { call, data, ...(error && { error }), took };
      nearest(waiting.path)?.dispatchEvent(new AnswerEvent(told));
    });
  }

  #settle({ call }: Waiting): void {
    this.#waiting.delete(call.id);
    this.answered += 1;
    this.changed();
  }
}

/** The element that called or, where it is gone, the nearest above it that is still there. */
function nearest(path: readonly EventTarget[]): EventTarget | undefined {
  return path.find((target) => target instanceof Element && target.isConnected);
}
