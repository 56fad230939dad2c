// Arbitrary names and arguments, there and back: arbitrary.mjs URL GENERATION TRANSPORT SEED

import assert from 'node:assert/strict';
import { check, connect, lots, readable, shown, soon } from './support.mjs';

const [url, generation, transport, seed] = process.argv.slice(2);
const lot = lots(Number(BigInt(seed) & 0xffffffffn));
const TIMES = 300;
const RESERVED = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];
const LETTERS = ['a', 'B', '7', ' ', '.', '/', ',', '?', '"', '\\', 'ü', '日', '😀', '\n', '\u2028', '{', '[', '_'];

/** Clients disconnect at more than ten. */
let buffers = 0;

const text = (most) => Array.from({ length: lot(most) }, () => LETTERS[lot(LETTERS.length)]).join('');

function number() {
  switch (lot(4)) {
    case 0:
      return lot(1000) - 500;
    case 1:
      return (lot(2 ** 31) - 2 ** 30) / 1024;
    case 2:
      return Number.MAX_SAFE_INTEGER - lot(100);
    default:
      return lot(2 ** 31) * 1e-300;
  }
}

function buffer() {
  buffers += 1;
  return buffers > 8 ? null : Buffer.from(Array.from({ length: lot(300) }, () => lot(256)));
}

function value(depth) {
  switch (lot(depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return lot(2) === 0;
    case 2:
      return number();
    case 3:
      return text(20);
    case 4:
      return buffer();
    case 5:
      // What looks like a packed call is a text like any other.
      return ['H4sIAAAAAAAAA6tWSlOyUjJUqgUAqzZbqQkAAAA=', '["event"]', 'null', '{"event":"x"}'][lot(4)];
    case 6:
      return Array.from({ length: lot(5) }, () => value(depth - 1));
    default:
      return Object.fromEntries(Array.from({ length: lot(5) }, () => [`${text(8)}.`, value(depth - 1)]));
  }
}

const socket = await connect(url, generation, transport);
const ask = (...event) =>
  soon(`an ack of ${shown(event)}`, (done) => socket.emit(...event, (...ack) => done(readable(ack))));

for (let time = 0; time < TIMES; time += 1) {
  buffers = 0;
  const name = text(30) || 'none';
  if (RESERVED.includes(name) || name === 'event') continue;
  const values = Array.from({ length: lot(5) }, () => value(4));
  await check(`seed ${seed}, ${shown([name, ...values])}`, async () => {
    assert.deepEqual(await ask(name, ...values), [name, values]);
    assert.deepEqual(await ask('as it came', ...values), values);
    assert.deepEqual(await ask('one by one', ...values), values);
  });
}
socket.close();
