// Stock clients of three generations that change a board, follow it and go from node to node, while nodes and their
// database fail: nodes.mjs SEED URL…
//
// Each change has an idempotency key, and is tried again, here or at another node, until it is acked. A line is said for
// each ack: `{acked: {key, token, seq}}`. After a line `{over: true}` the clients end what they began and read up to the last
// ack; then there is a line for each of them: `{heard: […]}`.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, lots, open, shown, soon } from './support.mjs';

const [seed, ...urls] = process.argv.slice(2);

const GENERATIONS = ['2', '3', '4'];
const TRANSPORTS = ['websocket', 'polling', 'upgraded'];

/** Changes that a client has under way at once, and cards of each of them that stay. */
const LANES = 2;
const STAYING = 10;

/** A node that does not answer in so many milliseconds is left for another. */
const ANSWER = 4000;

const acked = new Map();
let isOver = false;

/** Whatever comes of it in time; else nothing. */
function inTime(promise, gone) {
  const late = new Promise((done) => setTimeout(done, ANSWER).unref());
  return Promise.race([promise, gone, late]);
}

class Client {
  position = null;
  seq = 0;
  heard = [];
  done = [];
  wake = () => {};

  constructor(name, generation, transport, random) {
    Object.assign(this, { name, generation, transport, random });
  }

  /** Connected and subscribed, to any node. */
  async connected() {
    while (!this.link) {
      this.linking ??= this.connect().finally(() => (this.linking = undefined));
      await this.linking;
    }
    return this.link;
  }

  async connect() {
    const inHandshake = this.generation !== '2' && this.random(2) === 0;
    const socket = open(urls[this.random(urls.length)], this.generation, this.transport, {
      ...(inHandshake && { auth: { topics: { board: this.position } } }),
    });
    const link = { socket };
    link.gone = new Promise((done) => {
      for (const name of ['disconnect', 'connect_error']) socket.on(name, () => done());
    });
    this.current = link;
    socket.on('event', (event) => this.current === link && this.hear(link, event));
    const isHere = await inTime(new Promise((done) => socket.on('connect', () => done(true))), link.gone);
    if (isHere && (inHandshake || (await this.subscribes(link)))) {
      link.gone.then(() => this.leave(link));
      if (this.current === link) this.link = link;
      return;
    }
    this.leave(link);
    // No node is asked without end.
    await sleep(this.random(200));
  }

  async subscribes(link) {
    const data = { topic: 'board', ...(this.position && { since: this.position }) };
    const answer = await this.answer(link, { event: 'topic.subscribe', data });
    assert.ok(!answer?.error || answer.error.retry, shown(answer));
    return answer && !answer.error;
  }

  /** What a node answers; nothing where it is gone, or too late. */
  async answer({ socket, gone }, call) {
    const [answer] = (await inTime(ask(socket, 'event', call).catch(() => undefined), gone)) ?? [];
    return answer;
  }

  leave(link) {
    link.socket.disconnect();
    if (this.link === link) this.link = undefined;
    if (this.current === link) this.current = undefined;
  }

  hear(link, { event, topic, seq, reset, key, data, epoch }) {
    // What a node that stops says is of no topic.
    if (topic !== 'board') return;
    if (event === 'topic.refused') {
      this.heard.push({ event: 'unsubscribed', topic, seq: 0 });
      this.leave(link);
      return;
    }
    if (event === 'topic.start') {
      assert.equal(this.epoch ?? epoch, epoch, 'the journal is the same');
      this.epoch = epoch;
    }
    this.heard.push({ event, topic, seq, reset, key, token: data?.title });
    this.seq = seq;
    this.position = `${this.epoch}:${seq}`;
    this.wake();
  }

  /** Calls until there is an answer that says what became of it. */
  async call(call) {
    for (;;) {
      const link = await this.connected();
      const answer = await this.answer(link, call);
      if (answer && !answer.error) return answer.data;
      assert.ok(!answer || answer.error.retry, `${shown(call)}: ${shown(answer)}`);
      if (!answer || this.random(2)) this.leave(link);
      else await sleep(this.random(200));
    }
  }

  async change(name, data, token) {
    const call = { event: `api.board.${name}`, data, id: token };
    const place = await this.call(call);
    const seq = Number(place.split(':')[1]);
    assert.ok(!acked.has(seq), `${shown(call)} and ${acked.get(seq)} are both at ${place}`);
    acked.set(seq, token);
    console.log(JSON.stringify({ acked: { key: data.id, token: data.title, seq } }));
    this.done.push({ call, place });
    if (this.random(10)) return;
    // Another try at any node, of this or of an earlier one, changes nothing, and has the first answer.
    if (this.link) this.leave(this.link);
    const again = this.random(2) ? this.done.at(-1) : this.done[this.random(this.done.length)];
    assert.equal(await this.call(again.call), again.place, shown(again.call));
  }

  /** Cards are added, edited and removed, one after the other. */
  async publish(lane) {
    for (let card = 0; !isOver; card += 1) {
      const id = `${this.name}-${lane}-${card}`;
      const edits = this.random(4);
      await this.change('add', { id, title: `${id}/0`, column: 'todo' }, `${id}/0`);
      for (let edit = 1; edit <= edits; edit += 1) {
        await sleep(this.random(100));
        await this.change('edit', { id, title: `${id}/${edit}` }, `${id}/${edit}`);
      }
      if (card >= STAYING || this.random(2)) await this.change('remove', { id }, `${id}/end`);
      await sleep(this.random(100));
      if (this.link && this.random(20) === 0) this.leave(this.link);
    }
  }

  async upTo(end) {
    const reading = soon(`${this.name} to have everything`, (done) => {
      this.wake = () => this.seq >= end && done();
      this.wake();
    });
    let isThere = false;
    reading.finally(() => (isThere = true)).catch(() => {});
    while (!isThere) {
      const link = await this.connected();
      await Promise.race([reading, link.gone]);
    }
    if (this.link) this.leave(this.link);
  }
}

const clients = GENERATIONS.flatMap((generation) =>
  TRANSPORTS.map((transport, number) => {
    const name = `${generation}-${transport}`;
    return new Client(name, generation, transport, lots(Number(seed) + 10 * Number(generation) + number));
  }),
);

const over = new Promise((done) => {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    assert.ok(JSON.parse(line).over, line);
    done((isOver = true));
  });
  // Where there is nobody to tell, it is over at once.
  lines.on('close', () => isOver || process.exit(1));
});

const lanes = Array.from({ length: LANES }, (_, lane) => lane);
await Promise.all([over, ...clients.flatMap((client) => lanes.map((lane) => client.publish(lane)))]);
const end = Math.max(...acked.keys());
await Promise.all(clients.map((client) => client.upTo(end)));
for (const { heard } of clients) console.log(JSON.stringify({ heard }));
await new Promise((done) => process.stdout.end(done));
process.exit();
