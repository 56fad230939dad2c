// A reader by the package updraft-client, whose server is stopped, and started again on the same port:
// package-topics.mjs PROGRAM GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { CallError, topic } from '../../client/dist/index.js';
import { onOwnPort, start, stop } from './server.mjs';
import { call, connect, open, soon } from './support.mjs';

const [program, generation, transport] = process.argv.slice(2);

/** What was read of the board, and of each item where to go on. */
const items = [];
const cards = new Map();
let wake = () => {};

async function read(socket, options) {
  for await (const item of topic(socket, 'board', options)) {
    if (item.reset) cards.clear();
    if (item.deleted) cards.delete(item.key);
    else if (item.key) cards.set(item.key, item.data.title);
    items.push(item);
    wake();
  }
}

const until = (what, holds) => soon(what, (done) => {
  wake = () => holds() && done();
  wake();
});

async function change(socket, name, data) {
  const { data: place, error } = await call(socket, { event: `api.board.${name}`, data });
  assert.equal(error, undefined);
  return place;
}

const add = (socket, id) => change(socket, 'add', { id, title: `title of ${id}`, column: 'todo' });
const events = () => items.filter(({ event }) => event.startsWith('card.'));

const old = await onOwnPort((port) => start(program, port));
let writer = await connect(old.url, '4', 'websocket');
const reader = open(old.url, generation, transport, { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 20 });
const aborting = new AbortController();
// A few items wait at most: it is unsubscribed, and goes on, all the time.
const reading = read(reader, { signal: aborting.signal, buffer: 7 });
await until('to be live', () => items.some(({ event }) => event === 'topic.live'));
const places = [];
for (let number = 0; number < 50; number += 1) places.push(await add(writer, `old-${number}`));
await until('the first events', () => events().length === 50);
const gone = soon('the disconnect', (done) => reader.once('disconnect', done));
writer.close();
await stop(old);
await gone;

const next = await start(program, new URL(old.url).port);
writer = await connect(next.url, '4', 'websocket');
places.push(await change(writer, 'remove', { id: 'old-7' }));
for (let number = 0; number < 50; number += 1) places.push(await add(writer, `new-${number}`));
await until('what was missed', () => events().length >= places.length);
places.push(await add(writer, 'last'));
await until('what comes live', () => items.at(-1).position === places.at(-1));

assert.deepEqual(events().map(({ position }) => position), places, 'nothing is missing, nothing comes twice');
const starts = items.filter(({ event }) => event === 'topic.start').map(({ reset }) => reset);
assert.deepEqual(starts, starts.map((_, index) => index === 0));
assert.equal(cards.size, 100);
assert.ok(!cards.has('old-7'));

aborting.abort(new Error('enough'));
await assert.rejects(reading, { message: 'enough' });
assert.equal(reader.listeners('event').length, 0);

// From a position, and what may not be read.
const since = items.at(-3).position;
const again = [];
for await (const item of topic(reader, 'board', { since })) {
  again.push(item.position);
  if (item.event === 'topic.live') break;
}
// The end of the backlog has the position of the event before it, wherever it came.
const expected = items.slice(-3).map(({ position }) => position);
assert.deepEqual([...new Set(again)], [...new Set(expected)]);
await assert.rejects(topic(reader, 'no such topic').next(), (error) => error instanceof CallError && error.code === 'forbidden');
assert.equal(reader.listeners('event').length, 0);
reader.close();
writer.close();
await stop(next);
