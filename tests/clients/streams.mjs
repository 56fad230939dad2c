// Many bytes down and up, by hand, to readers that are slow: streams.mjs URL GENERATION TRANSPORT BYTES

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as passed } from 'node:timers/promises';
import { Down, Up } from './frames.mjs';
import { Network } from './network.mjs';
import { check, connect, soon } from './support.mjs';

const [url, generation, transport, size] = process.argv.slice(2);
const bytes = Number(size);
const CHUNK = 65_536;

/** Takes a download, by `slow` with the frames taken: compares it with the digest that its last frame says. */
async function take(down, slow) {
  const hash = createHash('sha256');
  let taken = 0;
  for (let frame; (frame = await down.frame()); ) {
    if (!Buffer.isBuffer(frame)) {
      assert.deepEqual(frame, { sha256: hash.digest('hex') });
      assert.equal(taken, bytes);
      assert.equal(await down.frame(), undefined);
      return;
    }
    hash.update(frame);
    taken += frame.length;
    await slow(taken / bytes);
  }
  assert.fail('a download ends with its digest');
}

/** Calls `slow` with each of these parts of a whole, once. */
function at(parts, slow) {
  const left = [...parts];
  return async (taken) => {
    if (!(taken >= left[0])) return;
    left.shift();
    await slow();
  };
}

/** How many frames the server has sent, of all streams. */
async function sent() {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^updraft_stream_frames_total\{direction="sent"\} (\d+)$/m.exec(text)[1]);
}

/** Waits until the server sends no more, since nothing takes what it sends. */
async function untilItWaits() {
  let [before, same] = [await sent(), 0];
  while (same < 10) {
    await passed(20);
    const now = await sent();
    same = now === before ? same + 1 : 0;
    before = now;
  }
  return before;
}

await check('down to a consumer that pauses, by credit', async () => {
  const socket = await connect(url, generation, transport);
  const down = await Down.open(socket, 'api.stream.download', { data: { bytes }, window: 8 });
  const isFull = () => soon('a full window', async (done) => {
    while (down.waiting < 8) await passed(20);
    done();
  });
  await take(down, at([0.2, 0.4, 0.6, 0.8], async () => {
    await isFull();
    await untilItWaits();
    assert.equal(down.waiting, 8, 'the window is full of what was not taken');
  }));
  socket.close();
});

await check('down through a network that stands still at times, without a window', async () => {
  const network = await Network.to(url);
  const socket = await connect(network.url, generation, transport);
  const before = await sent();
  const down = await Down.open(socket, 'api.stream.download', { data: { bytes } });
  await take(down, at([0.1, 0.3, 0.5], async () => {
    network.hold(/^/);
    const out = (await untilItWaits()) - before;
    assert.ok(out < bytes / CHUNK, 'the server waits for its reader');
    network.release();
  }));
  socket.close();
  network.close();
});

await check('up', async () => {
  const network = await Network.to(url);
  const socket = await connect(network.url, generation, transport);
  const up = Up.open(socket, 'api.stream.upload');
  const hash = createHash('sha256');
  for (let sending = 0; sending < bytes; sending += CHUNK) {
    const chunk = Buffer.alloc(Math.min(CHUNK, bytes - sending), `${sending} `);
    hash.update(chunk);
    await up.send(chunk);
  }
  assert.deepEqual(await up.end(), { size: bytes, sha256: hash.digest('hex') });
  socket.close();
  network.close();
});
