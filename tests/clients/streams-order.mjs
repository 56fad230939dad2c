// Streams by polling that go on by WebSocket: streams-order.mjs URL GENERATION

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Down, Up } from './frames.mjs';
import { Network } from './network.mjs';
import { check, connected, open, soon } from './support.mjs';

const [url, generation] = process.argv.slice(2);
const network = await Network.to(url);

/** A client that stays with polling until it is let upgrade. */
async function begin() {
  network.hold(/transport=websocket/);
  const socket = open(network.url, generation, 'upgraded');
  await connected(socket);
  const { engine } = socket.io;
  const upgraded = soon('the upgrade', (done) => engine.once('upgrade', done));
  return {
    socket,
    name: () => engine.transport.name,
    upgrade: () => {
      assert.equal(engine.transport.name, 'polling');
      network.release();
      return upgraded;
    },
  };
}

await check('down', async () => {
  const { socket, name, upgrade } = await begin();
  const count = ['api.stream.count', { to: 1e9 }];
  const opened = [[...count, undefined], [...count, 1], [...count, 16], ['api.stream.download', { bytes: 1e10 }, 2]];
  let before = 0;
  const reading = [];
  let isOver = false;
  for (const [event, data, window] of opened) {
    const down = await Down.open(socket, event, { data, window });
    reading.push(down);
    down.reading = (async () => {
      // A frame that is missing, doubled or out of order is an error there.
      for (down.after = 0; !isOver || down.after < 20; ) {
        const frame = await down.frame();
        if (event.endsWith('count')) assert.equal(frame, down.n - 1);
        if (name() === 'websocket') down.after += 1;
        else before += 1;
      }
      down.cancel();
    })();
  }
  const enough = async () => {
    while (reading.some(({ n }) => n < 10)) await new Promise((done) => setImmediate(done));
  };
  await Promise.race([enough(), Promise.all(reading.map((down) => down.reading))]);
  await upgrade();
  isOver = true;
  await Promise.all(reading.map((down) => down.reading));
  assert.ok(before >= 10 * reading.length);
  socket.close();
});

await check('up', async () => {
  const { socket, upgrade } = await begin();
  const up = Up.open(socket, 'api.stream.upload');
  const hash = createHash('sha256');
  let size = 0;
  const send = async (frames) => {
    for (let sent = 0; sent < frames; sent += 1) {
      const chunk = Buffer.alloc(1000 + sent, `${size} `);
      hash.update(chunk);
      size += chunk.length;
      await up.send(chunk);
    }
  };
  await send(40);
  const upgraded = upgrade();
  await send(40);
  await upgraded;
  await send(40);
  assert.deepEqual(await up.end(), { size, sha256: hash.digest('hex') });
  socket.close();
});

network.close();
