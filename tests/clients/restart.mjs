// A server that is stopped, and started again on the same port: restart.mjs PROGRAM GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { onOwnPort, start, stop } from './server.mjs';
import { call, connect, soon } from './support.mjs';

const [program, generation, transport] = process.argv.slice(2);

const old = await onOwnPort((port) => start(program, port));
const socket = await connect(old.url, generation, transport, {
  reconnection: true,
  reconnectionDelay: 20,
  reconnectionDelayMax: 20,
});
const reason = soon('the disconnect', (done) => socket.once('disconnect', done));
await stop(old);
// After 'io server disconnect' a client would not come back by itself. One whose next poll comes when the server has
// gone meanwhile cannot be told.
const late = transport === 'polling' ? ['transport error'] : [];
const ended = await reason;
assert.ok(['transport close', ...late].includes(ended), ended);

const again = soon('to reconnect', (done) => socket.once('connect', done));
const next = await start(program, new URL(old.url).port);
assert.equal(next.url, old.url);
await again;
const event = 'api.services.status';
assert.deepEqual(await call(socket, { event }), { event, data: 'online' });
socket.close();
await stop(next);
