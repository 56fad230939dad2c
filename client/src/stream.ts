// What a function streams, as an async iterable; and both ways at once.

import { onAbort } from './abort.js';
import { Channel } from './channel.js';
import type { Ack, Named, Packet } from './dialect.js';
import { badCall, disconnected, errorOf, type CallError } from './error.js';
import { Queue } from './queue.js';
import { Reconnect } from './reconnect.js';
import { Sender } from './sender.js';
import type { ClientSocket } from './socket.js';
import { framesOf, type Frames, type Source } from './source.js';
import { ReceiveWindow } from './windows.js';

/** Frames that may be out where no window is given. */
const WINDOW = 16;

interface ReadOptions {
  /** Ends it: what waits for the next item throws the signal's reason, and the server drops the stream. */
  readonly signal?: AbortSignal | undefined;
  /** How many frames may be out that the consumer has not taken: 16, unless given. `Infinity`: as many as come. */
  readonly window?: number | undefined;
  /** For a namespace of events of any name: `true`, or `'node'` where its acks are `(err, …)`. */
  readonly named?: Named | undefined;
}

export interface StreamOptions extends ReadOptions {
  /**
   * Goes on after a reconnect where it was, for functions that take `After`; others refuse, which is thrown. While there
   * is no connection it waits, however long: `signal` ends that.
   */
  readonly resume?: boolean | undefined;
}

export interface DuplexOptions extends ReadOptions {
  /** The call's data. */
  readonly data?: unknown;
  /** Bytes of a chunk where the source is bytes: 64 KiB, unless given. */
  readonly chunkSize?: number | undefined;
}

/**
 * Calls a function that streams, and gives what it streams, as fast as it is taken. It is called when the first item is
 * asked for. `break`, `return()` and the signal end it at the server too.
 *
 *     for await (const number of stream<number>(socket, 'api.stream.count', { to: 10 })) console.log(number);
 *
 * @throws {CallError} what the server refuses or fails with; `unavailable` where the connection ends, after the items
 * that came before it; `bad_call` where its frames are not in order, or where the function takes frames or does not stream.
 */
export function stream<T = unknown>(
  socket: ClientSocket,
  event: string,
  data?: unknown,
  options: StreamOptions = {},
): AsyncIterableIterator<T, undefined> {
  return new Reading<T>(socket, event, data, options);
}

/**
 * The same with a function that is streamed to meanwhile: sends what the source gives within the server's credit. When
 * the function ends, so does the source; when the source ends, the function goes on until it ends by itself. A source that
 * fails is thrown, and ends both ways.
 *
 *     for await (const answer of duplex(socket, 'my.chat', questions())) console.log(answer);
 */
export function duplex<T = unknown>(
  socket: ClientSocket,
  event: string,
  source: Source,
  { data, chunkSize, ...options }: DuplexOptions = {},
): AsyncIterableIterator<T, undefined> {
  return new Reading<T>(socket, event, data, options, framesOf(source, chunkSize));
}

class Reading<T> implements AsyncIterableIterator<T, undefined> {
  readonly #queue = new Queue<T>(() => { this.#taken(); });
  readonly #size: number;
  #frames: ReceiveWindow;
  #channel: Channel | undefined;
  #sender: Sender | undefined;
  #reconnect: Reconnect | undefined;
  #forget = (): void => undefined;
  #hasBegun = false;

  constructor(
    private readonly socket: ClientSocket,
    private readonly event: string,
    private readonly data: unknown,
    private readonly options: StreamOptions,
    private readonly source?: Frames,
  ) {
    this.#size = windowOf(options.window);
    this.#frames = new ReceiveWindow(this.#size, 0);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.#begin();
    return this.#queue.next();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#hasBegun = true;
    this.#cancel(undefined);
    return this.#queue.next();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#forget = onAbort(this.options.signal, (reason) => { this.#cancel({ error: reason }); });
    if (this.#queue.isClosed) return;
    try {
      this.#open(undefined);
    } catch (error) {
      this.#cancel({ error });
    }
  }

  #open(after: number | undefined): void {
    const { data } = this;
    const fields = {
      ...(data !== undefined && { data }),
      ...(this.#size !== Infinity && { window: this.#size }),
      ...(after !== undefined && { after }),
    };
    const channel = new Channel(this.socket, this.options.named ?? false, this.event, fields, {
      acked: (ack) => { this.#acked(channel, ack); },
      heard: (packet) => { this.#heard(packet); },
      disconnected: () => { this.#interrupted(disconnected()); },
    });
    this.#channel = channel;
    if (this.source) this.#sender = new Sender(channel, this.source, (error) => { this.#cancel({ error }); });
  }

  #acked(channel: Channel, ack: Ack): void {
    if ('error' in ack) this.#fail(errorOf(ack.error));
    else if (!channel.isNamedIn(ack.data)) this.#broken(`${this.event} answers, and streams nothing`, ack.data);
    else if (this.#sender?.isTaken === false) this.#broken(`${this.event} takes no frames: stream reads it`);
  }

  #heard({ kind, fields: { n, data, error, window } }: Packet): void {
    if (kind === 'stream.error') this.#failed(errorOf(error));
    else if (kind === 'stream.credit') this.#judge(this.#credited(n, window));
    else if (kind === 'stream.end') this.#judge(this.#frames.expects(n)) && this.#end();
    else if (kind === 'stream.data') this.#judge(this.#frames.accept(n)) && this.#queue.push(data as T);
  }

  #credited(n: unknown, window: unknown): string | undefined {
    return this.#sender ? this.#sender.credit(n, window) : `${this.event} takes frames: upload or duplex sends them`;
  }

  /** Ends the stream where the server does what the protocol forbids; true where it does not. */
  #judge(fault: string | undefined): boolean {
    if (fault === undefined) return true;
    this.#broken(fault);
    return false;
  }

  #taken(): void {
    const n = this.#frames.take();
    if (n !== undefined) this.#channel?.send('credit', { n });
    this.#reconnect?.check();
  }

  #end(): void {
    this.#close();
    this.#queue.end();
  }

  /** The server ends it with an error: one that stops may have said so of all its streams. */
  #failed(error: CallError): void {
    if (error.code === 'unavailable' && error.retry) this.#interrupted(error);
    else this.#fail(error);
  }

  /** It may go on later, where that is wanted. */
  #interrupted(error: CallError): void {
    if (this.options.resume !== true) {
      this.#fail(error);
      return;
    }
    this.#channel?.close();
    const { socket, options: { named = false } } = this;
    this.#reconnect = new Reconnect(socket, named, {
      // What was not taken yet still counts against the window.
      isReady: () => this.#queue.size === 0,
      again: () => { this.#resume(); },
      failed: () => { this.#fail(error); },
    });
  }

  #resume(): void {
    this.#reconnect = undefined;
    const after = this.#frames.next;
    this.#frames = new ReceiveWindow(this.#size, after);
    this.#open(after);
  }

  #fail(error: CallError): void {
    this.#close();
    this.#queue.fail(error);
  }

  #broken(fault: string, details?: unknown): void {
    this.#channel?.cancel();
    this.#fail(badCall(fault, details));
  }

  #cancel(failure: { readonly error: unknown } | undefined): void {
    this.#channel?.cancel();
    this.#close();
    this.#queue.drop(failure);
  }

  #close(): void {
    this.#forget();
    this.#reconnect?.stop();
    this.#channel?.close();
    if (this.#sender) this.#sender.stop();
    else this.source?.stop();
  }
}

function windowOf(window = WINDOW): number {
  if (window === Infinity || (Number.isSafeInteger(window) && window > 0)) return window;
  throw new RangeError(`window is a whole number from 1 on, or Infinity, and not ${String(window)}`);
}
