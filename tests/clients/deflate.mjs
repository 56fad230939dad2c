// What a client hears over a WebSocket whose messages are compressed, or not: deflate.mjs URL GENERATION TRANSPORT OFFER

import assert from 'node:assert/strict';
import { call, connect, soon } from './support.mjs';

const [url, generation, transport, offer] = process.argv.slice(2);

const offers = offer === 'offers';
const socket = await connect(url, generation, transport, { perMessageDeflate: offers && { threshold: 1024 } });
const { ws } = socket.io.engine.transport;
assert.equal(ws.extensions.includes('permessage-deflate'), offers, `extensions: '${ws.extensions}'`);

const people = Array.from({ length: 500 }, (_, number) => ({ number, name: `Ünal ${number}`, city: 'Zürich' }));
const size = JSON.stringify(people).length;
const before = ws._socket.bytesRead;
const sent = ws._socket.bytesWritten;
const answers = [];
for (let round = 0; round < 5; round += 1) {
  // Small and large by turns, a Buffer among them, all at once: they come back whole, each to its call.
  answers.push(call(socket, { event: 'echo.json', data: round }));
  answers.push(call(socket, { event: 'echo.json', data: people }));
  answers.push(call(socket, { event: 'echo.bytes', data: Buffer.alloc(5000, `${round}`) }));
}
const heard = await Promise.all(answers);
for (let round = 0; round < 5; round += 1) {
  const [small, large, buffer] = heard.slice(3 * round);
  assert.deepEqual(small, { event: 'echo.json', data: round });
  assert.deepEqual(large, { event: 'echo.json', data: people });
  assert.deepEqual(buffer, { event: 'echo.bytes', data: Buffer.alloc(5000, `${round}`) });
}
const read = ws._socket.bytesRead - before;
const written = ws._socket.bytesWritten - sent;
assert.equal(read < 2.5 * size, offers, `${read} bytes read, of five times ${size}`);
assert.equal(written < 2.5 * size, offers, `${written} bytes written, of five times ${size}`);

// What is said to a room: once for those who have it compressed, once for those who do not.
const others = [await connect(url, generation, 'websocket'), await connect(url, '2', 'websocket', { perMessageDeflate: false })];
const members = [socket, ...others];
const said = members.map((member) => soon('what is said to the room', (done) => member.once('said', done)));
for (const member of members) await call(member, { event: 'echo.join' });
const speaker = await connect(url, '4', 'polling');
await call(speaker, { event: 'echo.say', data: people });
for (const heard of await Promise.all(said)) assert.deepEqual(heard, people);
for (const client of [...members, speaker]) client.close();
