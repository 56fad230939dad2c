// What a stream does when something is not as it should be, and what it leaves to others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError, duplex, stream } from 'updraft-client';
import { ReceiveWindow, SendWindow } from '../dist/windows.js';
import { pair, turn } from './server.mjs';

test('it is opened when the first item is asked for, and by names of its own', async () => {
  const { socket, server, isFree } = pair();
  const first = stream(socket, 'api.count', { to: 3 }, { window: 4 });
  const second = stream(socket, 'api.count', undefined, { window: Infinity });
  await server.settle();
  assert.equal(server.names.size, 0);
  void first.next();
  void second.next();
  await server.settle();
  const [one, two] = [...server.streams.values()];
  assert.deepEqual([one.event, one.data, one.window, one.after], ['api.count', { to: 3 }, 4, undefined]);
  assert.equal(two.window, Infinity);
  assert.ok([one, two].every(({ name }) => name.length > 0 && Buffer.byteLength(name) <= 64));
  assert.equal(socket.listenerCount('event'), 1, 'all streams of a socket share a listener');
  await first.return();
  assert.equal(socket.listenerCount('event'), 1);
  await second.return();
  assert.ok(isFree());
});

test('one that is never asked for anything emits nothing, and one that is aborted already neither', async () => {
  const { socket } = pair();
  await stream(socket, 'api.count').return();
  const signal = AbortSignal.abort(new Error('no more'));
  await assert.rejects(stream(socket, 'api.count', null, { signal }).next(), { message: 'no more' });
  assert.deepEqual(socket.up, []);
});

test('a refusal is thrown with what the server said of it', async () => {
  const { socket, server, isFree } = pair();
  const refused = stream(socket, 'api.count').next();
  await server.settle();
  server.stream.refuse({ code: 'overloaded', message: 'too many streams', retry: true, details: { after_ms: 50 } });
  void server.settle();
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof CallError && error instanceof Error);
    assert.deepEqual([error.name, error.code, error.message, error.retry, error.details], ['CallError', 'overloaded', 'too many streams', true, { after_ms: 50 }]);
    return true;
  });
  assert.ok(isFree());
});

test("acks of a namespace are understood as Node's where it is said so", async () => {
  for (const [args, code] of [[[null, { stream: 'NAME' }]], [[{ code: 'forbidden', message: 'no' }], 'forbidden'], [['no'], 'internal']]) {
    const { socket, server } = pair(true);
    const iterator = stream(socket, 'count', null, { named: 'node' });
    const first = iterator.next();
    await server.settle();
    const { name, ack } = server.stream;
    ack(...args.map((one) => (one?.stream ? { stream: name } : one)));
    if (code) await assert.rejects(first, { code });
    else {
      server.stream.frame(7);
      await server.settle();
      assert.deepEqual(await first, { done: false, value: 7 });
    }
  }
});

test('a function that answers and streams nothing is no stream', async () => {
  const { socket, server, isFree } = pair();
  const first = stream(socket, 'api.hello.greeting').next();
  await server.settle();
  server.stream.answer("You're welcome");
  void server.settle();
  const message = 'api.hello.greeting answers, and streams nothing';
  await assert.rejects(first, { code: 'bad_call', message, details: "You're welcome" });
  assert.ok(isFree());
});

test('a function that takes frames is no stream: its first credit ends it', async () => {
  for (const named of [false, true]) {
    const { socket, server, isFree } = pair(named);
    const first = stream(socket, 'api.upload', null, { named }).next();
    await server.settle();
    server.stream.credit(16);
    void server.settle();
    await assert.rejects(first, { code: 'bad_call', message: 'api.upload takes frames: upload or duplex sends them' });
    await server.settle();
    assert.deepEqual([server.streams.size, isFree()], [0, true]);
  }
});

test('a function that takes no frames is not for both ways: its ack comes without a credit', async () => {
  const { socket, server, isFree } = pair();
  let isAsked = false;
  const source = { [Symbol.iterator]: () => ({ next: () => { isAsked = true; return { done: true }; } }) };
  const first = duplex(socket, 'api.count', source).next();
  await server.settle();
  server.stream.accept();
  void server.settle();
  await assert.rejects(first, { code: 'bad_call', message: 'api.count takes no frames: stream reads it' });
  await server.settle();
  assert.deepEqual([server.streams.size, isFree(), isAsked], [0, true, false]);
});

test('a disconnect is thrown behind the items that came before it', async () => {
  const { socket, server, isFree } = pair();
  const iterator = stream(socket, 'api.count');
  const first = iterator.next();
  await server.settle();
  server.stream.accept();
  for (const number of [0, 1, 2]) server.stream.frame(number);
  await server.settle();
  socket.disconnect();
  assert.deepEqual([(await first).value, (await iterator.next()).value, (await iterator.next()).value], [0, 1, 2]);
  await assert.rejects(iterator.next(), { code: 'unavailable', retry: true });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  assert.deepEqual([socket.up, isFree()], [[], true]);
});

test('a function that cannot go on where it was refuses, and this is thrown', async () => {
  const { socket, server } = pair();
  const first = stream(socket, 'api.count', null, { resume: true }).next();
  await server.settle();
  server.stream.accept();
  await server.settle();
  socket.disconnect();
  socket.connect();
  await server.settle();
  assert.equal(server.stream.after, 0);
  server.stream.refuse({ code: 'unavailable', message: 'it begins anew only', retry: true });
  void server.settle();
  await assert.rejects(first, { code: 'unavailable', message: 'it begins anew only' });
});

test('a stream that the server gives up for now, and stays connected, is thrown after a while', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { socket, server, isFree } = pair();
  const first = stream(socket, 'api.count', null, { resume: true }).next();
  await server.settle();
  server.stream.accept();
  server.stream.fail({ code: 'unavailable', message: 'the journal is busy', retry: true });
  await server.settle();
  t.mock.timers.tick(10_000);
  await assert.rejects(first, { code: 'unavailable', message: 'the journal is busy' });
  assert.ok(isFree());
});

test('a server that stops is not asked to go on, but the next one', async () => {
  const { socket, server } = pair();
  const iterator = stream(socket, 'api.count', null, { resume: true });
  const first = iterator.next();
  await server.settle();
  server.stream.accept();
  for (const number of [0, 1, 2]) server.stream.frame(number);
  server.stream.fail({ code: 'unavailable', message: 'the server is stopping', retry: true });
  await server.settle();
  assert.deepEqual([(await first).value, (await iterator.next()).value, (await iterator.next()).value], [0, 1, 2]);
  void iterator.next();
  await server.settle();
  assert.equal(server.streams.size, 0);
  socket.disconnect();
  socket.connect();
  await server.settle();
  assert.equal(server.stream.after, 3);
});

/** A stream of which three frames came, and one was taken. */
async function withTwoLeft(options) {
  const { socket, server } = pair();
  const iterator = stream(socket, 'api.count', null, options);
  const first = iterator.next();
  await server.settle();
  const open = server.stream;
  open.accept();
  for (const number of [0, 1, 2]) open.frame(number);
  await server.settle();
  assert.equal((await first).value, 0);
  return { iterator, server, open };
}

test('what came and was not taken is dropped with a consumer that aborts or leaves', async () => {
  const aborting = new AbortController();
  const { iterator } = await withTwoLeft({ signal: aborting.signal });
  aborting.abort(new Error('enough'));
  await assert.rejects(iterator.next(), { message: 'enough' });
  const { iterator: failed, server, open } = await withTwoLeft();
  open.fail({ code: 'conflict', message: 'no' });
  await server.settle();
  assert.deepEqual([(await failed.return()).done, (await failed.next()).done], [true, true]);
});

test('an end before which frames are missing is none', async () => {
  const { iterator, server, open } = await withTwoLeft();
  open.say('end', { n: 4 });
  await server.settle();
  assert.deepEqual([(await iterator.next()).value, (await iterator.next()).value], [1, 2]);
  await assert.rejects(iterator.next(), { code: 'bad_call', message: 'frame 3 is expected, and 4 came' });
});

test('several that ask at once are answered in their order, and one error ends them all', async () => {
  const { socket, server } = pair();
  const iterator = stream(socket, 'api.count');
  const asked = Promise.allSettled([iterator.next(), iterator.next(), iterator.next()]);
  await server.settle();
  server.stream.accept();
  server.stream.frame('a');
  server.stream.fail({ code: 'conflict', message: 'no', retry: false });
  await server.settle();
  const [a, error, end] = await asked;
  assert.deepEqual([a.value, error.reason.code, end.value], [{ done: false, value: 'a' }, 'conflict', { done: true, value: undefined }]);
});

test('a consumer that leaves while an item is waited for is done at once', async () => {
  const { socket, server } = pair();
  const iterator = stream(socket, 'api.count');
  const waiting = iterator.next();
  await server.settle();
  assert.deepEqual(await iterator.return(), { done: true, value: undefined });
  assert.deepEqual(await waiting, { done: true, value: undefined });
  await server.settle();
  assert.equal(server.streams.size, 0);
});

test('both ways end with the function, and the source with them', async () => {
  const { socket, server } = pair();
  let isStopped = false;
  function* questions() {
    try {
      for (;;) yield 'why?';
    } finally {
      isStopped = true;
    }
  }
  const iterator = duplex(socket, 'api.oracle', questions(), { data: { name: 'Ada' } });
  const first = iterator.next();
  await server.settle();
  server.stream.credit(2);
  server.stream.accept();
  await server.settle();
  assert.deepEqual([server.stream.data, server.stream.received], [{ name: 'Ada' }, ['why?', 'why?']]);
  server.stream.frame('because');
  server.stream.end();
  await server.settle();
  assert.deepEqual([(await first).value, (await iterator.next()).done], ['because', true]);
  assert.ok(isStopped);
});

test('a window is a whole number', () => {
  for (const window of [0, -1, 1.5, NaN, '16']) assert.throws(() => stream(pair().socket, 'api.count', null, { window }), RangeError);
});

test('credit is given by half a window, and by what is owed for a second', () => {
  let now = 0;
  const frames = new ReceiveWindow(10, 5, () => now);
  const take = () => frames.take();
  for (let n = 5; n < 15; n += 1) assert.equal(frames.accept(n), undefined);
  assert.match(frames.accept(15), /beyond the window/);
  assert.deepEqual([take(), take(), take(), take(), take()], [undefined, undefined, undefined, undefined, 10]);
  now = 1000;
  assert.deepEqual([take(), take()], [11, undefined]);
});

test('credit that came late takes nothing back, and one that is none is told', () => {
  const frames = new SendWindow();
  const send = () => {
    const n = frames.next;
    frames.sent();
    return n;
  };
  assert.equal(frames.isOpen, false);
  frames.credit(0, 2);
  assert.deepEqual([send(), send(), frames.isOpen], [0, 1, false]);
  frames.credit(2, 3);
  frames.credit(1, 1);
  assert.ok(frames.isOpen);
  assert.deepEqual([send(), send(), send(), frames.isOpen], [2, 3, 4, false]);
  for (const [n, window] of [[6, 1], [-1, 1], [0, -1], ['0', 1], [0, undefined], [0.5, 1]]) assert.notEqual(frames.credit(n, window), undefined);
  assert.equal(frames.isOpen, false);
});

test('a fault of one stream is its own', async () => {
  const { socket, server } = pair();
  const [good, bad] = [stream(socket, 'api.count'), stream(socket, 'api.count')];
  const [fromGood, fromBad] = [good.next(), bad.next()];
  await server.settle();
  const [first, second] = [...server.streams.values()];
  first.accept();
  second.accept();
  second.say('data', { n: 3, data: 'early' });
  first.frame('right');
  void server.settle();
  await assert.rejects(fromBad, { code: 'bad_call', message: 'frame 0 is expected, and 3 came' });
  assert.equal((await fromGood).value, 'right');
  await turn();
  assert.deepEqual(server.cancelled, [second.name]);
});

test('a call that cannot be written is thrown once, and leaves nothing behind', async () => {
  const { socket, isFree } = pair();
  const frames = stream(socket, 'api.count', 1n);
  await assert.rejects(async () => frames.next(), TypeError);
  assert.deepEqual(await frames.next(), { done: true, value: undefined });
  assert.deepEqual([socket.up, isFree()], [[], true]);
});
