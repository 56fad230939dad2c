// Every form of a call and of its data, with an ack and without: forms.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Messages, call, check, connect } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const json = (value) => Buffer.from(JSON.stringify(value));
const packed = (bytes) => gzipSync(bytes).toString('base64');
const arrayBuffer = (buffer) => Uint8Array.from(buffer).buffer;

const ECHO = 'api.services.test.testFunc';
const VALUE = { text: 'größe 😀', number: -1.5, list: [1, [2, {}], null], yes: true };

/** A whole call, in each form. */
const forms = {
  'an object': (one) => one,
  'an array': (one) => ('data' in one ? [one.event, one.data] : [one.event]),
  'JSON text': (one) => JSON.stringify(one),
  'base64 of gzip': (one) => packed(json(one)),
  'base64 of JSON': (one) => json(one).toString('base64'),
  'a Buffer of JSON': json,
  'a Buffer of gzip': (one) => gzipSync(json(one)),
  'an ArrayBuffer': (one) => arrayBuffer(json(one)),
};
if (generation !== '2') {
  // 2.x sends them as objects, one key for each byte.
  forms['a typed array'] = (one) => new Uint8Array(arrayBuffer(json(one)));
}

const empty = Buffer.alloc(0);
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const large = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 31) % 251));

/** Fields of a call to the echo, and what comes back. */
const data = {
  'an object': [{ data: VALUE }, VALUE],
  'an array': [{ data: [1, 'two', [3]] }, [1, 'two', [3]]],
  'a text': [{ data: 'text' }, 'text'],
  'an empty text': [{ data: '' }, ''],
  'zero': [{ data: 0 }, 0],
  'false': [{ data: false }, false],
  'null': [{ data: null }, null],
  'a Buffer': [{ data: everyByte }, everyByte],
  'an empty Buffer': [{ data: empty }, empty],
  'a large Buffer': [{ data: large }, large],
  'an ArrayBuffer': [{ data: arrayBuffer(everyByte) }, everyByte],
  'Buffers in JSON': [
    { data: { a: [everyByte, { b: empty }], c: 'x', d: large } },
    { a: [everyByte, { b: empty }], c: 'x', d: large },
  ],
  'a Buffer of gzip, not said': [{ data: gzipSync('"x"') }, gzipSync('"x"')],
  'a Buffer of gzip': [{ data: gzipSync(json(VALUE)), encoding: 'gzip' }, VALUE],
  'packed JSON': [{ data: packed(json(VALUE)), encoding: 'gzip+base64' }, VALUE],
  'packed JSON, not said': [{ data: packed(json(VALUE)) }, VALUE],
  'packed text': [{ data: packed('plain words'), encoding: 'gzip+base64' }, 'plain words'],
  'packed text, not said': [{ data: packed('plain words') }, 'plain words'],
  'text that only looks packed': [{ data: 'H4sIAAAA' }, 'H4sIAAAA'],
};

/** Arguments that are no call, and what they are answered. */
const EMPTY = 'Event cannot be empty';
const noCall = {
  'an empty object': [{}, EMPTY],
  'an empty array': [[], EMPTY],
  'an empty event': [{ event: '', data: 1 }, EMPTY],
  'an empty event in an array': [['', 1], EMPTY],
  'no event': [{ event: null }, EMPTY],
  'a number as event': [{ event: 5 }, 'no call: event is no text'],
  'a number': [5, 'no call: a call is an object, an array, a text or a Buffer'],
  'null': [null, 'no call: a call is an object, an array, a text or a Buffer'],
  'a word': ['*?', 'no call: a text that is neither JSON nor base64'],
  'broken JSON': ['{"event":', 'no call: broken JSON'],
  'a Buffer of nonsense': [Buffer.from('nonsense'), 'no call: broken JSON'],
  'a Buffer of broken gzip': [
    Buffer.from([0x1f, 0x8b, 8, 1, 2]),
    'the call is said to be packed, and its base64 or gzip is broken',
  ],
  'an unknown encoding': [
    { event: ECHO, data: 'x', encoding: 'zip' },
    'no call: encoding is neither gzip+base64 nor gzip',
  ],
  'data that is not as packed as it says': [
    { event: ECHO, data: 'x', encoding: 'gzip+base64' },
    'data is said to be packed, and its base64 or gzip is broken',
  ],
};

const socket = await connect(url, generation, transport);
const messages = new Messages(socket);

for (const [form, write] of Object.entries(forms)) {
  await check(`a call as ${form}`, async () => {
    const asked = write({ event: ECHO, data: VALUE });
    assert.deepEqual(await call(socket, asked), { event: ECHO, data: VALUE });
    socket.emit('event', asked);
    assert.deepEqual(await messages.next(), VALUE);
  });
  await check(`a call without data as ${form}`, async () => {
    assert.deepEqual(await call(socket, write({ event: ECHO })), { event: ECHO });
  });
}

for (const [form, [fields, echoed]] of Object.entries(data)) {
  await check(`data as ${form}`, async () => {
    const asked = { event: ECHO, ...fields };
    assert.deepEqual(await call(socket, asked), { event: ECHO, data: echoed });
    socket.emit('event', asked);
    assert.deepEqual(await messages.next(), echoed);
    if (!('encoding' in fields)) {
      const inArray = await call(socket, [ECHO, fields.data]);
      assert.deepEqual(inArray, { event: ECHO, data: echoed });
    }
  });
}

for (const [what, [argument, message]] of Object.entries(noCall)) {
  await check(`${what} is no call`, async () => {
    const { error } = await call(socket, argument);
    assert.deepEqual(error, { code: 'bad_call', message, retry: false });
    socket.emit('event', argument);
    assert.equal(await messages.next(), message);
  });
}

await check('no argument is no call', async () => {
  assert.equal((await call(socket)).error.code, 'bad_call');
});
await check('two arguments are no call', async () => {
  const asked = { event: ECHO, data: 1 };
  assert.equal((await call(socket, asked, asked)).error.code, 'bad_call');
});
assert.equal(messages.waiting, 0, 'nothing was said that nobody asked for');
socket.close();
