// Streams by hand: nothing but `emit` and `on`, as docs/streams.md has the packets.

import assert from 'node:assert/strict';
import { call, readable, shown, soon } from './support.mjs';

let names = 0;

/** What is said of one stream, in order: a packet that is not the next one is an error. */
class Told {
  /** The number that the next frame must have. */
  n;
  #told = [];
  #wake = () => {};

  constructor(socket, n = 0) {
    this.n = n;
    this.socket = socket;
    this.stream = `s${(names += 1)}`;
    this.listener = (packet) => {
      if (packet.stream !== this.stream) return;
      this.#told.push(packet);
      this.#wake();
    };
    socket.on('event', this.listener);
  }

  /** The next packet. */
  async next() {
    if (this.#told.length === 0) await soon(`what is said of ${this.stream}`, (done) => (this.#wake = done));
    return this.#told.shift();
  }

  /** How many packets have come and were not taken. */
  get waiting() {
    return this.#told.length;
  }

  emit(event, fields) {
    this.socket.emit('event', { event: `stream.${event}`, stream: this.stream, ...fields });
  }

  cancel() {
    this.emit('cancel');
    this.forget();
  }

  forget() {
    this.socket.off('event', this.listener);
  }
}

/** What a function streams to its client. */
export class Down extends Told {
  /** Opens it; `fields` are of the call. */
  static async open(socket, event, fields) {
    const down = new Down(socket, fields.after);
    await down.call(event, fields);
    return down;
  }

  window;

  async call(event, fields) {
    this.window = fields.window;
    const answer = await call(this.socket, { event, stream: this.stream, ...fields });
    assert.deepEqual(answer, { event, data: { stream: this.stream } });
  }

  /** The data of the next frame, which is credited; `undefined` at the end. */
  async frame() {
    const { event, n, data, error } = await this.next();
    assert.equal(n, this.n, `frame ${this.n} of ${this.stream} was to come, and ${event} ${n} came`);
    if (event === 'stream.end') {
      assert.equal(this.waiting, 0, 'nothing comes after the end');
      this.forget();
      return undefined;
    }
    assert.equal(event, 'stream.data', shown(error));
    if (this.window) assert.ok(this.waiting < this.window, 'no more frames are out than the window says');
    this.n += 1;
    if (this.window) this.emit('credit', { n: this.n });
    return readable(data);
  }
}

/** What a client streams to a function. */
export class Up extends Told {
  #may = 0;
  /** The answer of the function. */
  answer;

  static open(socket, event, fields = {}) {
    const up = new Up(socket);
    up.answer = call(socket, { event, stream: up.stream, ...fields });
    return up;
  }

  /** Sends a frame when there is credit for it. */
  async send(data) {
    while (this.n >= this.#may) {
      const { event, n, window, error } = await this.next();
      assert.equal(event, 'stream.credit', shown(error));
      this.#may = n + window;
    }
    this.emit('data', { n: this.n, data });
    this.n += 1;
  }

  /** Ends it; the function's answer. */
  async end() {
    this.emit('end', { n: this.n });
    const { data, error } = await this.answer;
    assert.equal(error, undefined, shown(error));
    this.forget();
    return data;
  }
}
