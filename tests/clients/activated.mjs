// A client of a server that is started again and again, on a socket that listens all the time:
// activated.mjs URL GENERATION TRANSPORT [NAME [PAUSE]], where PAUSE is the time between what it adds, in milliseconds, as a board
// gets full. It goes on until its standard input ends; then it prints how often it connected.

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { call, open, soon } from './support.mjs';

const [url, generation, transport, name = 'activated', pause = 0] = process.argv.slice(2);
const mine = `${name}-${transport}`;

let isOver = false;
process.stdin.on('end', () => (isOver = true)).resume();

let [position, connections] = [null, 0];
const added = [];
const heard = [];

const socket = open(url, generation, transport, {
  reconnection: true,
  reconnectionDelay: 20,
  reconnectionDelayMax: 20,
});
socket.on('event', ({ event, topic, epoch, seq, key }) => {
  if (topic !== 'board') return;
  position = `${epoch ?? position.split(':')[0]}:${seq}`;
  if (event === 'card.added' && key.startsWith(mine)) heard.push(key);
});
socket.on('connect', () => {
  connections += 1;
  const data = { topic: 'board', ...(position && { since: position }) };
  socket.emit('event', { event: 'topic.subscribe', data }, () => {});
});
// A server that stops lets no session begin (503), or closes what it has accepted. None is ever refused by the system.
for (const about of ['connect_error', 'reconnect_error']) {
  const hear = (error) => assert.ok(!/ECONNREFUSED/.test(told(error)), told(error));
  socket.on(about, hear);
  socket.io.on(about, hear);
}

function told(error) {
  return [error.message, error.description?.message, error.description, error.context?.statusText].join(' ');
}

/** Adds a card: asked again, under the same key, until it is answered. */
async function add(id) {
  const request = { event: 'api.board.add', id, data: { id, title: id, column: 'todo' } };
  for (;;) {
    const answer = await Promise.race([call(socket, request), soon('a disconnect', (done) => socket.once('disconnect', done))]);
    if (answer.data) return;
    // It stops, or the connection went first.
    if (answer.error) assert.equal(answer.error.retry, true, JSON.stringify(answer));
    await soon('to be connected again', (done) => (socket.connected && !answer.error ? done() : socket.once('connect', done)));
  }
}

while (!isOver) {
  const id = `${mine}-${added.length}`;
  await add(id);
  added.push(id);
  if (pause) await after(Number(pause));
}
await soon('all events', (done) => {
  const look = () => (heard.length >= added.length ? done() : setTimeout(look, 10));
  look();
});
assert.deepEqual(heard, added);
console.log(connections);
process.exit(0);
