// A server that a script starts and stops itself.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { soon } from './support.mjs';

/** Starts the program on a port, or on a free one for `0`. */
export function start(program, port) {
  return startBy([program, 'serve', '--port', port], {});
}

/** Starts a server by a command, with variables of its own. */
export async function startBy([program, ...flags], variables) {
  const env = { ...process.env, ...variables };
  const server = spawn(program, flags, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const end = () => server.kill('SIGKILL');
  process.on('exit', end);
  server.once('exit', () => process.off('exit', end));
  const lines = createInterface({ input: server.stdout });
  const url = await soon('the server to listen', (done, failed) => {
    server.once('exit', () => failed(new Error('the server ended before it listened')));
    lines.on('line', (line) => line.includes('listens on http://') && done(line.split(' ').pop()));
  });
  return { server, url };
}

/** Tells it to stop, and waits until it did. */
export async function stop({ server }) {
  const ended = soon('the server to end', (done) => server.once('exit', (code) => done(code)));
  server.kill('SIGTERM');
  assert.equal(await ended, 0);
}

/** Ends it without asking. */
export async function kill({ server }) {
  const ended = soon('the server to be gone', (done) => server.once('exit', (_, signal) => done(signal)));
  server.kill('SIGKILL');
  assert.equal(await ended, 'SIGKILL');
}

/** A port that nobody has, and that the system gives to nobody who connects: for a server that comes back to it. */
export async function ownPort(random = (below) => Math.floor(Math.random() * below)) {
  for (;;) {
    const port = 20_000 + random(10_000);
    const server = createServer();
    const isFree = await new Promise((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (isFree) return String(port);
  }
}
