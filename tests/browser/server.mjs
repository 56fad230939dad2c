// The program, as a user starts it, on a free port with a data directory of its own.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Ended, onOwnPort } from '../clients/server.mjs';

const PROGRAM = process.env.UPDRAFT_PROGRAM ?? new URL('../../target/debug/updraft', import.meta.url).pathname;

export class Server {
  #program;
  #child;
  #data;
  #goes = () => this.#child.kill('SIGKILL');

  /** Starts it anew, with flags beside those that every test needs. */
  static start(...flags) {
    return Server.of(PROGRAM, ...flags);
  }

  /** The same with another program that `App::run` made. */
  static async of(program, ...flags) {
    const server = new Server();
    server.#program = program;
    process.once('exit', server.#goes);
    server.#data = await mkdtemp(join(tmpdir(), 'updraft-browser-'));
    await onOwnPort((port) => server.#startOn(port, flags));
    return server;
  }

  /** Starts it once more, where it was. */
  again(...flags) {
    return this.#startOn(new URL(this.url).port, flags);
  }

  async #startOn(port, flags) {
    this.#child = spawn(this.#program, ['serve', '--port', port, '--data', this.#data, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout });
    const ended = once(this.#child, 'exit').then(() => { throw new Ended(); });
    ended.catch(() => {});
    const [first] = await Promise.race([once(lines, 'line'), ended]);
    this.url = first.split(' ').pop();
    // A story that fails ends, and its server with it.
    this.#child.unref();
    this.#child.stdout.unref();
  }

  /** Stops it, makes all that happened so many days older, compacts what need not be kept, and starts it again. */
  async age(days) {
    await this.stop();
    const aged = await mkdtemp(join(tmpdir(), 'updraft-browser-'));
    const older = (line) => {
      const entry = JSON.parse(line);
      return JSON.stringify(entry.time === undefined ? entry : { ...entry, time: entry.time - days * 86_400_000 });
    };
    const lines = execFileSync(PROGRAM, ['log', 'export', '--data', this.#data], { encoding: 'utf8' }).trim().split('\n');
    await writeFile(join(aged, 'export'), `${lines.map(older).join('\n')}\n`);
    execFileSync(PROGRAM, ['log', 'import', join(aged, 'export'), '--data', join(aged, 'data')]);
    execFileSync(PROGRAM, ['log', 'compact', '--data', join(aged, 'data')]);
    await rm(this.#data, { recursive: true });
    this.#data = join(aged, 'data');
    await this.again();
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
    process.off('exit', this.#goes);
    await rm(this.#data, { recursive: true });
  }
}
