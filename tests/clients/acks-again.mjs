// A client that acks twice, past its own guard too, and when nobody waits any more: acks-again.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { call, connect } from './support.mjs';

const ACK = 3;
const [url, generation, transport] = process.argv.slice(2);
const socket = await connect(url, generation, transport);

socket.on('twice?', (_, ack) => {
  ack('first');
  ack('second');
  socket.packet({ type: ACK, id: 0, data: ['third'] });
  socket.packet({ type: ACK, id: 99, data: ['unknown'] });
});
let late;
socket.on('late?', (_, ack) => {
  late = ack;
});
socket.on('now?', (_, ack) => {
  late('late');
  ack('now');
});

const { data, error } = await call(socket, { event: 'acks.again', data: '' });
assert.equal(error, undefined);
assert.equal(data, 'read');
socket.close();
