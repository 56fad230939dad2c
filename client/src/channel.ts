// One stream on its socket: its name, its packets out, and what of the socket's packets is its own.

import { dialectOf, readAck, type Ack, type Dialect, type Fields, type Named, type Packet } from './dialect.js';
import { Hub, streamAddress, type Hearer } from './hub.js';
import type { ClientSocket } from './socket.js';

/** What the owner of a channel is told. Nothing more after `close`. */
export interface ChannelEvents {
  acked(ack: Ack): void;
  heard(packet: Packet): void;
  disconnected(): void;
}

// Streams of two copies of this module may be open on one socket: each has names of its own.
const mark = Math.random().toString(36).slice(2, 8);
let opened = 0;

export class Channel {
  readonly name = `${mark}-${(opened += 1).toString(36)}`;
  readonly #dialect: Dialect;
  readonly #hub: Hub;
  readonly #hearer: Hearer;
  #isOpen = true;

  /** Calls the function `event`, and listens for what it streams. */
  constructor(
    private readonly socket: ClientSocket,
    named: Named,
    event: string,
    fields: Fields,
    events: ChannelEvents,
  ) {
    this.#dialect = dialectOf(named);
    this.#hub = Hub.of(socket, this.#dialect);
    this.#hearer = {
      hear: (packet) => { events.heard(packet); },
      disconnected: () => {
        this.close();
        events.disconnected();
      },
    };
    this.#hub.add(streamAddress(this.name), this.#hearer);
    try {
      socket.emit(...this.#dialect.call(event, { ...fields, stream: this.name }), (...args: unknown[]) => {
        if (this.#isOpen) events.acked(readAck(named, args));
      });
    } catch (error) {
      // It cannot be written, or its event is a name of the client's own.
      this.close();
      throw error;
    }
  }

  /** Whether this is the answer of a function that streams: it names the stream. */
  isNamedIn(answer: unknown): boolean {
    return (answer as { readonly stream?: unknown } | null | undefined)?.stream === this.name;
  }

  /** Sends a packet, unless it is closed. */
  send(kind: 'data' | 'end' | 'error' | 'credit', fields: Fields): void {
    if (this.#isOpen) this.socket.emit(...this.#dialect.packet(`stream.${kind}`, { stream: this.name, ...fields }));
  }

  /** Tells the server to drop the stream, and closes. */
  cancel(): void {
    if (this.#isOpen) this.socket.emit(...this.#dialect.packet('stream.cancel', { stream: this.name }));
    this.close();
  }

  /** Hears nothing and sends nothing any more. */
  close(): void {
    this.#isOpen = false;
    this.#hub.remove(streamAddress(this.name), this.#hearer);
  }
}
