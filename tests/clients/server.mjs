// A server that a script starts and stops itself.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { soon } from './support.mjs';

/** Starts the program on a port, or on a free one for `0`. */
export async function start(program, port) {
  const server = spawn(program, ['serve', '--port', port], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => server.kill('SIGKILL'));
  const lines = createInterface({ input: server.stdout });
  const first = await soon('the server to listen', (done) => lines.once('line', done));
  return { server, url: first.split(' ').pop() };
}

export async function stop({ server }) {
  const ended = soon('the server to end', (done) => server.once('exit', (code) => done(code)));
  server.kill('SIGTERM');
  assert.equal(await ended, 0);
}
