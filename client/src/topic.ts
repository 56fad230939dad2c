// A topic as an async iterable: the backlog, then live, over reconnects.

import { onAbort } from './abort.js';
import { dialectOf, type Packet } from './dialect.js';
import { CallError, errorOf } from './error.js';
import { Hub, topicAddress, type Hearer } from './hub.js';
import { Queue } from './queue.js';
import type { ClientSocket } from './socket.js';
import { TopicCursor, type TopicItem, type TopicPacket } from './topic-cursor.js';

/** Before the server is asked again that refused the topic for now, in milliseconds, unless it says. */
const AFTER_REFUSAL = 5000;

/** Items that wait for the consumer, where no number is given. */
const BUFFER = 10_000;

export interface TopicOptions {
  /** The position to go on from, as an item has it; from the beginning without: then the backlog is compacted. */
  readonly since?: string | null | undefined;
  /** Ends it: what waits for the next item throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many items may wait for the consumer: 10 000, unless given. With more it unsubscribes, and goes on from there when
   * they are taken.
   */
  readonly buffer?: number | undefined;
}

/**
 * Subscribes to a topic and gives its events, each with its `position`: the backlog, then what happens. `topic.start` and
 * `topic.live` are among the items, as the server sends them: with `reset: true` drop what you hold. After a reconnect it
 * goes on from the last position, nothing is missed and nothing comes twice. While there is no connection, or the server
 * refuses it for now (`retry`), it waits. One socket reads a topic once at a time.
 *
 *     for await (const item of topic(socket, 'board')) {
 *       if (item.reset) board.clear();
 *       else if (item.event === 'card.added') board.set(item.key, item.data);
 *     }
 *
 * @throws {CallError} what the server refuses it with, for good.
 */
export function topic(
  socket: ClientSocket,
  name: string,
  options: TopicOptions = {},
): AsyncIterableIterator<TopicItem, undefined> {
  return new Subscription(socket, name, options);
}

class Subscription implements AsyncIterableIterator<TopicItem, undefined>, Hearer {
  readonly #queue = new Queue<TopicItem>(() => { this.#taken(); });
  readonly #cursor: TopicCursor;
  readonly #hub: Hub;
  readonly #buffer: number;
  #forget = (): void => undefined;
  #hasBegun = false;
  #isPaused = false;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly socket: ClientSocket,
    private readonly name: string,
    private readonly options: TopicOptions,
  ) {
    this.#cursor = new TopicCursor(options.since);
    this.#hub = Hub.of(socket, dialectOf(false));
    this.#buffer = options.buffer ?? BUFFER;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<TopicItem, undefined>> {
    this.#begin();
    return this.#queue.next();
  }

  return(): Promise<IteratorResult<TopicItem, undefined>> {
    this.#end(undefined);
    return this.#queue.next();
  }

  hear({ fields }: Packet): void {
    const packet = fields as unknown as TopicPacket;
    // What is under way of a subscription before this one, or of one that pauses.
    if (this.#isPaused || !(this.#cursor.hasBegun || packet.event === 'topic.start' || packet.event === 'topic.refused')) return;
    const item = this.#cursor.hear(packet);
    if (item) this.#queue.push(item);
    if ('error' in packet) this.#refused(errorOf(packet.error));
    else if (this.#queue.size >= this.#buffer) this.#pause();
  }

  connected(): void {
    if (!this.#isPaused) this.#subscribe();
  }

  disconnected(): void {
    this.#cursor.disconnected();
    clearTimeout(this.#retry);
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#forget = onAbort(this.options.signal, (error) => { this.#end({ error }); });
    if (this.#queue.isClosed) return;
    if (!this.#hub.add(topicAddress(this.name), this)) {
      this.#queue.fail(new CallError({ code: 'conflict', message: `this socket reads the topic ${this.name} already` }));
      this.#forget();
    } else if (this.socket.connected) this.#subscribe();
  }

  #subscribe(): void {
    const since = this.#cursor.position;
    const data = { topic: this.name, ...(since !== null && { since }) };
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.socket.emit('event', { event: 'topic.subscribe', data }, (answer: { readonly error?: unknown }) => {
      if (answer.error !== undefined && attempt === this.#attempt) this.#refused(errorOf(answer.error));
    });
  }

  #refused(error: CallError): void {
    this.#cursor.disconnected();
    clearTimeout(this.#retry);
    if (error.retry) {
      const { after_ms: after = AFTER_REFUSAL } = (error.details ?? {}) as { readonly after_ms?: number };
      this.#retry = setTimeout(() => { if (this.socket.connected) this.#subscribe(); }, after);
      return;
    }
    this.#close();
    this.#queue.fail(error);
  }

  /** The consumer is behind: the server keeps what comes. */
  #pause(): void {
    this.#isPaused = true;
    this.#cursor.disconnected();
    this.#unsubscribe();
  }

  #taken(): void {
    if (!this.#isPaused || this.#queue.size > 0) return;
    this.#isPaused = false;
    if (this.socket.connected) this.#subscribe();
  }

  #unsubscribe(): void {
    this.#attempt += 1;
    if (this.socket.connected) {
      this.socket.emit('event', { event: 'topic.unsubscribe', data: { topic: this.name } }, () => undefined);
    }
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    const isOpen = this.#hasBegun && !this.#queue.isClosed;
    this.#hasBegun = true;
    if (isOpen && this.#hub.has(topicAddress(this.name), this)) this.#unsubscribe();
    this.#close();
    this.#queue.drop(failure);
  }

  #close(): void {
    this.#forget();
    clearTimeout(this.#retry);
    this.#attempt += 1;
    this.#hub.remove(topicAddress(this.name), this);
  }
}
