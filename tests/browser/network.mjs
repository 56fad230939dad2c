// A slow network between pages and a server: what it carries is late, comes bit by bit, and is cut.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as passed } from 'node:timers/promises';

/** What travels in one piece, in bytes. */
const PIECE = 1024;

export class Network {
  /** Where pages find the server, by way of this network. */
  url;
  #listener;
  #target;
  #speed;
  #host;
  #links = new Set();
  #cut;

  /**
   * A network on the way to a server: `delay` in milliseconds and `rate` in bytes a second, each way. With a `host` it
   * is a proxy that names the server so, rather than as the page does.
   */
  static async to(server, { delay = 0, rate = Infinity, host } = {}) {
    const network = new Network();
    network.#target = new URL(server.url);
    network.#speed = { delay, rate };
    network.#host = host;
    network.#listener = createServer((near) => network.#join(near));
    network.#listener.listen(0, '127.0.0.1');
    await once(network.#listener, 'listening');
    network.url = `http://127.0.0.1:${network.#listener.address().port}`;
    return network;
  }

  /** From now on nothing comes back. */
  hold() {
    for (const link of this.#links) link.far.pause();
  }

  /** From now on nothing travels whose request is such, nor anything that is on its way. */
  cut(request = /^/) {
    this.#cut = request;
    for (const link of this.#links) if (request.test(link.request)) link.end();
  }

  /** What comes anew is carried again. */
  restore() {
    this.#cut = undefined;
  }

  close() {
    this.cut();
    this.#listener.close();
  }

  #renamed(bytes) {
    if (this.#host === undefined || !/^(GET|POST) /.test(bytes)) return bytes;
    return Buffer.from(String(bytes).replace(/^host: .*$/im, `Host: ${this.#host}`));
  }

  #join(near) {
    const far = connect(this.#target.port, this.#target.hostname);
    const link = { request: '', far, end: () => { near.destroy(); far.destroy(); } };
    this.#links.add(link);
    // Before the rest: of what is cut nothing goes on.
    near.on('data', (bytes) => {
      if (/^(GET|POST) /.test(bytes)) link.request = String(bytes).split('\r\n')[0];
      if (this.#cut?.test(link.request)) link.end();
    });
    for (const socket of [near, far]) {
      socket.setNoDelay();
      socket.on('error', link.end);
      socket.on('close', () => this.#links.delete(link));
    }
    carry(near, far, this.#speed, (bytes) => this.#renamed(bytes));
    carry(far, near, this.#speed);
  }
}

/** Carries what comes, as it is made, each piece when it is due, in its order. */
function carry(from, to, { delay, rate }, made = (bytes) => bytes) {
  let due = 0;
  let carried = Promise.resolve();
  from.on('data', (came) => {
    const bytes = made(came);
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      due = Math.max(due, Date.now() + delay) + (piece.length * 1000) / rate;
      const moment = due;
      carried = carried.then(() => passed(moment - Date.now())).then(() => to.destroyed || to.write(piece));
    }
  });
  from.on('close', () => carried.then(() => to.destroy()));
}
