// A server that is stopped, and started again on the same port: restart.mjs PROGRAM GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { call, connect, soon } from './support.mjs';

const [program, generation, transport] = process.argv.slice(2);

async function start(port) {
  const server = spawn(program, ['serve', '--port', port], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => server.kill('SIGKILL'));
  const lines = createInterface({ input: server.stdout });
  const first = await soon('the server to listen', (done) => lines.once('line', done));
  return { server, url: first.split(' ').pop() };
}

async function stop({ server }) {
  const ended = soon('the server to end', (done) => server.once('exit', (code) => done(code)));
  server.kill('SIGTERM');
  assert.equal(await ended, 0);
}

const old = await start('0');
const socket = await connect(old.url, generation, transport, {
  reconnection: true,
  reconnectionDelay: 20,
  reconnectionDelayMax: 20,
});
const reason = soon('the disconnect', (done) => socket.once('disconnect', done));
await stop(old);
// After 'io server disconnect' a client would not come back by itself.
assert.equal(await reason, transport === 'polling' ? 'transport error' : 'transport close');

const again = soon('to reconnect', (done) => socket.once('connect', done));
const next = await start(new URL(old.url).port);
assert.equal(next.url, old.url);
await again;
const event = 'api.services.status';
assert.deepEqual(await call(socket, { event }), { event, data: 'online' });
socket.close();
await stop(next);
