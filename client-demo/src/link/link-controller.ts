// The one place that knows the socket.

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { io, type Socket } from 'socket.io-client';
import type { ErrorBody, TopicPacket } from 'updraft-client';
import { Calls } from './calls';
import type { CallEvent } from './events';
import { Kept } from './kept';
import { refusalOf, type ConnectError } from './refusal';
import type { LinkState, Message, Phase, Refusal, Signal, SignalFolds, TopicFolds } from './state';
import { itemsOf, type StreamEvent } from './streams';
import { Signals, Topic } from './topics';

export interface LinkOptions {
  /** The server; the page's own where it is left out. */
  readonly url?: string;
  /** The client's version: an older one than the server speaks with is told to reload. */
  readonly version?: string;
  /** The topics to read, and what to make of each. */
  readonly topics?: TopicFolds;
  /** The signals to hear, and what to make of each. */
  readonly signals?: SignalFolds;
  /**
   * The name under which the tab keeps calls that wait; the server's address where it is left out. Each link of a
   * page wants its own, and so does each person where several use a tab one after the other.
   */
  readonly name?: string;
}

/** Messages that are kept. */
const MESSAGES = 50;

/** Before a server that closed the connection itself is asked again, in milliseconds. */
const AFTER_KICK = 1000;

/** Before one that refused a connection, or a topic for now, is asked again, in milliseconds. */
const AFTER_REFUSAL = 5000;

/**
 * Holds the socket for its host: sends calls up, and has the state that comes down ready in `state`. The host
 * is asked to update when there is something new, so however much arrives at once, it is drawn once.
 */
export class LinkController implements ReactiveController {
  readonly #socket: Socket;
  readonly #calls: Calls;
  readonly #topics: ReadonlyMap<string, Topic>;
  readonly #signals: Signals;
  #messages: readonly Message[] = [];
  #messageCount = 0;
  #session = 0;
  #offline = false;
  #draining = false;
  #hasFailed = false;
  #refusal: Refusal | undefined;
  #reload: string | undefined;

  constructor(
    private readonly host: ReactiveControllerHost & EventTarget,
    { url, version, topics = {}, signals = {}, name = url ?? location.origin }: LinkOptions,
  ) {
    host.addController(this);
    this.#calls = new Calls(() => { host.requestUpdate(); }, host, new Kept(name));
    this.#topics = new Map(Object.entries(topics).map(([name, fold]) => [name, new Topic(name, fold)]));
    this.#signals = new Signals(signals);
    const handshake = (give: (auth: object) => void) => {
      // What the last connection brought as it ended was kept for this one. It is told again.
      this.#socket.receiveBuffer = [];
      give({ version, topics: this.#positions() });
    };
    const options = {
      auth: handshake,
      autoConnect: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 200,
      reconnectionDelayMax: 3000,
    };
    this.#socket = url === undefined ? io(options) : io(url, options);
    this.#socket.on('connect', () => { this.#connected(); });
    this.#socket.on('connect_error', (error: ConnectError) => { this.#failed(error); });
    this.#socket.on('disconnect', (reason) => { this.#disconnected(reason); });
    this.#socket.on('event', (heard: Signal) => { this.#hear(heard); });
    this.#socket.on('message', (data: unknown) => { this.#keep(data); });
  }

  hostConnected(): void {
    if (!this.#offline) this.#socket.connect();
  }

  hostDisconnected(): void {
    this.#socket.disconnect();
  }

  /** Sends a call, as soon as there is a connection, and tells the element that it came from. */
  call(event: CallEvent): void {
    this.#calls.take(event);
  }

  /** Opens a stream when its first item is asked for. */
  stream(event: StreamEvent): void {
    event.items = itemsOf(this.#socket, event.detail);
  }

  /** Stays away from the server, or comes back. */
  switch(offline: boolean): void {
    this.#offline = offline;
    this.#hasFailed = false;
    this.#refusal = undefined;
    if (offline) this.#socket.disconnect();
    else this.#socket.connect();
    this.host.requestUpdate();
  }

  /** Everything that comes down, as it is now. */
  get state(): LinkState {
    const all = [...this.#topics.values()];
    for (const topic of all) topic.settle();
    const topics = this.#main;
    const sum = (of: (topic: Topic) => number) => topics.reduce((all, topic) => all + of(topic), 0);
    return {
      connection: {
        phase: this.#phase(),
        refusal: this.#refusal ?? this.#refusedTopic(),
        session: this.#session,
        loaded: topics.every((topic) => topic.isLoaded),
        progress: { at: sum((topic) => topic.at), of: sum((topic) => Math.max(topic.at, topic.head)) },
        waiting: this.#calls.waiting,
        latency: this.#calls.latency,
        tally: {
          calls: this.#calls.taken,
          answers: this.#calls.answered,
          events: sum((topic) => topic.heard),
          repeated: sum((topic) => topic.repeated),
        },
        reload: this.#reload,
      },
      topics: Object.fromEntries(all.map((topic) => [topic.name, topic.state])),
      signals: this.#signals.state,
      messages: this.#messages,
      restored: this.#calls.restored,
    };
  }

  /** The topics that the connection is for. */
  get #main(): readonly Topic[] {
    return [...this.#topics.values()].filter(({ isAside }) => !isAside);
  }

  #phase(): Phase {
    if (this.#offline) return 'offline';
    if (this.#draining) return 'draining';
    if (this.#refusal || (this.#socket.connected && this.#refusedTopic())) return 'refused';
    if (!this.#socket.connected) return this.#hasFailed ? 'unreachable' : 'connecting';
    return this.#main.every((topic) => topic.isLive) ? 'live' : 'catching-up';
  }

  #refusedTopic(): Refusal | undefined {
    const topic = this.#main.find(({ refused }) => refused);
    return topic?.refused && { topic: topic.name, code: topic.refused.code, message: topic.refused.message };
  }

  #positions(): Record<string, string | null> {
    return Object.fromEntries([...this.#topics.values()].map((topic) => [topic.name, topic.position]));
  }

  #connected(): void {
    this.#session += 1;
    this.#draining = false;
    this.#hasFailed = false;
    this.#refusal = undefined;
    this.#signals.reset();
    this.#calls.open((call, answered) => {
      if (answered) this.#socket.emit('event', call, answered);
      else this.#socket.emit('event', call);
    });
  }

  /** An attempt to connect came to nothing. */
  #failed(error: ConnectError): void {
    this.#hasFailed = true;
    this.#refusal = refusalOf(error);
    this.host.requestUpdate();
    // The client does not try again by itself where the server said no.
    if (!this.#socket.active) this.#connectIn(AFTER_REFUSAL);
  }

  #disconnected(reason: Socket.DisconnectReason): void {
    for (const topic of this.#topics.values()) topic.disconnected();
    // What holds for a connection is not known without one.
    this.#signals.reset();
    this.#draining = false;
    this.#calls.close();
    this.host.requestUpdate();
    // The client does not come back by itself from this one.
    if (reason === 'io server disconnect') this.#connectIn(AFTER_KICK);
  }

  #connectIn(delay: number): void {
    setTimeout(() => { if (!this.#offline) this.#socket.connect(); }, delay);
  }

  #hear(heard: Signal): void {
    // The packets of streams are for those who opened them.
    if (heard.event.startsWith('stream.')) return;
    const topic = 'topic' in heard ? this.#topics.get(String(heard.topic)) : undefined;
    if (topic) this.#hearOf(topic, heard as TopicPacket);
    else if (heard.event === 'topic.refused') this.#hearOfRest(heard as unknown as TopicPacket);
    else if (heard.event === 'server.draining') this.#drain();
    else if (heard.event === 'server.reload') this.#reload = (heard.data as { min: string }).min;
    else this.#signals.hear(heard);
    this.host.requestUpdate();
  }

  #hearOf(topic: Topic, heard: TopicPacket): void {
    topic.hear(heard);
    if (topic.wantsWhole && heard.event === 'topic.start') this.#subscribe(topic);
    if (!topic.refused?.retry) return;
    const session = this.#session;
    setTimeout(() => { if (this.#socket.connected && this.#session === session) this.#subscribe(topic); }, AFTER_REFUSAL);
  }

  /** What the handshake asked for was refused as a whole, or beyond a number: the topics that do not begin. */
  #hearOfRest(refused: TopicPacket): void {
    for (const topic of this.#topics.values()) if (!topic.hasBegun) this.#hearOf(topic, refused);
  }

  /** Subscribes to a topic from where it has come to; this takes the place of its subscription before. */
  #subscribe(topic: Topic): void {
    const data = { topic: topic.name, since: topic.position ?? undefined };
    this.#socket.emit('event', { event: 'topic.subscribe', data }, ({ error }: { readonly error?: ErrorBody }) => {
      if (!error) return;
      if (topic.wantsWhole) topic.compacted();
      else this.#hearOf(topic, { event: 'topic.refused', topic: topic.name, error });
      this.host.requestUpdate();
    });
  }

  #drain(): void {
    this.#draining = true;
    this.#calls.close();
  }

  #keep(data: unknown): void {
    this.#messageCount += 1;
    this.#messages = [...this.#messages, { number: this.#messageCount, data }].slice(-MESSAGES);
    this.host.requestUpdate();
  }
}
