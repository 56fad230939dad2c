// What goes through the engine and what goes past it, heard in one order:
// ways.mjs URL GENERATION TRANSPORT FUNCTION ROUNDS

import assert from 'node:assert/strict';
import { call, connect, soon } from './support.mjs';

const [url, generation, transport, event, rounds] = process.argv.slice(2);
const socket = await connect(url, generation, transport);
const heard = [];
const packets = [];
socket.io.engine.on('message', (packet) => packets.push(String(packet)));

const done = soon('the last number', (done) => {
  socket.on('number', (number) => {
    heard.push(number);
    if (number === 5 * Number(rounds)) done();
  });
  socket.on('asked', (number, ack) => {
    heard.push(number);
    ack('heard');
  });
  socket.on('packed', ({ number, bytes }) => {
    heard.push(number);
    assert.deepEqual([...new Uint8Array(bytes)], [1, 2, 3]);
  });
});
const answer = await call(socket, { event, data: Number(rounds) });
assert.deepEqual(answer, { event, data: 5 * Number(rounds) });
await done;

const all = Array.from({ length: 5 * Number(rounds) }, (_, index) => index + 1);
assert.deepEqual(heard, all);
assert.ok(packets.length >= all.length);
assert.deepEqual(packets.filter((packet) => packet.includes('server.mark')), []);
socket.disconnect();
