// Clients of two nodes in the same rooms: rooms-of-nodes.mjs URL URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { call, connect, soon } from './support.mjs';

const [first, second, generation, transport] = process.argv.slice(2);
const [ada, bob, eve] = await Promise.all(
  [first, second, second].map((url) => connect(url, generation, transport)),
);
const name = (room) => `${room} of ${generation} over ${transport}`;
const data = async (socket, event, data) => {
  const answer = await call(socket, { event, data });
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  return answer.data;
};
for (const [socket, room] of [[ada, 'red'], [bob, 'red'], [eve, 'red'], [eve, 'muted']]) {
  await data(socket, 'room.join', name(room));
}

/** What each hears, until it is told that no more comes. */
const heard = [ada, bob, eve].map((socket) => {
  const events = [];
  socket.on('said', (...said) => events.push(said.map((one) => (one?.byteLength ? [...new Uint8Array(one)] : one))));
  return events;
});
let fences = 0;
const settled = async () => {
  fences += 1;
  const all = [ada, bob, eve].map((socket) =>
    soon('the fence', (done) => socket.on(`fence ${fences}`, done)),
  );
  await data(ada, 'room.emit', { event: `fence ${fences}` });
  await Promise.all(all);
  return heard.map((events) => events.splice(0));
};

// By a function at one node, but for its caller; several arguments.
const words = [1, 'zwei 🚀', { three: [3, null, 0.5] }];
await data(ada, 'room.say', { to: [name('red')], except: [name('muted')], event: 'said', arguments: words });
assert.deepEqual(await settled(), [[], [words], []]);

// From the other one; the same many times, and more than a notification holds.
const long = 'l'.repeat(20_000);
for (const text of ['again', long]) {
  await data(eve, 'room.say', { to: [name('red')], event: 'said', arguments: [text], times: 20 });
  // Its own fence is at the other node: Ada hears in the order of Eve's node.
  await data(eve, 'room.emit', { event: `end of ${text.length}` });
}
await soon('the end', (done) => {
  ada.once(`end of ${long.length}`, done);
  data(eve, 'room.emit', { event: `end of ${long.length}` });
});
const twenty = (text) => Array.from({ length: 20 }, () => [text]);
const all = [...twenty('again'), ...twenty(long)];
assert.deepEqual(await settled(), [all, all, []]);

// Buffers: a client gives one, the others get it.
const order = { to: [name('red')], event: 'said', arguments: ['before'], bytes: Buffer.from([1, 2, 3]) };
await data(bob, 'room.emit', order);
await soon('the Buffer at the other node', (done) => {
  const look = () => (heard[0].length ? done() : setTimeout(look, 5));
  look();
});
assert.deepEqual(await settled(), Array(3).fill([['before', [1, 2, 3]]]));

for (const socket of [ada, bob, eve]) socket.disconnect();
