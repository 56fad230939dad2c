// Two servers of Node with the official adapter, and the official emitter, beside an Updraft node on the same database:
// adapter.mjs DATABASE UPDRAFT

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/postgres-adapter';
import { Emitter } from '@socket.io/postgres-emitter';
import pg from 'pg';
import { Server } from 'socket.io';
import { call, connect, soon } from './support.mjs';

const [database, updraft] = process.argv.slice(2);
const { searchParams, pathname } = new URL(database);
const pool = new pg.Pool({
  host: searchParams.get('host'),
  user: searchParams.get('user'),
  database: pathname.slice(1),
});

/** A server of Node, as its users write one. */
async function start() {
  const http = createServer();
  const io = new Server(http);
  io.adapter(createAdapter(pool));
  io.on('connection', (socket) => {
    socket.data.name = 'of node';
    socket.on('join', (room, ack) => ack(socket.join(room)));
    socket.on('rooms', (ack) => ack([...socket.rooms].sort()));
    socket.on('say', (room, ...said) => socket.to(room).emit('said', ...said));
  });
  await new Promise((listening) => http.listen(0, '127.0.0.1', listening));
  return { io, url: `http://127.0.0.1:${http.address().port}` };
}
const nodes = [await start(), await start()];
const [io] = nodes.map((node) => node.io);
const clients = await Promise.all(
  [nodes[0].url, nodes[1].url, updraft].map((url) => connect(url, '4', 'websocket')),
);
const [one, two, ours] = clients;
const fn = async (event, data) => {
  const answer = await call(ours, { event, data });
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  return answer.data;
};
const ask = (socket, ...event) => soon(event[0], (done) => socket.emit(...event, done));

/** Tries again until it holds. */
async function until(what, holds) {
  await soon(what, async (done) => {
    while (!(await holds())) await new Promise((later) => setTimeout(later, 20));
    done();
  });
}
await until('all to know each other', async () => {
  const listed = await Promise.all([io.fetchSockets(), nodes[1].io.fetchSockets(), fn('io.list')]).catch(() => []);
  return listed.length === 3 && listed.every((sockets) => sockets.length === 3);
});

/** What each hears: Buffers as arrays. */
const heard = clients.map((socket) => {
  const events = [];
  const readable = (one) => (one?.byteLength ? [...new Uint8Array(one)] : one);
  socket.on('said', (...said) => events.push(said.map(readable)));
  return events;
});
const hears = async (what, expected) => {
  await until(`${what} to be heard`, () => heard.every((events, index) => events.length >= expected[index].length));
  // What is on its way beyond that comes before this.
  for (const node of nodes) {
    const fences = clients.map((socket) => soon('the fence', (done) => socket.once('fence', done)));
    node.io.emit('fence');
    await Promise.all(fences);
  }
  assert.deepEqual(heard.map((events) => events.splice(0)), expected, what);
};

await Promise.all([ask(one, 'join', 'red'), ask(two, 'join', 'red'), fn('room.join', 'red')]);
await ask(two, 'join', 'muted');

// Emits of Node's functions and servers reach Updraft's socket: several arguments, large, with Buffers, many alike.
const words = [1, 'zwei 🚀', { three: [3, null, 0.5] }];
io.to('red').except('muted').emit('said', ...words);
await hears('an emit of Node', [[words], [], [words]]);
one.emit('say', 'red', 'by a socket');
await hears('an emit of a socket', [[], [['by a socket']], [['by a socket']]]);
const long = 'l'.repeat(20_000);
io.in('red').emit('said', long, Buffer.from([1, 2, 3]));
await hears('a long one', Array(3).fill([[long, [1, 2, 3]]]));

// And the other way round.
await fn('room.say', { to: ['red'], except: ['muted'], event: 'said', arguments: words });
await hears('an emit of Updraft', [[words], [], []]);
await fn('room.emit', { to: ['red'], event: 'said', arguments: [long], bytes: Buffer.from([4, 5]) });
await hears('a long one of Updraft', Array(3).fill([[long, [4, 5]]]));
await fn('room.emit', { to: [two.id], event: 'said', arguments: ['for you'], times: 3 });
await hears('an emit to one socket', [[], Array(3).fill(['for you']), []]);

// Lists.
const byId = (sockets) => new Map(sockets.map((socket) => [socket.id, socket]));
const listed = byId(await nodes[1].io.in('red').fetchSockets());
assert.deepEqual([...listed.keys()].sort(), clients.map((socket) => socket.id).sort());
assert.deepEqual([...listed.get(ours.id).rooms].sort(), [ours.id, 'red'].sort());
const seen = byId(await fn('io.list'));
assert.deepEqual(seen.get(two.id), { id: two.id, rooms: ['muted', 'red'], data: { name: 'of node' } });

// Rooms are joined and left from the other side.
io.in(ours.id).socketsJoin(['night', 'day']);
await until('the rooms', async () => (await fn('room.rooms')).join() === 'day,night,red');
io.in('night').socketsLeave('day');
await until('the rooms', async () => (await fn('room.rooms')).join() === 'night,red');
await fn('io.join', ['muted', 'night']);
await until('the room', async () => (await ask(two, 'rooms')).includes('night'));
await fn('io.leave', ['muted', 'night']);
await until('the room', async () => !(await ask(two, 'rooms')).includes('night'));

// Acks of all, from both sides.
for (const [index, socket] of clients.entries()) socket.on('name?', (_, ack) => ack({ name: index }));
const acks = await io.timeout(20_000).to('red').emitWithAck('name?', 1);
assert.deepEqual(acks.map((ack) => ack.name).sort(), [0, 1, 2]);
assert.deepEqual((await fn('io.ask', 'red')).map((ack) => ack.name).sort(), [0, 1, 2]);

// What servers tell each other.
const told = soon('the news', (done) => nodes[1].io.on('news', (...news) => done(news)));
for (const node of nodes) node.io.on('size?', (text, ack) => ack(`${text} of node`));
assert.deepEqual((await fn('io.announce')).sort(), ['four of node', 'four of node']);
const [number, bytes] = await told;
assert.deepEqual([number, String(Buffer.from(bytes))], [1, 'two']);
assert.deepEqual((await io.serverSideEmitWithAck('size?', 'seven..')).sort(), [7, 'seven.. of node']);
// One without a function costs no time-out.
nodes[1].io.on('unheard', (ack) => ack('heard'));
assert.deepEqual((await io.serverSideEmitWithAck('unheard')).sort(), ['heard', null]);

// The official emitter. Servers of Node leave out what it says, as it names no namespace.
const emitter = new Emitter(pool);
emitter.to('red').emit('said', 'by the emitter', Buffer.from([6]));
await until('the emitter', () => heard[2].length === 1);
emitter.to('red').emit('said', 'and again');
await until('the emitter', () => heard[2].length === 2);
assert.deepEqual(heard[2].splice(0), [['by the emitter', [6]], ['and again']]);
heard.forEach((events) => events.splice(0));
emitter.in(ours.id).socketsJoin('by emitter');
await until('the room', async () => (await fn('room.rooms')).includes('by emitter'));

// Disconnected from the other side, after what was said before.
for (const [socket, disconnect] of [
  [two, () => fn('io.disconnect', two.id)],
  [ours, () => io.in(ours.id).disconnectSockets()],
]) {
  const gone = soon('the end', (done) => socket.once('disconnect', done));
  await disconnect();
  assert.equal(await gone, 'io server disconnect');
}
await until('one to be left', async () => (await io.fetchSockets().catch(() => [])).length === 1);

one.disconnect();
for (const node of nodes) await node.io.close();
await pool.end();
