// Streams that go on where they were when their server is killed and started again: streams-kill.mjs PROGRAM

import assert from 'node:assert/strict';
import { stream } from '../../client/dist/index.js';
import { kill, onOwnPort, start } from './server.mjs';
import { connect, soon } from './support.mjs';

const [program] = process.argv.slice(2);
const TO = 600;
const COMING_BACK = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 40 };

let server = await onOwnPort((port) => start(program, port));
const counted = [];
let wake = () => {};

async function count(generation, transport) {
  const socket = await connect(server.url, generation, transport, COMING_BACK);
  const numbers = [];
  const one = { numbers, connections: 1, socket };
  socket.on('connect', () => (one.connections += 1));
  counted.push(one);
  return async () => {
    for await (const number of stream(socket, 'api.stream.count', { to: TO, every_ms: 5 }, { resume: true, window: 8 })) {
      numbers.push(number);
      wake();
    }
  };
}

const clients = [];
for (const generation of ['2', '3', '4']) {
  for (const transport of ['websocket', 'polling']) clients.push(await count(generation, transport));
}
const done = Promise.all(clients.map((run) => run()));

for (const most of [100, 300]) {
  await soon(`${most} numbers`, (done) => {
    wake = () => counted.every(({ numbers }) => numbers.length >= most) && done();
    wake();
  });
  await kill(server);
  const { port } = new URL(server.url);
  server = await start(program, port);
}
await done;

for (const { numbers, connections, socket } of counted) {
  assert.deepEqual(numbers, Array.from({ length: TO }, (_, number) => number));
  assert.ok(connections >= 3, `${connections} connections`);
  socket.close();
}
await kill(server);
