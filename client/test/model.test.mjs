// Both ends under arbitrary interleavings: what was sent comes, in order, within the windows, with one end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CallError, duplex, stream, upload } from 'updraft-client';
import { pair, turn } from './server.mjs';

const RUNS = Number(process.env.UPDRAFT_RUNS ?? 300);
const ERROR = { code: 'conflict', message: 'it is taken', retry: false };

const windows = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(Infinity));
const script = fc.array(fc.nat(999), { maxLength: 150 });
const plays = (arbitraries, play) => fc.assert(fc.asyncProperty(fc.record({ named: fc.boolean(), script, ...arbitraries }), play), { numRuns: RUNS, includeErrorInReport: true });

/** Takes what may happen in the order of the script; then all of it in turn, until nothing may. */
async function interleave(script, acts) {
  const may = () => acts.filter(([, isPossible]) => isPossible());
  for (const pick of script) {
    const possible = may();
    if (possible.length > 0) possible[pick % possible.length][0]();
    await turn();
  }
  for (let number = 0; may().length > 0; number += 1) {
    assert.ok(number < 5000, 'it comes to an end');
    const possible = may();
    possible[number % possible.length][0]();
    await turn();
  }
}

const arrivals = ({ socket, server }) => [
  [() => server.arrive(), () => socket.connected && socket.up.length > 0],
  [() => server.depart(), () => socket.connected && socket.down.length > 0],
];

/** A consumer that asks when it is told to. */
class Consumer {
  items = [];
  outcome;
  #isAsking = false;

  constructor(iterator) {
    this.iterator = iterator;
  }

  get mayAsk() {
    return !this.#isAsking && !this.outcome;
  }

  async ask() {
    this.#isAsking = true;
    try {
      const { done, value } = await this.iterator.next();
      if (done) this.outcome ??= 'end';
      else this.items.push(value);
    } catch (error) {
      this.outcome = error;
    }
    this.#isAsking = false;
  }

  /** As `break` does. */
  async leave() {
    this.outcome = 'left';
    await this.iterator.return();
  }
}

const upTo = (count) => Array.from({ length: count }, (_, number) => number);

test('what a function streams comes in order, within the window, with one end', async () => {
  await plays({ window: windows, length: fc.nat(40), ending: fc.constantFrom('end', 'error') }, async ({ named, script, window, length, ending }) => {
    const ends = pair(named);
    const { server } = ends;
    const consumer = new Consumer(stream(ends.socket, 'count', { to: length }, { window, named }));
    let accepted;
    const produce = () => {
      const { stream } = server;
      if (!accepted) {
        accepted = stream;
        stream.accept();
      } else if (stream.sent < length) stream.frame(stream.sent);
      else if (ending === 'end') stream.end();
      else stream.fail(ERROR);
      assert.ok(stream.sent - consumer.items.length <= window + 1, 'no more are out than the window has');
    };
    await interleave(script, [
      ...arrivals(ends),
      [produce, () => server.stream && (!accepted || server.stream.maySend || server.stream.sent === length)],
      [() => consumer.ask(), () => consumer.mayAsk],
    ]);
    assert.deepEqual(consumer.items, upTo(length));
    if (ending === 'end') assert.equal(consumer.outcome, 'end');
    else assert.deepEqual([consumer.outcome.code, consumer.outcome.message], [ERROR.code, ERROR.message]);
    assert.deepEqual(await consumer.iterator.next(), { done: true, value: undefined });
    assert.deepEqual(server.cancelled, []);
    assert.ok(ends.isFree());
  });
});

test('a consumer that leaves or aborts at any moment leaves nothing behind', async () => {
  await plays({ window: windows, moment: fc.nat(60), by: fc.constantFrom('break', 'abort') }, async ({ named, script, window, moment, by }) => {
    const ends = pair(named);
    const { server, socket } = ends;
    const aborting = new AbortController();
    const consumer = new Consumer(stream(socket, 'count', null, { window, named, signal: aborting.signal }));
    const reason = new Error('enough');
    let steps = 0;
    let left = false;
    let accepted;
    const produce = () => {
      if (accepted !== server.stream) (accepted = server.stream).accept();
      else server.stream.frame(server.stream.sent);
    };
    await interleave([...script, ...script], [
      ...arrivals(ends),
      [produce, () => !left && server.stream && (accepted !== server.stream || (server.stream.maySend && server.stream.sent < 500))],
      [() => { consumer.ask(); steps += 1; }, () => consumer.mayAsk],
      [() => {
        left = true;
        if (by === 'break') consumer.leave();
        else aborting.abort(reason);
      }, () => !left && (steps >= moment || (server.stream?.sent ?? 0) >= 500)],
    ]);
    assert.ok(left);
    assert.equal(consumer.outcome, by === 'break' ? 'left' : reason);
    assert.deepEqual(consumer.items, upTo(consumer.items.length));
    assert.equal(server.streams.size, 0, 'the server has dropped it');
    assert.equal(server.cancelled.length, server.names.size);
    assert.ok(ends.isFree());
  });
});

test('connections that break at any moment lose and double nothing of a stream that resumes', async () => {
  await plays({ window: windows, length: fc.nat(40), breaks: fc.nat(4), drains: fc.boolean() }, async ({ named, script, window, length, breaks, drains }) => {
    const ends = pair(named);
    const { socket, server } = ends;
    const consumer = new Consumer(stream(socket, 'count', null, { window, named, resume: true }));
    const accepted = new Set();
    let broken = 0;
    const produce = () => {
      const { stream } = server;
      if (!accepted.has(stream)) {
        const goesOn = stream.after === consumer.items.length;
        assert.ok(goesOn || (stream.after === undefined && accepted.size === 0), 'it goes on where the consumer is');
        accepted.add(stream);
        stream.accept();
      } else if (stream.sent < length) stream.frame(stream.sent);
      else stream.end();
    };
    await interleave(script, [
      ...arrivals(ends),
      [produce, () => server.stream && (!accepted.has(server.stream) || server.stream.maySend || server.stream.sent === length)],
      [() => consumer.ask(), () => consumer.mayAsk],
      [() => {
        broken += 1;
        // A server that stops says so of each stream first.
        if (drains && accepted.has(server.stream)) server.stream.fail({ code: 'unavailable', message: 'the server stops', retry: true });
        while (drains && socket.down.length > 0) server.depart();
        socket.disconnect();
      }, () => socket.connected && broken < breaks],
      [() => socket.connect(), () => !socket.connected],
    ]);
    assert.equal(consumer.outcome, 'end');
    assert.deepEqual(consumer.items, upTo(length));
    assert.ok(ends.isFree());
  });
});

/** A source that counts how much is asked of it. */
function sourceOf(length, failure) {
  const source = {
    asked: 0,
    isStopped: false,
    [Symbol.asyncIterator]: () => source,
    async next() {
      source.asked += 1;
      if (source.asked <= length) return { done: false, value: source.asked - 1 };
      if (failure) throw failure;
      return { done: true, value: undefined };
    },
    async return() {
      source.isStopped = true;
      return { done: true, value: undefined };
    },
  };
  return source;
}

const watch = (promise) => {
  const watched = {};
  promise.then((result) => Object.assign(watched, { result, isOver: true }), (error) => Object.assign(watched, { error, isOver: true }));
  return watched;
};

const ENDINGS = ['end', 'source fails', 'early answer', 'refusal', 'abort', 'disconnect'];

test('what is uploaded comes in order, within the credit, with one end', async () => {
  const arbitraries = { length: fc.nat(40), credit: fc.integer({ min: 1, max: 9 }), moment: fc.nat(40), ending: fc.constantFrom(...ENDINGS) };
  await plays(arbitraries, async ({ named, script, length, credit, moment, ending }) => {
    const ends = pair(named);
    const { socket, server } = ends;
    const failure = new Error('the disk is gone');
    const source = sourceOf(length, ending === 'source fails' ? failure : undefined);
    const aborting = new AbortController();
    const uploaded = watch(upload(socket, 'upload', source, { named, signal: aborting.signal }));
    let taken = 0;
    let stream;
    const isDue = () => stream && stream.received.length >= Math.min(moment, length);
    const isEarly = !['end', 'source fails'].includes(ending);
    await interleave(script, [
      ...arrivals(ends),
      [() => (stream = server.stream).credit(credit), () => server.stream && !stream],
      [() => {
        taken += 1;
        if (server.stream) stream.credit(credit - (stream.received.length - taken));
      }, () => stream && taken < stream.received.length],
      [() => stream.answer({ frames: stream.received.length }), () => server.stream && stream?.ended?.kind === 'end'],
      [() => {
        if (ending === 'early answer') stream.answer('enough');
        else if (ending === 'refusal') stream.refuse(ERROR);
        else if (ending === 'abort') aborting.abort(failure);
        else socket.disconnect();
      }, () => isEarly && isDue() && server.stream && !uploaded.isOver],
    ]);
    assert.ok(uploaded.isOver);
    assert.deepEqual(stream.received, upTo(stream.received.length));
    assert.ok(source.asked <= stream.credited, 'no more is asked of the source than may go');
    const error = { 'source fails': failure, abort: failure, refusal: 'conflict', disconnect: 'unavailable' }[ending];
    if (uploaded.result === 'enough') assert.equal(ending, 'early answer');
    // It may have been answered before what was to end it early.
    else if (uploaded.result) assert.deepEqual([uploaded.result, ending === 'source fails'], [{ frames: length }, false]);
    else assert.equal(error instanceof Error ? uploaded.error : uploaded.error.code, error);
    if (ending === 'source fails') assert.deepEqual([stream.ended.kind, stream.ended.error.message], ['error', failure.message]);
    if (ending !== 'source fails') assert.equal(server.streams.size, 0);
    assert.ok(source.asked > length || source.isStopped, 'the source is ended');
    assert.ok(ends.isFree());
  });
});

test('both ways at once keep to both windows', async () => {
  const arbitraries = { window: windows, length: fc.nat(30), credit: fc.integer({ min: 1, max: 9 }) };
  await plays(arbitraries, async ({ named, script, window, length, credit }) => {
    const ends = pair(named);
    const { socket, server } = ends;
    const source = sourceOf(length);
    const consumer = new Consumer(duplex(socket, 'echo', source, { named, window }));
    let stream;
    const echoed = () => stream.sent;
    await interleave(script, [
      ...arrivals(ends),
      [() => { stream = server.stream; stream.credit(credit); stream.accept(); }, () => server.stream && !stream],
      [() => {
        stream.frame(stream.received[echoed()]);
        stream.credit(credit - (stream.received.length - echoed()));
      }, () => stream && server.stream && stream.maySend && echoed() < stream.received.length],
      [() => stream.end(), () => server.stream && stream?.ended && echoed() === stream.received.length],
      [() => consumer.ask(), () => consumer.mayAsk],
    ]);
    assert.equal(consumer.outcome, 'end');
    assert.deepEqual(consumer.items, upTo(length));
    assert.equal(stream.ended.kind, 'end');
    assert.ok(ends.isFree());
  });
});

const fault = fc.oneof(
  fc.constant({ kind: 'right' }),
  fc.record({ kind: fc.constant('number'), n: fc.oneof(fc.integer({ min: -2, max: 30 }), fc.constantFrom(null, '0', 1.5)) }),
  fc.constantFrom({ kind: 'unknown name' }, { kind: 'end' }, { kind: 'beyond' }, { kind: 'no packet' }),
);

test('whatever a server says, what is given is in order, and a fault is told once', async () => {
  await plays({ window: fc.integer({ min: 1, max: 9 }), faults: fc.array(fault, { maxLength: 40 }) }, async ({ named, window, faults }) => {
    const ends = pair(named);
    const { socket, server } = ends;
    const iterator = stream(socket, 'count', null, { named, window });
    const heard = [];
    const ask = () => heard.push(iterator.next().then((value) => ({ value }), (reason) => ({ reason })));
    ask();
    await server.settle();
    const open = server.stream;
    open.accept();
    open.sent = Infinity;
    await server.settle();
    const hear = (kind, fields) => server.say(`stream.${kind}`, { stream: open.name, ...fields });
    let sent = 0;
    let expected;
    for (const { kind, n } of faults) {
      const isOver = expected !== undefined;
      if (kind === 'right') {
        hear('data', { n: sent, data: sent });
        if (!isOver) sent += 1;
      } else if (kind === 'number') {
        hear('data', { n, data: 'wrong' });
        if (!isOver && n !== sent) expected = 'bad_call';
        else if (!isOver) return;
      } else if (kind === 'unknown name') server.say('stream.data', { stream: 'other', n: sent, data: 'other' });
      else if (kind === 'no packet') {
        for (const event of ['event', 'stream.data']) for (const said of [null, 7, 'text', [], { event: 5 }]) socket.hear(event, said);
      } else if (kind === 'end') {
        hear('end', { n: sent });
        expected ??= 'end';
      } else {
        for (let more = 0; more <= 2 * window; more += 1) hear('data', { n: sent + more, data: sent + more });
        if (!isOver) {
          sent += window;
          expected = 'bad_call';
        }
      }
      await server.settle();
      if (expected === undefined) while (heard.length <= sent) ask();
    }
    if (expected === undefined) await iterator.return();
    for (let more = 0; more < 3 * window; more += 1) ask();
    const settled = await Promise.all(heard);
    const items = settled.filter(({ value }) => value && !value.done).map(({ value }) => value.value);
    assert.deepEqual(items, upTo(items.length));
    const errors = settled.filter(({ reason }) => reason).map(({ reason }) => reason);
    assert.deepEqual(errors.map(({ code }) => code), expected === 'bad_call' ? ['bad_call'] : []);
    assert.ok(errors.every((error) => error instanceof CallError));
    await server.settle();
    if (expected !== 'end') assert.deepEqual(server.cancelled, [open.name]);
    assert.ok(ends.isFree());
  });
});
