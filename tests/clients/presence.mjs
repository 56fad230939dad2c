// Which clients are there: presence.mjs URL GENERATION TRANSPORT [OTHER PID]
// Members are at OTHER, a process that is killed; without it at URL, and disconnect.

import assert from 'node:assert/strict';
import { call, connect, soon } from './support.mjs';

const [url, generation, transport, other = url, pid] = process.argv.slice(2);

/** A client that reads who is there, by the handler of any topic. */
async function read() {
  const socket = await connect(url, generation, transport);
  const members = new Map();
  let wake = () => {};
  socket.on('event', ({ event, topic, key, data, deleted }) => {
    if (topic !== 'here' || event.startsWith('topic.')) return;
    assert.equal(event, deleted ? 'presence.left' : 'presence.entered');
    if (deleted) members.delete(key);
    else members.set(key, data.name);
    wake();
  });
  const { error } = await call(socket, { event: 'topic.subscribe', data: { topic: 'here' } });
  assert.equal(error, undefined);
  const names = () => [...members.values()].sort();
  const sees = (...expected) =>
    soon(`to see ${expected}, not ${names()}`, (done) => {
      wake = () => names().join() === expected.join() && done();
      wake();
    });
  return { socket, members, sees };
}

/** A client that is there by this name; its socket, and its part of the key. */
async function enter(at, name) {
  const socket = await connect(at, generation, transport);
  const { data, error } = await call(socket, { event: 'api.here.enter', data: { name } });
  assert.equal(error, undefined);
  return { socket, id: data };
}

const reader = await read();
await reader.sees();
const stays = await enter(url, 'ada');
await reader.sees('ada');
const there = [];
for (const name of ['bob', 'eve', 'mallory']) there.push(await enter(other, name));
await reader.sees('ada', 'bob', 'eve', 'mallory');
const ids = [stays, ...there].map(({ id }) => id);
assert.deepEqual([...reader.members.keys()].map((key) => key.split('.').at(-1)).sort(), ids.sort());

// Another name, and a client that goes by itself.
await call(there[0].socket, { event: 'api.here.enter', data: { name: 'bert' } });
await reader.sees('ada', 'bert', 'eve', 'mallory');
await call(there[1].socket, { event: 'api.here.leave' });
await reader.sees('ada', 'bert', 'mallory');
await call(there[1].socket, { event: 'api.here.enter', data: { name: 'eve' } });
await reader.sees('ada', 'bert', 'eve', 'mallory');

if (pid) process.kill(Number(pid), 'SIGKILL');
else for (const { socket } of there) socket.close();
const began = Date.now();
await reader.sees('ada');
console.log(`they were gone after ${Date.now() - began} ms`);

// Another reader sees the same.
const late = await read();
await late.sees('ada');
stays.socket.close();
await reader.sees();
await late.sees();
for (const { socket } of [reader, late, ...there]) socket.close();
