// One listener for each event of a socket, however many streams and topics are open on it.

import type { Dialect, Packet } from './dialect.js';
import type { ClientSocket } from './socket.js';

/** What is open on a socket, and hears its packets and what becomes of its connection. */
export interface Hearer {
  hear(packet: Packet): void;
  connected?(): void;
  disconnected(): void;
}

const hubs = new WeakMap<Dialect, WeakMap<ClientSocket, Hub>>();

/** All that is open on one socket in one dialect. It listens from the first to the last. */
export class Hub {
  readonly #hearers = new Map<string, Hearer>();
  readonly #listeners: ReadonlyMap<string, (argument: unknown) => void>;

  private constructor(
    readonly socket: ClientSocket,
    readonly dialect: Dialect,
  ) {
    this.#listeners = new Map([
      ...dialect.heard.map((event) => [event, (packet: unknown) => { this.#hear(event, packet); }] as const),
      ['connect', () => { this.#each((hearer) => hearer.connected?.()); }],
      ['disconnect', () => { this.#each((hearer) => { hearer.disconnected(); }); }],
    ]);
  }

  static of(socket: ClientSocket, dialect: Dialect): Hub {
    const ofDialect = hubs.get(dialect) ?? new WeakMap<ClientSocket, Hub>();
    hubs.set(dialect, ofDialect);
    const hub = ofDialect.get(socket) ?? new Hub(socket, dialect);
    ofDialect.set(socket, hub);
    return hub;
  }

  /** Hears from now on what is addressed to it; false where another one has this address. */
  add(address: string, hearer: Hearer): boolean {
    if (this.#hearers.has(address)) return false;
    if (this.#hearers.size === 0) for (const [event, listener] of this.#listeners) this.socket.on(event, listener);
    this.#hearers.set(address, hearer);
    return true;
  }

  has(address: string, hearer: Hearer): boolean {
    return this.#hearers.get(address) === hearer;
  }

  remove(address: string, hearer: Hearer): void {
    if (!this.has(address, hearer)) return;
    this.#hearers.delete(address);
    if (this.#hearers.size === 0) for (const [event, listener] of this.#listeners) this.socket.off(event, listener);
  }

  #hear(event: string, said: unknown): void {
    const packet = this.dialect.read(event, said);
    if (packet) this.#hearers.get(addressOf(packet))?.hear(packet);
  }

  #each(tell: (hearer: Hearer) => void): void {
    for (const hearer of [...this.#hearers.values()]) tell(hearer);
  }
}

function addressOf({ kind, fields }: Packet): string {
  if (kind.startsWith('stream.')) return streamAddress(String(fields['stream']));
  return topicAddress(String(fields['topic']));
}

export function streamAddress(name: string): string {
  return `stream ${name}`;
}

export function topicAddress(name: string): string {
  return `topic ${name}`;
}
