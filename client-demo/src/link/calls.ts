// Calls between their events and their answers.

import type { ErrorBody } from 'updraft-client';
import { AnswerEvent, type Answer, type Call, type CallEvent, type KeyedCall } from './events';
import type { Kept } from './kept';
import type { Restored } from './state';

/** How a call is sent; `answered` is called at most once. */
export type Send = (call: KeyedCall, answered?: (answer: unknown) => void) => void;

/** A call as it bubbles up. Any custom event of the type will do; one of its own class has said the rest. */
export type Asking = CustomEvent<Call> & Partial<Pick<CallEvent, 'acked' | 'volatile'>>;

/** Before a call that the server could not take is sent again, in milliseconds. */
const AGAIN = 1000;

interface Asked {
  readonly call: KeyedCall;
  /** The element that called, and all above it. */
  readonly path: readonly EventTarget[];
  readonly acked: boolean;
}

/**
 * The calls that have no answer yet, in their order. Whenever there is a connection anew all of them are sent
 * again, under the same keys: the server applies each once, and gives its first answer to the retry. Those that
 * are volatile are sent now or never. What waits is kept with the tab, and waits again when the page is loaded anew.
 */
export class Calls {
  /** How many were taken in, and how many were answered; volatile ones are not counted. */
  taken = 0;
  answered = 0;
  /** The last call's way there and back, in milliseconds. */
  latency: number | undefined;
  /** Those that waited when the page was left, and want an answer. */
  restored: readonly Restored[] = [];
  readonly #waiting = new Map<string, Asked>();
  #send: Send | undefined;

  /** Answers to calls whose elements are gone are dispatched at `home`. */
  constructor(
    private readonly changed: () => void,
    private readonly home: EventTarget,
    private readonly kept: Kept,
  ) {
    const restored = kept.read();
    for (const { call, acked } of restored) this.#waiting.set(call.id, { call, path: [], acked });
    this.taken = this.#waiting.size;
    this.restored = restored.filter(({ acked }) => acked).map(({ call }) => ({ call }));
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  take(event: Asking): void {
    const call = { id: crypto.randomUUID(), ...event.detail };
    const asked = { call, path: event.composedPath(), acked: event.acked ?? true };
    if (event.volatile) {
      this.#sendNow(asked);
      return;
    }
    this.taken += 1;
    this.#waiting.set(call.id, asked);
    this.#keep();
    this.#try(asked);
    this.changed();
  }

  /** There is a connection: what waits is sent, and what comes from now on too. */
  open(send: Send): void {
    this.#send = send;
    for (const asked of [...this.#waiting.values()]) this.#try(asked);
    this.changed();
  }

  /** There is none any more, or the server takes no more: calls wait. */
  close(): void {
    this.#send = undefined;
  }

  #sendNow(asked: Asked): void {
    if (!asked.acked) this.#send?.(asked.call);
    else this.#send?.(asked.call, answers(asked, (answer) => { this.#tell(asked, answer); }));
  }

  #try(asked: Asked): void {
    const send = this.#send;
    if (!send) return;
    const { call, acked } = asked;
    if (!acked) {
      send(call);
      this.#settle(asked);
      return;
    }
    send(call, answers(asked, (answer) => {
      if (!this.#waiting.has(call.id)) return;
      if (answer.error?.code === 'unavailable') {
        // Not taken, for now: the server stops, or cannot write.
        setTimeout(() => { if (this.#send === send) this.#try(asked); }, AGAIN);
        return;
      }
      this.#settle(asked);
      this.#tell(asked, answer);
    }));
  }

  #settle({ call }: Asked): void {
    this.#waiting.delete(call.id);
    this.#keep();
    this.answered += 1;
    this.changed();
  }

  #keep(): void {
    this.kept.write(this.#waiting.values());
  }

  #tell({ call, path }: Asked, answer: Answer): void {
    this.latency = answer.took;
    this.restored = this.restored.map((one) => (one.call.id === call.id ? { call, answer } : one));
    (nearest(path) ?? this.home).dispatchEvent(new AnswerEvent(answer));
    this.changed();
  }
}

/** Makes an answer of what the server says to a call that is sent now. */
function answers({ call }: Asked, hear: (answer: Answer) => void): (said: unknown) => void {
  const begun = performance.now();
  return (said) => {
    const { data, error } = said as { data?: unknown; error?: ErrorBody };
    hear({ call, data, ...(error && { error }), took: performance.now() - begun });
  };
}

/** The element that called or, where it is gone, the nearest above it that is still there. */
function nearest(path: readonly EventTarget[]): EventTarget | undefined {
  return path.find((target) => (target as Partial<Node>).isConnected);
}
