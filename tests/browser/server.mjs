// The program, as a user starts it, on a free port with a data directory of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ownPort } from '../clients/server.mjs';

const PROGRAM = process.env.UPDRAFT_PROGRAM ?? new URL('../../target/debug/updraft', import.meta.url).pathname;

export class Server {
  #child;
  #data;

  /** Starts it anew, with flags beside those that every test needs. */
  static async start(...flags) {
    const server = new Server();
    server.#data = await mkdtemp(join(tmpdir(), 'updraft-browser-'));
    await server.again(...flags);
    return server;
  }

  /** Starts it once more, where it was. */
  async again(...flags) {
    const port = this.url === undefined ? await ownPort() : new URL(this.url).port;
    this.#child = spawn(PROGRAM, ['serve', '--port', port, '--data', this.#data, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout });
    const [first] = await once(lines, 'line');
    this.url = first.split(' ').pop();
    // A story that fails ends, and its server with it.
    this.#child.unref();
    this.#child.stdout.unref();
    process.once('exit', () => this.#child.kill('SIGKILL'));
  }

  /** Halts it, so that it reads nothing more. */
  halt() {
    this.#child.kill('SIGSTOP');
  }

  /** Ends it without asking. */
  async kill() {
    this.#child.ref();
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** Asks it to stop, and waits until it has. */
  async stop() {
    this.#child.ref();
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await gone;
  }

  async end() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
    await rm(this.#data, { recursive: true });
  }
}
