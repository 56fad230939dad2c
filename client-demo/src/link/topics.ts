// Topics and signals: from what the server emits to the state that comes down.

import type { CallError } from './events';
import type { Signal, SignalFolds, TopicEvent, TopicFolds } from './state';

/** What the server emits of topics. */
export type Heard =
  | { readonly event: 'topic.start'; readonly topic: string; readonly epoch: string; readonly seq: number;
      readonly head: number; readonly reset: boolean }
  | { readonly event: 'topic.live'; readonly topic: string; readonly epoch: string; readonly seq: number }
  | { readonly event: 'topic.refused'; readonly topic: string | null; readonly error: CallError }
  | (Omit<TopicEvent, 'live' | 'compacted'> & { readonly event: string });

type Start = Extract<Heard, { readonly event: 'topic.start' }>;

/** One topic: its state, and the place up to which it has come. */
export class Topic {
  state: unknown;
  isLive = false;
  /** Whether it was begun over this connection. */
  hasBegun = false;
  /** Whether it was read to its end once. */
  isLoaded = false;
  at = 0;
  head = 0;
  heard = 0;
  repeated = 0;
  /** Why it cannot be read. */
  refused: CallError | undefined;
  #epoch: string | undefined;
  #isCompacted = false;
  #fresh: TopicEvent[] = [];
  /** What comes of a compacted backlog while the whole history is asked for: told where that is not to be had. */
  #aside: Heard[] | undefined;

  constructor(
    readonly name: string,
    private readonly fold: TopicFolds[string],
  ) {
    this.state = fold.initial;
  }

  /** Where to go on after a reconnect: `null` is the beginning. */
  get position(): string | null {
    return this.#epoch === undefined ? null : `${this.#epoch}:${String(this.at)}`;
  }

  /** Whether it is to be subscribed to again from its position, since a compacted backlog is less than it wants. */
  get wantsWhole(): boolean {
    return this.#aside !== undefined;
  }

  hear(heard: Heard): void {
    if ('reset' in heard) this.#start(heard);
    else if ('error' in heard) this.refused = heard.error;
    else if (this.#aside) this.#aside.push(heard);
    else this.#take(heard);
  }

  /** The whole history is not to be had now: the compacted backlog goes on. */
  compacted(): void {
    const aside = this.#aside ?? [];
    this.#aside = undefined;
    for (const heard of aside) this.hear(heard);
  }

  /** The connection is gone. */
  disconnected(): void {
    this.isLive = false;
    this.hasBegun = false;
    this.refused = undefined;
    this.#aside = undefined;
  }

  #start({ epoch, seq, head, reset }: Start): void {
    const wasAsked = this.wantsWhole;
    this.#aside = undefined;
    this.#epoch = epoch;
    this.isLive = false;
    this.hasBegun = true;
    this.refused = undefined;
    this.head = head;
    if (!reset && seq > 0) return;
    this.at = seq;
    this.#fresh = [];
    this.#isCompacted = reset;
    this.state = this.fold.initial as unknown;
    if (reset && !wasAsked && head <= (this.fold.whole ?? -1)) this.#aside = [];
  }

  #take(heard: Exclude<Heard, { readonly event: 'topic.start' | 'topic.refused' }>): void {
    if (heard.event === 'topic.live') {
      this.isLive = true;
      this.isLoaded = true;
      this.#isCompacted = false;
      this.at = heard.seq;
      return;
    }
    this.heard += 1;
    if (heard.seq <= this.at) {
      this.repeated += 1;
      return;
    }
    this.at = heard.seq;
    this.#fresh.push({ ...(heard as TopicEvent), live: this.isLive, compacted: this.#isCompacted });
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
