// Streams and uploads of an element, over the link's socket.

import { duplex, stream, upload, type ClientSocket } from 'updraft-client';

/** What an element asks for: a call whose answer comes frame by frame, or that takes frames. */
export interface StreamCall {
  readonly event: string;
  readonly data?: unknown;
  /** Whether the function streams its answer; else it answers once, which is the only item. */
  readonly isStreamed: boolean;
  /** Frames that may be out which the element has not taken. */
  readonly window?: number;
  /** What is sent, frame by frame. */
  readonly source?: AsyncIterable<unknown>;
  readonly signal: AbortSignal;
}

/**
 * Goes up: an element dispatches it, and the link gives it `items` before `dispatchEvent` returns. Taking them asks for
 * more; `signal` and `break` end the stream at the server.
 */
export class StreamEvent extends CustomEvent<StreamCall> {
  static readonly type = 'updraft-stream';
  items: AsyncIterable<unknown> | undefined;

  constructor(call: StreamCall) {
    super(StreamEvent.type, { bubbles: true, composed: true, detail: call });
  }
}

declare global {
  interface HTMLElementEventMap {
    'updraft-stream': StreamEvent;
  }
}

/** The items of what an element asks for. */
export function itemsOf(socket: ClientSocket, call: StreamCall): AsyncIterable<unknown> {
  const { event, data, isStreamed, window, source, signal } = call;
  if (source === undefined) return stream(socket, event, data, { signal, window });
  if (isStreamed) return duplex(socket, event, source, { data, signal, window });
  return answerOf(() => upload(socket, event, source, { data, signal }));
}

async function* answerOf(ask: () => Promise<unknown>): AsyncGenerator {
  yield await ask();
}
