// What comes down from the link, as properties.

import type { TopicEvent } from 'updraft-client';
import type { Answer, KeyedCall } from './events';

/** An event that belongs to no topic: nothing of it is kept, and one may be missed. */
export interface Signal {
  readonly event: string;
  readonly data?: unknown;
}

/** How state comes of what happens. It takes several at a time, and leaves the state that it was given alone. */
export interface Fold<State, Event> {
  readonly initial: State;
  readonly fold: (state: State, events: readonly Event[]) => State;
}

/** What to make of a topic. */
export interface TopicFold<State> extends Fold<State, TopicEvent> {
  /**
   * Reads every event since the topic began, not the compacted backlog, where the server still has them all and the
   * last one's `seq` is at most this.
   */
  readonly whole?: number;
  /** The connection is live without it, and what is counted does not count its events: what is beside the matter. */
  readonly aside?: boolean;
}

/** The folds of an app, by topic or by the signal's name. */
/* eslint-disable @typescript-eslint/no-explicit-any -- each has a state of its own kind */
export type TopicFolds = Readonly<Record<string, TopicFold<any>>>;
export type SignalFolds = Readonly<Record<string, Fold<any, Signal>>>;
/* eslint-enable @typescript-eslint/no-explicit-any */

export type Phase =
  /** Not there yet, or just gone, and trying. */
  | 'connecting'
  /** Nothing answers. Calls wait, and it is tried again. */
  | 'unreachable'
  /** The server refuses the connection or a topic; `refusal` says why. It is tried again from time to time. */
  | 'refused'
  /** The backlog is coming. */
  | 'catching-up'
  /** All that happened is here; what happens comes. */
  | 'live'
  /** Asked to be so. Calls wait. */
  | 'offline'
  /** The server stops; calls wait for the next one. */
  | 'draining';

/** Why the server refuses something. */
export interface Refusal {
  /** In words, as the server says it. */
  readonly message: string;
  /** As in `ErrorBody`, where it answered in Socket.IO. */
  readonly code?: string;
  /** The topic that it refuses; the connection where it is left out. */
  readonly topic?: string;
}

export interface Connection {
  readonly phase: Phase;
  /** Why, where the phase is `refused`. */
  readonly refusal: Refusal | undefined;
  /** How often it was connected: with each, the server knows nothing of the time before. */
  readonly session: number;
  /** Whether every topic was read to its end once: until then, what is not there may still come. */
  readonly loaded: boolean;
  /** How far the backlog has come, and where it ends, as places in the topic. */
  readonly progress: { readonly at: number; readonly of: number };
  /** Calls without an answer yet; volatile ones never wait. */
  readonly waiting: number;
  /** The last call's way there and back, in milliseconds. */
  readonly latency: number | undefined;
  readonly tally: Tally;
  /** The oldest version that the server still speaks with, where ours is older. */
  readonly reload: string | undefined;
}

/**
 * What was counted since the page was opened; nothing is lost where calls and answers are as many. Volatile calls are
 * not among them.
 */
export interface Tally {
  readonly calls: number;
  readonly answers: number;
  readonly events: number;
  /** Events whose place does not lie behind the last one's: the server promises that there are none. */
  readonly repeated: number;
}

/** Everything that the link hands to the elements in it, as their property `link`. */
export interface LinkState {
  readonly connection: Connection;
  /** Of each topic that is read, what its fold makes of it. */
  readonly topics: Readonly<Record<string, unknown>>;
  /** Of each signal that is heard, what its fold makes of it since the connection began. */
  readonly signals: Readonly<Record<string, unknown>>;
  /** The newest answers to calls without an ack, and whatever else is emitted as `message`. */
  readonly messages: readonly Message[];
  /** Calls that waited when the page was left, in their order. */
  readonly restored: readonly Restored[];
}

/** A call from before the page was loaded anew. The element that called is gone: what became of it comes down. */
export interface Restored {
  readonly call: KeyedCall;
  readonly answer?: Answer;
}

export interface Message {
  readonly number: number;
  readonly data: unknown;
}
