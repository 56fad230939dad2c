// A reader whose server is stopped, and started again on the same port: topics.mjs PROGRAM GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { onOwnPort, start, stop } from './server.mjs';
import { call, connect, open, soon } from './support.mjs';

const [program, generation, transport] = process.argv.slice(2);

/** The position behind the last event, or none; the board's cards; the places of all events that came. */
let position = null;
let epoch;
let wake = () => {};
const cards = new Map();
const heard = [];
const starts = [];

function hear({ event, topic, ...more }) {
  // The server says by itself that it stops.
  if (event === 'server.draining') return;
  assert.equal(topic, 'board');
  if (event === 'topic.start') {
    starts.push(more.reset);
    epoch = more.epoch;
    if (more.reset) cards.clear();
  } else if (event !== 'topic.live') {
    if (more.deleted) cards.delete(more.key);
    else cards.set(more.key, more.data.title);
    heard.push(`${epoch}:${more.seq}`);
  }
  position = `${epoch}:${more.seq}`;
  wake();
}

function until(what, holds) {
  return soon(what, (done) => {
    wake = () => holds() && done();
    wake();
  });
}

/** A reader that subscribes at every connection: by its handshake where its generation has one. */
function read(url) {
  const inHandshake = generation === '4';
  const socket = open(url, generation, transport, {
    reconnection: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: 20,
    ...(inHandshake && { auth: (give) => give({ topics: { board: position } }) }),
  });
  socket.on('event', hear);
  if (!inHandshake) {
    socket.on('connect', () => {
      const data = { topic: 'board', ...(position && { since: position }) };
      socket.emit('event', { event: 'topic.subscribe', data }, () => {});
    });
  }
  return socket;
}

async function change(socket, name, data) {
  const { data: place, error } = await call(socket, { event: `api.board.${name}`, data });
  assert.equal(error, undefined);
  return place;
}

const add = (socket, id) => change(socket, 'add', { id, title: `title of ${id}`, column: 'todo' });

const old = await onOwnPort((port) => start(program, port));
let writer = await connect(old.url, '4', 'websocket');
const reader = read(old.url);
await until('to be live', () => starts.length === 1);
const places = [];
for (let number = 0; number < 50; number += 1) places.push(await add(writer, `old-${number}`));
await until('the first events', () => heard.length === 50);
const gone = soon('the disconnect', (done) => reader.once('disconnect', done));
writer.close();
await stop(old);
await gone;

const next = await start(program, new URL(old.url).port);
writer = await connect(next.url, '4', 'websocket');
places.push(await change(writer, 'remove', { id: 'old-7' }));
for (let number = 0; number < 50; number += 1) places.push(await add(writer, `new-${number}`));
await until('what was missed', () => heard.length >= places.length && starts.length === 2);
places.push(await add(writer, 'last'));
await until('what comes live', () => heard.includes(places.at(-1)));

assert.deepEqual(heard, places, 'nothing is missing, nothing comes twice');
assert.deepEqual(starts, [true, false]);
assert.equal(cards.size, 100);
assert.ok(!cards.has('old-7'));
reader.close();
writer.close();
await stop(next);
