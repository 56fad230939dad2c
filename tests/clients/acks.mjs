// A client that acks with anything: acks.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { call, connect } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const socket = await connect(url, generation, transport);

const bytes = (...numbers) => Buffer.from(numbers);
socket.on('key?', (room, ack) => ack(`key of ${room}`, bytes(1, 2, 3), 7));
socket.on('shape?', (_, ack) => ack({ points: [bytes(1), bytes()], style: { ink: bytes(2, 3) } }, null));
socket.on('picture?', (_, ack) => ack(bytes(9, 8, 7)));
socket.on('nothing?', (_, ack) => ack());
// Its MessagePack makes another character of a half.
const half = process.env.PARSER === 'msgpack' ? '\ufffd' : '\ud83d';
socket.on('half a pair?', (_, ack) => ack(half, { deep: [[[['😀']]]] }));

const { data, error } = await call(socket, { event: 'acks.read', data: socket.id ?? '' });
assert.equal(error, undefined);
assert.equal(data, 'read');
socket.close();
