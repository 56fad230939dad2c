// A balancer that knows no sessions: each request goes to the next of its nodes.

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

export class Balancer {
  /** Where clients find it. */
  url;
  /** How many requests went to a node that did not open their session. */
  away = 0;
  #nodes;
  #turn = 0;
  /** The node of each session, by its id. */
  #homes = new Map();
  #server;

  static async over(nodes) {
    const balancer = new Balancer();
    balancer.#nodes = nodes.map((url) => new URL(url));
    balancer.#server = createServer((asked, answer) => balancer.#pass(asked, answer));
    balancer.#server.on('upgrade', (asked, near, head) => balancer.#join(asked, near, head));
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    balancer.url = `http://127.0.0.1:${balancer.#server.address().port}`;
    return balancer;
  }

  /** Sends nothing to that node any more. */
  leaveOut(url) {
    this.#nodes = this.#nodes.filter((node) => node.href !== new URL(url).href);
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #next(asked) {
    const id = new URL(asked.url, 'http://x').searchParams.get('sid');
    const home = this.#homes.get(id);
    this.#turn += 1;
    const node = this.#nodes[this.#turn % this.#nodes.length];
    if (home && home !== node) this.away += 1;
    return { node, isNew: !id };
  }

  #pass(asked, answer) {
    const { node, isNew } = this.#next(asked);
    const { method, url: path, headers } = asked;
    const passed = request({ host: node.hostname, port: node.port, method, path, headers, agent: false });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    passed.on('response', (answered) => {
      answer.writeHead(answered.statusCode, answered.headers);
      answered.on('error', () => answer.destroy());
      if (isNew) {
        answered.on('data', (bytes) => {
          const id = /"sid":"([^"]+)"/.exec(String(bytes));
          if (id) this.#homes.set(id[1], node);
        });
      }
      answered.pipe(answer);
    });
    asked.pipe(passed);
  }

  #join(asked, near, head) {
    const { node } = this.#next(asked);
    const far = connect(node.port, node.hostname);
    for (const socket of [near, far]) {
      socket.setNoDelay();
      const end = () => {
        near.destroy();
        far.destroy();
      };
      socket.on('error', end);
      socket.on('close', end);
    }
    const fields = asked.rawHeaders.map((text, index) => (index % 2 ? `${text}\r\n` : `${text}: `));
    far.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${fields.join('')}\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
  }
}
