// Where a client is in a topic.

import type { ErrorBody } from './error.js';

interface PublishedEvent {
  readonly event: string;
  readonly topic: string;
  /** Its place: rises strictly, with gaps. */
  readonly seq: number;
  /** What it is about. */
  readonly key?: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The end of the key. */
  readonly deleted?: boolean;
  readonly data?: unknown;
}

interface StartPacket {
  readonly event: 'topic.start';
  readonly topic: string;
  readonly epoch: string;
  /** The place that it goes on from. */
  readonly seq: number;
  /** Where the backlog ends. */
  readonly head: number;
  /** Whether the backlog is everything: drop what you hold of this topic. */
  readonly reset: boolean;
}

interface LivePacket {
  readonly event: 'topic.live';
  readonly topic: string;
  readonly epoch: string;
  readonly seq: number;
}

/** What the server emits of a topic, as `event`. */
export type TopicPacket =
  | StartPacket
  | LivePacket
  | { readonly event: 'topic.refused'; readonly topic: string | null; readonly error: ErrorBody }
  | PublishedEvent;

interface Positioned {
  /** Where to go on behind this one, `<epoch>:<seq>`: for `since`. */
  readonly position: string;
}

/** The subscription begins, for the first time or anew. */
export type TopicStart = StartPacket & Positioned;

/** The backlog has come; what follows is live. */
export type TopicLive = LivePacket & Positioned & { readonly reset?: undefined };

/** An event of a topic: the backlog and live in the same shape. */
export interface TopicEvent extends PublishedEvent, Positioned {
  /** Whether it happened while we were there, or came with the backlog. */
  readonly live: boolean;
  /** Whether it came with a compacted backlog: events before it may be missing, and what they led to is in it. */
  readonly compacted: boolean;
  readonly reset?: undefined;
}

export type TopicItem = TopicStart | TopicLive | TopicEvent;

/**
 * Follows one topic by what the server emits of it: which events are new, whether they are live, and where to go on
 * after a reconnect. It knows no socket: `hear` takes each packet of the topic, `disconnected` the end of a connection.
 */
export class TopicCursor {
  #epoch: string | undefined;
  #at = 0;
  #head = 0;
  #isLive = false;
  #hasBegun = false;
  #isCompacted = false;
  #refused: ErrorBody | undefined;
  #heard = 0;
  #repeated = 0;

  /** `since`: the position that it begins from. */
  constructor(since?: string | null) {
    const colon = since?.lastIndexOf(':') ?? -1;
    if (since == null || colon < 0) return;
    this.#epoch = since.slice(0, colon);
    this.#at = Number(since.slice(colon + 1));
  }

  /** Where to go on after a reconnect, `<epoch>:<seq>`: `null` is the beginning. */
  get position(): string | null {
    return this.#epoch === undefined ? null : `${this.#epoch}:${String(this.#at)}`;
  }

  /** The place up to which it has come. */
  get at(): number {
    return this.#at;
  }

  /** Where the backlog ends. */
  get head(): number {
    return this.#head;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** Whether it was begun over this connection. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Why the server does not give it, or no longer. */
  get refused(): ErrorBody | undefined {
    return this.#refused;
  }

  /** How many events came, those that came twice among them. */
  get heard(): number {
    return this.#heard;
  }

  /** How many came whose place does not lie behind the last one's: they are passed over. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Takes in a packet; what it says that is new, if anything. */
  hear(packet: TopicPacket): TopicItem | undefined {
    if ('reset' in packet) return this.#start(packet);
    if ('error' in packet) this.#refused = packet.error;
    else if (packet.event === 'topic.live') return this.#live(packet as LivePacket);
    else return this.#take(packet as PublishedEvent);
    return undefined;
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#isLive = false;
    this.#hasBegun = false;
    this.#refused = undefined;
  }

  #start(start: StartPacket): TopicStart {
    const { epoch, seq, head, reset } = start;
    this.#epoch = epoch;
    this.#isLive = false;
    this.#hasBegun = true;
    this.#refused = undefined;
    this.#head = head;
    if (reset || seq === 0) {
      this.#at = seq;
      this.#isCompacted = reset;
    }
    return { ...start, position: this.#position };
  }

  #live(live: LivePacket): TopicLive {
    this.#isLive = true;
    this.#isCompacted = false;
    this.#at = live.seq;
    return { ...live, position: this.#position };
  }

  #take(event: PublishedEvent): TopicEvent | undefined {
    this.#heard += 1;
    if (event.seq <= this.#at) {
      this.#repeated += 1;
      return undefined;
    }
    this.#at = event.seq;
    return { ...event, live: this.#isLive, compacted: this.#isCompacted, position: this.#position };
  }

  get #position(): string {
    return `${this.#epoch ?? ''}:${String(this.#at)}`;
  }
}
