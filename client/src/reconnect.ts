// Waiting for the next connection.

import { dialectOf, type Named } from './dialect.js';
import { Hub, type Hearer } from './hub.js';
import type { ClientSocket } from './socket.js';

/** How long a connection on which the server gave up a stream may last: one that stops ends it soon. In milliseconds. */
const STILL_CONNECTED = 10_000;

export interface Resumed {
  /** Whether it may go on now; `check` asks again. */
  isReady(): boolean;
  again(): void;
  /** There is no new connection, since the old one did not end. */
  failed(): void;
}

/** Calls `again` once, on a connection after this one. */
export class Reconnect {
  readonly #hub: Hub;
  readonly #hearer: Hearer = {
    hear: () => undefined,
    connected: () => { this.check(); },
    disconnected: () => { this.#disconnected(); },
  };
  readonly #address = `reconnect ${String((waiting += 1))}`;
  #isOver: boolean;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly socket: ClientSocket,
    named: Named,
    private readonly resumed: Resumed,
  ) {
    this.#hub = Hub.of(socket, dialectOf(named));
    this.#hub.add(this.#address, this.#hearer);
    this.#isOver = !socket.connected;
    if (!this.#isOver) this.#timer = setTimeout(() => { this.#give(() => { resumed.failed(); }); }, STILL_CONNECTED);
  }

  check(): void {
    if (!this.#isOver || !this.socket.connected || !this.resumed.isReady()) return;
    this.#give(() => { this.resumed.again(); });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#hub.remove(this.#address, this.#hearer);
  }

  #disconnected(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #give(outcome: () => void): void {
    this.stop();
    outcome();
  }
}

let waiting = 0;
