// Streams that their client leaves at any moment: streams-cancel.mjs URL GENERATION TRANSPORT STREAMS SEED

import assert from 'node:assert/strict';
import { Down, Up } from './frames.mjs';
import { call, connect, lots, shown, soon } from './support.mjs';

const [url, generation, transport, streams, seed] = process.argv.slice(2);
const random = lots(Number(seed));
// Clients before 4.5 write all that waits in one POST, which is to have room for eight uploads of 16 frames in base64.
const CHUNK = Buffer.alloc(transport === 'polling' ? 16_384 : 65_536, 'Updraft ');

/** How many streams are open at the server. */
async function open() {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^updraft_streams (\d+)$/m.exec(text)[1]);
}

function untilOpen(streams) {
  const wait = async () => {
    while ((await open()) !== streams);
  };
  return soon(`${streams} open streams`, (done, failed) => wait().then(done, failed));
}

async function read(down, frames) {
  for (let taken = 0; taken < frames; taken += 1) assert.notEqual(await down.frame(), undefined);
  down.cancel();
}

const KINDS = [
  // Before its ack, which says whether the function had answered by then.
  async (socket) => {
    const down = new Down(socket);
    const opened = call(socket, { event: 'api.stream.download', stream: down.stream, data: { bytes: 1e10 } });
    down.cancel();
    const { data, error } = await opened;
    assert.ok(data?.stream === down.stream || error?.code === 'unavailable', shown({ data, error }));
  },
  async (socket) => read(await Down.open(socket, 'api.stream.download', { data: { bytes: 1e10 }, window: 1 + random(20) }), random(30)),
  async (socket) => read(await Down.open(socket, 'api.stream.download', { data: { bytes: 1e10 } }), random(30)),
  async (socket) => read(await Down.open(socket, 'api.stream.count', { data: { to: 1e9 }, window: 1 + random(20) }), random(200)),
  // One that waits for its function.
  async (socket) => read(await Down.open(socket, 'api.stream.count', { data: { to: 1e9, every_ms: 3_600_000 } }), 0),
  async (socket) => {
    const up = Up.open(socket, 'api.stream.upload');
    const frames = random(30);
    for (let sent = 0; sent < frames; sent += 1) await up.send(CHUNK);
    up.cancel();
    assert.equal((await up.answer).error?.code, 'unavailable');
  },
];

let left = Number(streams);
while (left > 0) {
  const socket = await connect(url, generation, transport);
  const together = Math.min(left, 8);
  left -= together;
  await Promise.all(Array.from({ length: together }, () => KINDS[random(KINDS.length)](socket)));
  // What is left is ended by its socket.
  const staying = random(3);
  for (let more = 0; more < staying; more += 1) await Down.open(socket, 'api.stream.count', { data: { to: 1e9 }, window: 1 });
  const event = 'api.services.status';
  assert.deepEqual(await call(socket, { event }), { event, data: 'online' });
  // Those that were cancelled are gone, and the others are there.
  await untilOpen(staying);
  socket.close();
  await untilOpen(0);
}
