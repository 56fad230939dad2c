// Topics and signals: from what the server emits to the state that comes down.

import { TopicCursor, type ErrorBody, type TopicEvent, type TopicPacket } from 'updraft-client';
import type { Signal, SignalFolds, TopicFolds } from './state';

type Start = Extract<TopicPacket, { readonly event: 'topic.start' }>;

/** One topic: its state, and the place up to which it has come. */
export class Topic {
  state: unknown;
  /** Whether it was read to its end once. */
  isLoaded = false;
  readonly #cursor = new TopicCursor();
  #fresh: TopicEvent[] = [];
  /** What comes of a compacted backlog while the whole history is asked for: told where that is not to be had. */
  #aside: TopicPacket[] | undefined;

  constructor(
    readonly name: string,
    private readonly fold: TopicFolds[string],
  ) {
    this.state = fold.initial;
  }

  /** Where to go on after a reconnect: `null` is the beginning. */
  get position(): string | null {
    return this.#cursor.position;
  }

  /** Whether it says nothing of the connection. */
  get isAside(): boolean {
    return this.fold.aside ?? false;
  }

  get at(): number {
    return this.#cursor.at;
  }

  get head(): number {
    return this.#cursor.head;
  }

  get heard(): number {
    return this.#cursor.heard;
  }

  get repeated(): number {
    return this.#cursor.repeated;
  }

  get isLive(): boolean {
    return this.#cursor.isLive;
  }

  /** Whether it was begun over this connection. */
  get hasBegun(): boolean {
    return this.#cursor.hasBegun;
  }

  /** Why it cannot be read. */
  get refused(): ErrorBody | undefined {
    return this.#cursor.refused;
  }

  /** Whether it is to be subscribed to again from its position, since a compacted backlog is less than it wants. */
  get wantsWhole(): boolean {
    return this.#aside !== undefined;
  }

  hear(packet: TopicPacket): void {
    if ('reset' in packet) this.#start(packet);
    else if (this.#aside && !('error' in packet)) this.#aside.push(packet);
    else this.#take(packet);
  }

  /** The whole history is not to be had now: the compacted backlog goes on. */
  compacted(): void {
    const aside = this.#aside ?? [];
    this.#aside = undefined;
    for (const packet of aside) this.hear(packet);
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#cursor.disconnected();
    this.#aside = undefined;
  }

  #start(start: Start): void {
    const wasAsked = this.wantsWhole;
    this.#aside = undefined;
    this.#cursor.hear(start);
    const { seq, head, reset } = start;
    if (!reset && seq > 0) return;
    this.#fresh = [];
    this.state = this.fold.initial as unknown;
    if (reset && !wasAsked && head <= (this.fold.whole ?? -1)) this.#aside = [];
  }

  #take(packet: TopicPacket): void {
    const item = this.#cursor.hear(packet);
    if (item?.event === 'topic.live') this.isLoaded = true;
    else if (item) this.#fresh.push(item as TopicEvent);
  }

  /** Folds what came since the last time. */
  settle(): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh;
    this.#fresh = [];
    this.state = this.fold.fold(this.state, fresh) as unknown;
  }
}

/** Signals since the connection began. */
export class Signals {
  state: Record<string, unknown> = {};

  constructor(private readonly folds: SignalFolds) {
    this.reset();
  }

  reset(): void {
    this.state = Object.fromEntries(
      Object.entries(this.folds).map(([name, { initial }]) => [name, initial as unknown]),
    );
  }

  hear(signal: Signal): void {
    const folds = this.folds[signal.event];
    if (!folds) return;
    const next = folds.fold(this.state[signal.event], [signal]) as unknown;
    this.state = { ...this.state, [signal.event]: next };
  }
}
