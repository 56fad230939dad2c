// A server that a script starts and stops itself.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { soon } from './support.mjs';

/** That a server ended before it listened, as where its port was taken. */
export class Ended extends Error {
  message = 'the server ended before it listened';
}

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
    server.once('exit', () => failed(new Ended()));
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

/** How often a server is begun on another port. */
const TRIES = 10;

/**
 * What `begin` starts on a port that the system gives to no client: for a server that comes back to it. A server of another story may be
 * the first to take it: then another port is tried.
 */
export async function onOwnPort(begin) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await begin(await freePort());
    } catch (error) {
      if (!(error instanceof Ended) || tries === TRIES) throw error;
    }
  }
}

/** Ports of one script: another that runs at the same time tries others, also while a server is away from its own. */
const PORTS = 20;
let drawn = 0;

/** A port that is free now. */
async function freePort() {
  for (;;) {
    const port = 20_000 + (process.pid % 500) * PORTS + (drawn % PORTS);
    drawn += 1;
    const server = createServer();
    const isFree = await new Promise((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (isFree) return String(port);
  }
}
