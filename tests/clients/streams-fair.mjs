// Calls beside three full streams: streams-fair.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Down } from './frames.mjs';
import { call, connect } from './support.mjs';

const CALLS = 200;
const event = 'api.services.status';

/** Below these a machine with much to do is what is measured, in milliseconds. */
const FLOORS = { p50: 40, p99: 400 };

/** How often it is measured until it holds. */
const ROUNDS = 5;

/** Calls of a function that held its core up once, before it is watched anew (`src/call/conduct.rs`). */
const TRUSTED_AFTER = 200;

/** Frames of a stream that may be out where calls are made beside it. */
const WINDOW = 16;

/** Opens three streams, and reads them until it is told to end: how many frames have come of each since all were full. */
async function full(socket, window) {
  const streams = [];
  const opening = () => Down.open(socket, 'api.stream.download', { data: { bytes: 1e10 }, window });
  for (let opened = 0; opened < 3; opened += 1) streams.push(await opening());
  let isOver = false;
  const reading = streams.map(async (down) => {
    while (!isOver) await down.frame();
    down.cancel();
  });
  while (streams.some(({ n }) => n < 2 * WINDOW)) await call(socket, { event });
  const before = streams.map(({ n }) => n);
  const came = () => streams.map(({ n }, at) => n - before[at]);
  const end = async () => {
    isOver = true;
    await Promise.all(reading);
    return came();
  };
  return { came, end };
}

/** What calls take, one after the other, in milliseconds, and how many frames come before each answer. */
async function calls(socket, came = () => [0]) {
  const [times, frames] = [[], []];
  const all = () => came().reduce((one, other) => one + other);
  for (let made = 0; made < CALLS; made += 1) {
    const [begun, before] = [performance.now(), all()];
    assert.deepEqual(await call(socket, { event }), { event, data: 'online' });
    times.push(performance.now() - begun);
    frames.push(all() - before);
  }
  for (const figures of [times, frames]) figures.sort((one, other) => one - other);
  return { p50: times[CALLS / 2], p99: times[Math.ceil(CALLS * 0.99) - 1], frames: frames[CALLS / 2] };
}

/** Calls beside streams of another socket, and before and after them: what was measured, and whether each stream flows and calls are about as quick. */
async function round(socket) {
  const before = await calls(socket);
  const reader = new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) });
  reader.on('error', (error) => {
    throw error;
  });
  await once(reader, 'message');
  const beside = await calls(socket);
  const ended = once(reader, 'message');
  reader.postMessage('end');
  const [frames] = await ended;
  const after = await calls(socket);

  const shown = ({ p50, p99 }) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
  const said = `idle ${shown(before)} and ${shown(after)}; beside ${frames} frames ${shown(beside)}`;
  const isQuick = ([part, floor]) => beside[part] <= Math.max(3 * before[part], 3 * after[part], floor);
  const flows = frames.every((n) => n > 0);
  return { said, holds: flows && Object.entries(FLOORS).every(isQuick) };
}

/** What else the machine has to do may spoil one round; a fault spoils all of them. */
async function judge(what, play) {
  const rounds = [];
  while (rounds.length < ROUNDS && !rounds.at(-1)?.holds) rounds.push(await play());
  assert.ok(rounds.at(-1).holds, `${what}: ${rounds.map(({ said }) => said).join('\n')}`);
}

/** Calls beside streams of their own socket: what was measured, and whether the streams are full, fair, and seldom before an answer. */
async function shared(socket) {
  const { came, end } = await full(socket, WINDOW);
  const beside = await calls(socket, came);
  const shares = await end();
  const said = `${shares} frames, ${beside.frames} before an answer in ${beside.p50.toFixed(2)} ms`;
  console.log(said);
  const areFull = shares.every((n) => n >= WINDOW);
  const areFair = Math.min(...shares) > Math.max(...shares) / 2;
  const holds = areFull && areFair && beside.frames <= WINDOW;
  // A function that the machine held up once is trusted again after so many downloads: until then it would run apart.
  for (let left = holds ? 0 : TRUSTED_AFTER; left > 0; left -= 1) {
    const down = await Down.open(socket, 'api.stream.download', { data: { bytes: 1 } });
    while ((await down.frame()) !== undefined);
  }
  return { said, holds };
}

async function measure([url, generation, transport]) {
  const socket = await connect(url, generation, transport);
  await calls(socket);
  await judge('calls and streams of one socket', () => shared(socket));
  await judge('calls of another socket', () => round(socket));
  socket.close();
}

async function read([url, generation, transport]) {
  const socket = await connect(url, generation, transport);
  const { end } = await full(socket);
  parentPort.postMessage('full');
  await once(parentPort, 'message');
  parentPort.postMessage(await end());
  socket.close();
  parentPort.close();
}

await (isMainThread ? measure(process.argv.slice(2)) : read(workerData));
