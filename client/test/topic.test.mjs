// A topic over reconnects, refusals and consumers that are behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { topic } from 'updraft-client';
import { pair } from './server.mjs';

const RUNS = Number(process.env.UPDRAFT_RUNS ?? 300);

/** The server's half of a topic: a journal, and at most one subscription to it. */
class Journal {
  seq = 0;
  #at;
  #position = 0;

  constructor(server, epoch = 'e') {
    Object.assign(this, { server, epoch });
  }

  publish() {
    this.seq += 1;
  }

  /** Answers what the client asked for last. */
  answer() {
    for (const { event, data: { topic: name, since }, ack } of this.server.topics.splice(0)) {
      assert.equal(name, 'board');
      if (event === 'topic.unsubscribe') {
        this.#at = undefined;
        this.server.socket.down.push({ ack, args: [{ event }] });
        continue;
      }
      const [epoch, seq] = since?.split(':') ?? [];
      const goesOn = epoch === this.epoch;
      this.#at = goesOn ? Number(seq) : 0;
      const start = { topic: 'board', epoch: this.epoch, seq: this.#at, head: this.seq, reset: !goesOn };
      this.server.socket.down.push({ ack, args: [{ event, data: start }] });
      this.server.say('topic.start', start);
      this.#position = this.seq;
      if (this.#at === this.seq) this.#live();
    }
  }

  /** Sends the next event of the subscription. */
  send() {
    this.#at += 1;
    this.server.say('card.added', { topic: 'board', seq: this.#at, time: 0, key: `k${this.#at}`, data: this.#at });
    if (this.#at === this.#position) this.#live();
  }

  get maySend() {
    return this.#at !== undefined && this.#at < this.seq;
  }

  lost() {
    this.#at = undefined;
    this.server.topics = [];
  }

  #live() {
    this.server.say('topic.live', { topic: 'board', epoch: this.epoch, seq: this.#at });
  }
}

test('every event comes once, in order, whatever breaks and however slowly it is taken', async () => {
  const arbitraries = { script: fc.array(fc.nat(999), { maxLength: 150 }), length: fc.nat(30), breaks: fc.nat(4), buffer: fc.integer({ min: 1, max: 40 }) };
  await fc.assert(fc.asyncProperty(fc.record(arbitraries), async ({ script, length, breaks, buffer }) => {
    const { socket, server, isFree } = pair();
    const journal = new Journal(server);
    const iterator = topic(socket, 'board', { buffer });
    const items = [];
    let isAsking = false;
    let broken = 0;
    const events = () => items.filter(({ event }) => event === 'card.added');
    const acts = [
      [() => server.arrive(), () => socket.connected && socket.up.length > 0],
      [() => server.depart(), () => socket.connected && socket.down.length > 0],
      [() => journal.answer(), () => server.topics.length > 0],
      [() => journal.send(), () => journal.maySend],
      [() => journal.publish(), () => journal.seq < length],
      [() => {
        isAsking = true;
        void iterator.next().then(({ value, done }) => {
          isAsking = false;
          if (!done) items.push(value);
        });
      }, () => !isAsking],
      [() => { broken += 1; journal.lost(); socket.disconnect(); }, () => socket.connected && broken < breaks],
      [() => socket.connect(), () => !socket.connected],
    ];
    for (let number = 0; number < script.length || acts.some(([, may]) => may()); number += 1) {
      const possible = acts.filter(([, may]) => may());
      possible[(script[number] ?? number) % possible.length]?.[0]();
      await new Promise((done) => setImmediate(done));
      assert.ok(number < 5000, 'it comes to an end');
    }
    assert.deepEqual(events().map(({ seq }) => seq), Array.from({ length }, (_, index) => index + 1));
    assert.ok(events().every(({ seq, position }) => position === `e:${seq}`));
    const starts = items.filter(({ event }) => event === 'topic.start');
    assert.deepEqual(starts.map(({ reset }) => reset).slice(1), starts.slice(1).map(() => false));
    await iterator.return();
    await server.settle();
    assert.equal(server.topics.at(-1)?.event, 'topic.unsubscribe');
    assert.ok(isFree());
  }), { numRuns: RUNS, includeErrorInReport: true });
});

/** A topic that is subscribed to, whose first item is waited for. */
async function reading(options) {
  const { socket, server, isFree } = pair();
  const iterator = topic(socket, 'board', options);
  const first = iterator.next();
  await server.settle();
  const [{ data, ack }] = server.topics.splice(0);
  return { socket, server, isFree, iterator, first, data, ack };
}

const start = (seq, head, reset) => ({ topic: 'board', epoch: 'e', seq, head, reset });
const event = (seq) => ({ topic: 'board', seq, time: 0, key: String(seq) });

test('it goes on from a position, and begins anew where the server says so', async () => {
  const { server, first, iterator, data } = await reading({ since: 'e:5' });
  assert.deepEqual(data, { topic: 'board', since: 'e:5' });
  server.say('card.added', event(4));
  server.say('topic.start', start(5, 7, false));
  server.say('card.added', event(5));
  server.say('card.added', event(7));
  server.say('topic.live', { topic: 'board', epoch: 'e', seq: 7 });
  server.say('topic.start', start(0, 2, true));
  server.say('card.added', event(2));
  await server.settle();
  const items = [(await first).value];
  for (let more = 0; more < 4; more += 1) items.push((await iterator.next()).value);
  assert.deepEqual(items.map(({ event, position, reset, compacted }) => [event, position, reset ?? compacted]), [
    ['topic.start', 'e:5', false],
    ['card.added', 'e:7', false],
    ['topic.live', 'e:7', undefined],
    ['topic.start', 'e:0', true],
    ['card.added', 'e:2', true],
  ]);
});

test('one that begins before its place gives nothing twice', async () => {
  const { server, first, iterator } = await reading({ since: 'e:5' });
  server.say('topic.start', start(2, 7, false));
  for (const seq of [4, 5, 7]) server.say('card.added', event(seq));
  await server.settle();
  assert.deepEqual([(await first).value.position, (await iterator.next()).value.position], ['e:5', 'e:7']);
});

test('a consumer that is behind holds no more than its buffer, and goes on when it has taken that', async () => {
  const { server, first, iterator } = await reading({ buffer: 3 });
  server.say('topic.start', start(0, 9, true));
  for (const seq of [1, 2, 3, 4, 5]) server.say('card.added', event(seq));
  await server.settle();
  assert.deepEqual(server.topics.splice(0).map((asked) => asked.event), ['topic.unsubscribe']);
  await first;
  for (const seq of [1, 2, 3]) assert.equal((await iterator.next()).value.seq, seq);
  await server.settle();
  assert.deepEqual(server.topics.map(({ data }) => data), [{ topic: 'board', since: 'e:3' }]);
});

test('a refusal for good is thrown, be it the ack or an event', async () => {
  const error = { code: 'forbidden', message: 'no client may read this topic', retry: false };
  for (const how of ['ack', 'event']) {
    const { server, first, ack, isFree, iterator } = await reading();
    if (how === 'ack') ack({ event: 'topic.subscribe', error });
    else server.say('topic.refused', { topic: 'board', error });
    void server.settle();
    await assert.rejects(first, { name: 'CallError', code: 'forbidden' });
    assert.deepEqual([(await iterator.next()).done, isFree()], [true, true]);
  }
});

test('one that is refused for now is asked for again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { server, ack, iterator, isFree } = await reading({ since: 'e:5' });
  const refuse = (answer, details) => answer({ event: 'topic.subscribe', error: { code: 'unavailable', message: 'later', retry: true, details } });
  refuse(ack);
  t.mock.timers.tick(4999);
  assert.deepEqual(server.socket.up, []);
  t.mock.timers.tick(1);
  await server.settle();
  refuse(server.topics.pop().ack, { after_ms: 20 });
  t.mock.timers.tick(20);
  await server.settle();
  assert.deepEqual(server.topics.pop().data, { topic: 'board', since: 'e:5' });
  await iterator.return();
  assert.ok(isFree());
});

test('a refusal that comes when it is over is of no account', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { server, ack, iterator } = await reading();
  await iterator.return();
  await server.settle();
  ack({ event: 'topic.subscribe', error: { code: 'unavailable', message: 'later', retry: true } });
  t.mock.timers.tick(5000);
  assert.deepEqual(server.socket.up, []);
});

test('one socket reads a topic once at a time', async () => {
  const { socket, server, iterator, first } = await reading();
  await assert.rejects(topic(socket, 'board').next(), { code: 'conflict' });
  server.say('topic.start', start(0, 0, true));
  await server.settle();
  assert.equal((await first).value.event, 'topic.start');
  await iterator.return();
  void topic(socket, 'board').next();
  await server.settle();
  assert.deepEqual(server.topics.map((asked) => asked.event), ['topic.unsubscribe', 'topic.subscribe']);
});

test('a signal ends it with its reason, and so does break', async () => {
  const aborting = new AbortController();
  const { server, first, isFree } = await reading({ signal: aborting.signal });
  aborting.abort(new Error('enough'));
  await assert.rejects(first, { message: 'enough' });
  await server.settle();
  assert.deepEqual([server.topics.pop().event, isFree()], ['topic.unsubscribe', true]);
});

test('without a connection it subscribes when there is one', async () => {
  const { socket, server } = pair();
  socket.connected = false;
  void topic(socket, 'board').next();
  assert.deepEqual(socket.up, []);
  socket.connect();
  await server.settle();
  assert.deepEqual(server.topics.map(({ data }) => data), [{ topic: 'board' }]);
});
