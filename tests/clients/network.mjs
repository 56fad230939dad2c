// A network between clients and a server, which can be held: what is held stays with the server, as of a reader that is slow.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Network {
  /** Where clients find the server, by way of this network. */
  url;
  #listener;
  #links = new Set();
  #held = /$^/;

  static async to(url) {
    const network = new Network();
    network.#listener = createServer((near) => network.#join(near, new URL(url)));
    network.#listener.listen(0, '127.0.0.1');
    await once(network.#listener, 'listening');
    network.url = `http://127.0.0.1:${network.#listener.address().port}`;
    return network;
  }

  /** From now on nothing comes back on connections whose first request is such. */
  hold(request) {
    this.#held = request;
    for (const { near, far, said } of this.#links) if (request.test(said)) far.unpipe(near).pause();
  }

  release() {
    const held = this.#held;
    this.#held = /$^/;
    for (const { near, far, said } of this.#links) if (held.test(said)) far.pipe(near);
  }

  close() {
    for (const { near, far } of this.#links) {
      near.destroy();
      far.destroy();
    }
    this.#listener.close();
  }

  async #join(near, { hostname, port }) {
    const far = connect(port, hostname);
    for (const socket of [near, far]) {
      socket.setNoDelay();
      socket.on('error', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.once('data', (first) => {
      const link = { near, far, said: String(first).split('\r\n')[0] };
      this.#links.add(link);
      far.once('close', () => this.#links.delete(link));
      far.write(first);
      near.pipe(far);
      if (!this.#held.test(link.said)) far.pipe(near);
    });
  }
}
