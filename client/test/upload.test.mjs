// What may be uploaded, and how it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upload } from 'updraft-client';
import { pair } from './server.mjs';

const bytes = (length) => Uint8Array.from({ length }, (_, index) => index % 251);
const joined = (frames) => Buffer.concat(frames.map((frame) => Buffer.from(frame)));

/** What arrives of a source: the server takes all, and answers. */
async function uploaded(source, options) {
  const { socket, server, isFree } = pair();
  const result = upload(socket, 'api.upload', source, options);
  await server.settle();
  const { stream } = server;
  stream.credit(1000);
  await server.settle();
  while (!stream.ended) await server.settle();
  stream.answer('done');
  await server.settle();
  assert.equal(await result, 'done');
  assert.deepEqual([stream.ended.kind, isFree()], ['end', true]);
  return stream.received;
}

test('of iterables each item is a frame', async () => {
  async function* generator() {
    yield 1;
    yield { two: [Buffer.from('2')] };
  }
  assert.deepEqual(await uploaded(['a', null, [1]]), ['a', null, [1]]);
  assert.deepEqual(await uploaded([Promise.resolve('later')]), ['later']);
  assert.deepEqual(await uploaded(generator()), [1, { two: [Buffer.from('2')] }]);
  assert.deepEqual(await uploaded([]), []);
});

test('of bytes each chunk is a frame, in a form that every generation sends', async () => {
  const all = bytes(1000);
  const inside = new Uint8Array([9, ...all, 9]).subarray(1, 1001);
  const halves = () => new ReadableStream({
    start(controller) {
      for (const part of [all.subarray(0, 400), all.subarray(400)]) controller.enqueue(part);
      controller.close();
    },
  });
  for (const source of [new Blob([all]), all, all.buffer, inside, new DataView(all.buffer), Buffer.from(all)]) {
    const frames = await uploaded(source, { chunkSize: 300 });
    assert.deepEqual(frames.map(({ byteLength }) => byteLength), [300, 300, 300, 100]);
    assert.ok(frames.every((frame) => frame instanceof ArrayBuffer || Buffer.isBuffer(frame)));
    assert.deepEqual(joined(frames), Buffer.from(all));
  }
  const frames = await uploaded(halves(), { chunkSize: 300 });
  assert.deepEqual(frames.map(({ byteLength }) => byteLength), [300, 100, 300, 300]);
  assert.deepEqual(joined(frames), Buffer.from(all));
  assert.equal((await uploaded(bytes(100_000))).length, 2, 'chunks have 64 KiB');
  assert.deepEqual(await uploaded([all.subarray(0, 2)]), [all.slice(0, 2).buffer]);
  assert.deepEqual(await uploaded(new Blob([])), []);
});

test('a ReadableStream is cancelled where the answer comes early', async () => {
  const { socket, server } = pair();
  let isCancelled = false;
  const source = new ReadableStream({
    pull(controller) { controller.enqueue('more'); },
    cancel() { isCancelled = true; },
  });
  const result = upload(socket, 'api.upload', source, { data: { name: 'a.txt' } });
  await server.settle();
  assert.deepEqual(server.stream.data, { name: 'a.txt' });
  server.stream.credit(3);
  await server.settle();
  assert.equal(server.stream.received.length, 3);
  server.stream.answer('enough');
  await server.settle();
  assert.equal(await result, 'enough');
  assert.ok(isCancelled);
});

test('an upload waits for a source that takes its time, and stops waiting when it is over', async () => {
  for (const how of ['answer', 'abort']) {
    const { socket, server, isFree } = pair();
    const aborting = new AbortController();
    async function* slow() {
      await new Promise(() => {});
      yield 'never';
    }
    const result = upload(socket, 'api.upload', slow(), { signal: aborting.signal });
    await server.settle();
    server.stream.credit(1);
    await server.settle();
    if (how === 'answer') server.stream.answer('enough');
    else aborting.abort(new Error('no more'));
    void server.settle();
    if (how === 'answer') assert.equal(await result, 'enough');
    else await assert.rejects(result, { message: 'no more' });
    await server.settle();
    assert.equal(server.streams.size, 0);
    assert.ok(isFree());
  }
});

test('an upload that is aborted before it begins emits nothing, and ends its source', async () => {
  const { socket } = pair();
  let isStopped = false;
  const source = { [Symbol.iterator]: () => ({ next: () => ({ done: false }), return: () => { isStopped = true; return { done: true }; } }) };
  await assert.rejects(upload(socket, 'api.upload', source, { signal: AbortSignal.abort(new Error('no')) }), { message: 'no' });
  assert.deepEqual([socket.up, isStopped], [[], true]);
});

test('a function that streams its answer is not for an upload', async () => {
  const { socket, server } = pair();
  const result = upload(socket, 'api.echo', [1]);
  await server.settle();
  server.stream.accept();
  void server.settle();
  await assert.rejects(result, { code: 'bad_call', message: 'api.echo streams, and takes no frames: stream reads it' });
  await server.settle();
  assert.equal(server.streams.size, 0);
  const echoed = upload(socket, 'api.echo', [1]);
  await server.settle();
  server.stream.credit(1);
  server.stream.accept();
  void server.settle();
  await assert.rejects(echoed, { code: 'bad_call', message: 'api.echo streams its answer: duplex reads it' });
});

test('a function that takes no frames is not for an upload: its answer comes without a credit', async () => {
  for (const named of [false, true]) {
    const { socket, server, isFree } = pair(named);
    let isStopped = false;
    const source = { [Symbol.iterator]: () => ({ next: () => ({ done: true }), return: () => { isStopped = true; return { done: true }; } }) };
    const result = upload(socket, 'api.status', source, { named });
    await server.settle();
    server.stream.answer('online');
    void server.settle();
    const message = 'api.status takes no frames: it has answered, and nothing was sent';
    await assert.rejects(result, { code: 'bad_call', message, details: 'online' });
    await server.settle();
    assert.deepEqual([server.streams.size, isStopped, isFree()], [0, true, true]);
  }
});

test('what the server fails with, and credit that is none, end it', async () => {
  for (const [kind, fields, code] of [['error', { n: 0, error: { code: 'overloaded', message: 'too much' } }, 'overloaded'], ['credit', { n: 5, window: 1 }, 'bad_call']]) {
    const { socket, server, isFree } = pair();
    const result = upload(socket, 'api.upload', [1]);
    await server.settle();
    server.stream.say(kind, fields);
    void server.settle();
    await assert.rejects(result, { code });
    assert.ok(isFree());
  }
});

test('several results of an event are an array', async () => {
  const { socket, server } = pair(true);
  const result = upload(socket, 'upload', [], { named: true });
  await server.settle();
  server.stream.credit(1);
  await server.settle();
  server.stream.ack('a', 'b');
  assert.deepEqual(await result, ['a', 'b']);
});

test('what is no source is refused by name', async () => {
  const { socket } = pair();
  for (const [source, what] of [['text', /no string: put one value into an array/], [7, /no number/], [{}, /an iterable, a stream or bytes/]]) {
    await assert.rejects(upload(socket, 'api.upload', source), { name: 'TypeError', message: what });
  }
});

test('a frame that cannot be written ends it with its error, and ends the source', async () => {
  const { socket, server, isFree } = pair();
  let isEnded = false;
  function* numbers() {
    try {
      yield 1;
      yield 2n;
    } finally {
      isEnded = true;
    }
  }
  const result = upload(socket, 'api.upload', numbers());
  await server.settle();
  const { stream } = server;
  stream.credit(5);
  void server.settle();
  await assert.rejects(result, TypeError);
  await server.settle();
  assert.deepEqual([stream.received, stream.ended.kind, isEnded, isFree()], [[1], 'error', true, true]);
});

test('an item that is a promise which fails ends the source', async () => {
  const { socket, server, isFree } = pair();
  let isEnded = false;
  function* numbers() {
    try {
      yield Promise.reject(new Error('no number'));
    } finally {
      isEnded = true;
    }
  }
  const result = upload(socket, 'api.upload', numbers());
  await server.settle();
  server.stream.credit(5);
  void server.settle();
  await assert.rejects(result, { message: 'no number' });
  await server.settle();
  assert.deepEqual([isEnded, isFree()], [true, true]);
});

test('a call that cannot be written is refused, and leaves nothing behind', async () => {
  const { socket, isFree } = pair();
  let isEnded = false;
  const source = { [Symbol.iterator]: () => ({ next: () => ({ done: false }), return: () => { isEnded = true; return { done: true }; } }) };
  await assert.rejects(upload(socket, 'api.upload', source, { data: 1n }), TypeError);
  assert.deepEqual([socket.up, isEnded, isFree()], [[], true, true]);
});
