// Streams by the package updraft-client: package-streams.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CallError, duplex, stream, upload } from '../../client/dist/index.js';
import { call, check, connect, soon } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const RECONNECT = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 20 };
const socket = await connect(url, generation, transport, RECONNECT);
const upTo = (count) => Array.from({ length: count }, (_, number) => number);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** Asks the server which streams it has, until that, or what the client has, is as it should be. */
async function until(what, isSo) {
  const end = Date.now() + 120_000;
  while (!isSo((await call(socket, { event: 's.open' })).data)) assert.ok(Date.now() < end, `waited too long for ${what}`);
}

/** Waits until the server has dropped all streams, and looks that the client has. */
async function nothingIsLeft() {
  await until('the server to drop all streams', (open) => open === 0);
  for (const event of ['event', 'stream.data']) assert.equal(socket.listeners(event).length, 0);
}

await check('down, with any window', async () => {
  for (const window of [1, 2, undefined, 1000, Infinity]) {
    assert.deepEqual(await all(stream(socket, 's.count', 300, { window })), upTo(300));
  }
  assert.deepEqual(await all(stream(socket, 's.count', 0)), []);
  const three = await Promise.all([1, 2, 3].map((window) => all(stream(socket, 's.count', 100, { window }))));
  assert.deepEqual(three, [upTo(100), upTo(100), upTo(100)]);
  await nothingIsLeft();
});

await check('Buffers down', async () => {
  const hash = createHash('sha256');
  let size = 0;
  for await (const buffer of stream(socket, 's.download', 40)) {
    hash.update(buffer);
    size += buffer.length;
  }
  assert.equal(size, 40 * 65_536);
  assert.equal(hash.digest('hex'), sha256(Buffer.concat(upTo(40).map((number) => Buffer.alloc(65_536, number)))));
});

await check('a consumer that leaves, and one that is aborted', async () => {
  for await (const number of stream(socket, 's.count', 1e9, { window: 4 })) if (number === 10) break;
  const aborting = new AbortController();
  const numbers = stream(socket, 's.count', 1e9, { signal: aborting.signal });
  assert.equal((await numbers.next()).value, 0);
  aborting.abort(new Error('enough'));
  await assert.rejects(numbers.next(), { message: 'enough' });
  await stream(socket, 's.count', 1e9).return();
  await nothingIsLeft();
});

await check('errors', async () => {
  const failing = stream(socket, 's.fail');
  assert.deepEqual([(await failing.next()).value, (await failing.next()).value], [0, 1]);
  await assert.rejects(failing.next(), (error) => error instanceof CallError && error.code === 'conflict' && error.message === 'the third is taken');
  await assert.rejects(all(stream(socket, 's.unheard')), { code: 'unknown_event' });
  await assert.rejects(all(stream(socket, 's.count', 'many')), { code: 'invalid_data' });
  await assert.rejects(all(stream(socket, 's.open')), { name: 'CallError' });
  await assert.rejects(upload(socket, 's.upload', [{ no: 'Buffer' }]), { code: 'invalid_data' });
  await nothingIsLeft();
});

await check('functions that stream otherwise than they are asked to', async () => {
  const isAsked = (how) => assert.rejects(how(function* () { assert.fail('nothing may go'); }()), { code: 'bad_call', message: /takes no frames/ });
  const began = Date.now();
  await assert.rejects(all(stream(socket, 's.upload')), { code: 'bad_call', message: 's.upload takes frames: upload or duplex sends them' });
  await assert.rejects(all(stream(socket, 's.double')), { code: 'bad_call', message: /takes frames/ });
  await assert.rejects(upload(socket, 's.double', [1]), { code: 'bad_call', message: 's.double streams its answer: duplex reads it' });
  await isAsked((source) => upload(socket, 's.count', source, { data: 1e9 }));
  await isAsked((source) => upload(socket, 's.open', source));
  await isAsked((source) => all(duplex(socket, 's.count', source, { data: 1e9 })));
  await assert.rejects(all(duplex(socket, 's.upload', [])), { code: 'bad_call', message: 's.upload answers, and streams nothing' });
  assert.equal(await upload(socket, 's.known', [1, 2]), 'known');
  assert.ok(Date.now() - began < 120_000, 'none waits for a time-out of the server');
  await nothingIsLeft();
});

await check('up, from any source', async () => {
  const bytes = Buffer.alloc(1_000_000, 'Updraft ');
  const expected = { size: bytes.length, sha256: sha256(bytes) };
  const parts = () => upTo(100).map((number) => bytes.subarray(number * 10_000, (number + 1) * 10_000));
  async function* generated() {
    yield* parts();
  }
  const sources = [bytes, new Blob([bytes]), new Blob([bytes]).stream(), parts(), generated(), new Uint8Array(bytes), parts().map((part) => new Uint8Array(part))];
  for (const source of sources) assert.deepEqual(await upload(socket, 's.upload', source), expected);
  const file = fileURLToPath(import.meta.url);
  const { size } = await upload(socket, 's.upload', createReadStream(file, { highWaterMark: 512 }));
  assert.ok(size > 4000);
  assert.deepEqual(await upload(socket, 's.upload', []), { size: 0, sha256: sha256('') });
  await nothingIsLeft();
});

await check('uploads that end early', async () => {
  let stopped = 0;
  async function* endless(fails) {
    try {
      for (let number = 0; ; number += 1) {
        if (fails && number === 30) throw new Error('the disk is gone');
        yield fails ? Buffer.from('more') : number;
      }
    } finally {
      stopped += 1;
    }
  }
  assert.equal(await upload(socket, 's.first', endless(false)), 0);
  await assert.rejects(upload(socket, 's.upload', endless(true)), { message: 'the disk is gone' });
  const aborting = new AbortController();
  async function* slow() {
    for await (const more of endless(false)) {
      await new Promise(setImmediate);
      if (more === 10) aborting.abort();
      yield Buffer.from(String(more));
    }
  }
  await assert.rejects(upload(socket, 's.upload', slow(), { signal: aborting.signal }), { name: 'AbortError' });
  await nothingIsLeft();
  await until('all sources to be left', () => stopped === 3);
});

await check('both ways', async () => {
  assert.deepEqual(await all(duplex(socket, 's.double', upTo(300), { window: 3 })), upTo(300).map((number) => 2 * number));
  for await (const number of duplex(socket, 's.double', upTo(1000))) if (number === 100) break;
  await nothingIsLeft();
});

await check('namespaces of events of any name', async () => {
  for (const [path, named] of [['/named', true], ['/node', 'node']]) {
    const other = await connect(`${url}${path}`, generation, transport);
    assert.deepEqual(await all(stream(other, 'count', 100, { named, window: 7 })), upTo(100));
    const failing = stream(other, 'fail', undefined, { named });
    assert.deepEqual([(await failing.next()).value, (await failing.next()).value], [0, 1]);
    await assert.rejects(failing.next(), { code: 'conflict' });
    await assert.rejects(all(stream(other, 'count', 'many', { named })), { code: 'invalid_data' });
    assert.deepEqual(await upload(other, 'upload', Buffer.from('Hello'), { named }), { size: 5, sha256: sha256('Hello') });
    assert.deepEqual(await all(duplex(other, 'double', [1, 2], { named })), [2, 4]);
    await assert.rejects(all(stream(other, 'upload', undefined, { named })), { code: 'bad_call', message: /takes frames/ });
    await assert.rejects(upload(other, 'count', [1], { named, data: 1e9 }), { code: 'bad_call', message: /takes no frames/ });
    assert.equal(await upload(other, 'known', [1, 2], { named }), 'known');
    for await (const number of stream(other, 'count', 1e9, { named })) if (number === 10) break;
    await nothingIsLeft();
    assert.equal(other.listeners('stream.data').length, 0);
    other.close();
  }
});

await check('what the README says of use without the package', async () => {
  const readme = readFileSync(new URL('../../client/README.md', import.meta.url), 'utf8');
  const [, raw] = readme.split('## Without this module');
  const [reading, sending] = [...raw.matchAll(/```js\n([^`]*)```/g)].map(([, code]) => code);
  const run = (code, isOver) => soon('what the README shows', (done) => {
    const shown = [];
    const show = (value) => {
      shown.push(value);
      if (isOver(value)) done(shown);
    };
    const ours = code.replaceAll('api.stream.', 's.').replace('{ to: 10 }', '40').replace(/const socket = .*/, '');
    new Function('socket', 'show', ours)(socket, show);
  });
  assert.deepEqual(await run(reading, (value) => value === 'done'), [...upTo(40), 'done']);
  assert.deepEqual(await run(sending, () => true), [{ size: 5, sha256: sha256('Hello') }]);
  for (const listener of [...socket.listeners('event')]) socket.off('event', listener);
  await nothingIsLeft();
});

/** Ends the connection as a network would. */
async function breakOff() {
  const gone = soon('the disconnect', (done) => socket.once('disconnect', done));
  socket.io.engine.close();
  await gone;
}

await check('a connection that ends', async () => {
  const numbers = stream(socket, 's.count', 1e9, { window: 4 });
  const last = { number: -1 };
  for (; last.number < 20; last.number += 1) assert.equal((await numbers.next()).value, last.number + 1);
  const uploading = upload(socket, 's.upload', (async function* () { await new Promise(() => {}); yield 0; })());
  uploading.catch(() => {});
  await breakOff();
  await assert.rejects(async () => {
    for await (const number of numbers) assert.equal(number, (last.number += 1));
  }, { code: 'unavailable', retry: true });
  await assert.rejects(uploading, { code: 'unavailable', retry: true });
  if (!socket.connected) await soon('to connect again', (done) => socket.once('connect', done));
  await nothingIsLeft();
});

await check('a stream that goes on over connections', async () => {
  const items = [];
  for await (const number of stream(socket, 's.count', 500, { resume: true, window: 9 })) {
    items.push(number);
    if (number > 0 && number % 125 === 0) await breakOff();
  }
  assert.deepEqual(items, upTo(500));
  await assert.rejects(async () => {
    for await (const number of stream(socket, 's.anew', 500, { resume: true, window: 9 })) if (number === 50) await breakOff();
  }, { code: 'unavailable', message: /cannot go on/ });
  await nothingIsLeft();
});

socket.close();
