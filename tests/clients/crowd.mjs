// Stock clients that publish, subscribe, leave, come back and stop reading, by lot: crowd.mjs URL SEED CLIENTS STEPS
//
// When all have taken their steps it says `done` and waits for a line: `{topic: seq}`, the ends to read up to. Then
// it says a line for each client, `{heard, acked}`.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaveBehind, lots, open, shown, soon } from './support.mjs';

const [url, seed, clients, steps] = process.argv.slice(2);
const TOPICS = ['board', 'chat'];

class Client {
  constructor(name, random) {
    this.name = name;
    this.random = random;
    this.positions = Object.fromEntries(TOPICS.map((topic) => [topic, null]));
    this.heard = [];
    this.acked = [];
    this.tokens = 0;
    this.wake = () => {};
    this.socket = open(url, '4', 'websocket', {
      transports: random(3) ? ['websocket'] : ['polling', 'websocket'],
      reconnection: true,
      reconnectionDelay: 5,
      reconnectionDelayMax: 50,
      auth: (give) => {
        leaveBehind(this.socket);
        give({ topics: this.positions });
      },
    });
    this.socket.on('event', (event) => this.hear(event));
  }

  hear({ data, time, ...event }) {
    this.heard.push({ ...event, ...(data && { token: data.token }) });
    if (event.event === 'topic.start') this.epoch = event.epoch;
    this.positions[event.topic] = `${this.epoch}:${event.seq}`;
    this.wake();
  }

  async connected() {
    if (!this.socket.connected) await soon('to connect', (done) => this.socket.once('connect', done));
  }

  /** One of the things that clients do. */
  async step() {
    const lot = this.random(100);
    if (lot < 50) return this.publish();
    if (lot < 70) return sleep(this.random(30));
    await this.connected();
    if (lot < 80) return this.stopReading();
    if (lot < 85) return this.resubscribe(TOPICS[this.random(TOPICS.length)]);
    if (lot < 93) return this.leave();
    // The line is cut: the client notices, and comes back by itself.
    this.socket.io.engine.close();
  }

  publish() {
    for (let events = 1 + this.random(4); events > 0; events -= 1) {
      const topic = TOPICS[this.random(TOPICS.length)];
      const token = `${this.name}-${this.tokens}`;
      this.tokens += 1;
      const key = this.random(5) ? `${this.random(40)}` : undefined;
      const ends = key !== undefined && this.random(4) === 0;
      const padding = this.random(10) ? this.random(200) : this.random(12_000);
      const data = { topic, token, key, ends, padding: 'x'.repeat(padding) };
      // Where the connection is lost, nobody knows whether it was published.
      this.socket.emitWithAck('event', { event: 'crowd.publish', data }).then(
        (answer) => {
          assert.equal(answer.error, undefined, shown(answer));
          this.acked.push({ topic, token, seq: Number(answer.data.split(':')[1]) });
        },
        () => {},
      );
    }
  }

  async stopReading() {
    const { ws } = this.socket.io.engine.transport;
    if (!ws?._socket) return;
    ws._socket.pause();
    await sleep(this.random(300));
    ws._socket.resume();
  }

  async resubscribe(topic) {
    const { id } = this.socket;
    if (!(await this.ask('topic.unsubscribe', { topic }))) return;
    this.heard.push({ event: 'unsubscribed', topic, seq: 0 });
    await sleep(this.random(20));
    // On another connection it is subscribed already.
    if (this.socket.id !== id) return;
    await this.ask('topic.subscribe', { topic, since: this.positions[topic] ?? undefined });
  }

  /** Calls: whether it is known that it was done. */
  async ask(event, data) {
    const answer = await this.socket.emitWithAck('event', { event, data }).catch(() => undefined);
    assert.equal(answer?.error, undefined, shown(answer));
    return answer !== undefined;
  }

  async leave() {
    this.socket.disconnect();
    await sleep(this.random(100));
    this.socket.connect();
  }

  async upTo(ends) {
    const isThere = ([topic, end]) => Number(this.positions[topic]?.split(':')[1] ?? 0) >= end;
    await this.connected();
    await soon(`the end of ${this.name}`, (done) => {
      this.wake = () => Object.entries(ends).every(isThere) && done();
      this.wake();
    });
    this.socket.close();
  }
}

async function run(number) {
  const client = new Client(`js-${seed}-${number}`, lots(Number(seed) + number));
  await client.connected();
  for (let step = 0; step < Number(steps); step += 1) await client.step();
  return client;
}

const crowd = await Promise.all(Array.from({ length: Number(clients) }, (_, number) => run(number)));
console.log('done');
// The others may need long; but where nobody is there to tell, it is over.
const lines = createInterface({ input: process.stdin });
lines.once('close', () => process.exit(1));
const ends = await new Promise((done) => lines.once('line', (line) => done(JSON.parse(line))));
lines.removeAllListeners('close');
await Promise.all(crowd.map((client) => client.upTo(ends)));
for (const { heard, acked } of crowd) console.log(JSON.stringify({ heard, acked }));
await new Promise((done) => process.stdout.end(done));
process.exit();
