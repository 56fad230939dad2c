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

function judge(what, idle, beside, frames) {
  const shown = ({ p50, p99 }) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
  const said = `${what}: idle ${shown(idle)}; beside ${frames} frames ${shown(beside)}`;
  for (const n of frames) assert.ok(n > 0, `${said}: each stream flows`);
  for (const [part, floor] of Object.entries(FLOORS)) assert.ok(beside[part] <= Math.max(3 * idle[part], floor), said);
}

async function measure([url, generation, transport]) {
  const socket = await connect(url, generation, transport);
  await calls(socket);
  const idle = await calls(socket);

  const { came, end } = await full(socket, WINDOW);
  const beside = await calls(socket, came);
  const shares = await end();
  const said = `${shares} frames, ${beside.frames} before an answer in ${beside.p50.toFixed(2)} ms`;
  console.log(said);
  for (const n of shares) assert.ok(n >= WINDOW, `${said}: each stream is full`);
  assert.ok(beside.frames <= WINDOW, `${said}: not the windows of all streams`);
  assert.ok(Math.min(...shares) > Math.max(...shares) / 2, `${said}: each stream has its share`);

  const reader = new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) });
  reader.on('error', (error) => {
    throw error;
  });
  await once(reader, 'message');
  const others = await calls(socket);
  const frames = once(reader, 'message');
  reader.postMessage('end');
  judge('calls of another socket', idle, others, (await frames)[0]);
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
