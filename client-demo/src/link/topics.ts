// Topics and signals: from what the server emits to the state that comes down.

import type { Fold, Signal, TopicEvent } from './state';

/** The folds of an app, by topic or by the signal's name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each has a state of its own kind
export type Folds<Event> = Readonly<Record<string, Fold<any, Event>>>;

/** What the server emits of topics. */
type Heard =
  | { readonly event: 'topic.start'; readonly topic: string; readonly epoch: string; readonly seq: number;
      readonly head: number; readonly reset: boolean }
  | { readonly event: 'topic.live'; readonly topic: string; readonly epoch: string; readonly seq: number }
  | (Omit<TopicEvent, 'live'> & { readonly event: string });

/** One topic: its state, and the place up to which it has come. */
export class Topic {
  state: unknown;
  isLive = false;
  at = 0;
  head = 0;
  heard = 0;
  repeated = 0;
  #epoch: string | undefined;
  #fresh: TopicEvent[] = [];

  constructor(
    readonly name: string,
    private readonly fold: Folds<TopicEvent>[string],
  ) {
    this.state = fold.initial;
  }

  /** Where to go on after a reconnect: `null` is the beginning. */
  get position(): string | null {
    return this.#epoch === undefined ? null : `${this.#epoch}:${String(this.at)}`;
  }

  hear(heard: Heard): void {
    if ('reset' in heard) {
      this.#epoch = heard.epoch;
      this.isLive = false;
      this.head = heard.head;
      if (!heard.reset) return;
      this.at = heard.seq;
      this.#fresh = [];
      this.state = this.fold.initial as unknown;
      return;
    }
    if (heard.event === 'topic.live') {
      this.isLive = true;
      this.at = heard.seq;
      return;
    }
    this.heard += 1;
    if (heard.seq <= this.at) {
      this.repeated += 1;
      return;
    }
    this.at = heard.seq;
    this.#fresh.push({ ...(heard as TopicEvent), live: this.isLive });
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

  constructor(private readonly folds: Folds<Signal>) {
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
