// A server in memory that follows the wire (docs/streams.md), with a socket between: each packet is under way until it is
// told to arrive.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

/** A client's socket. What it emits waits in `up`, what it is to hear in `down`. */
export class Socket extends EventEmitter {
  connected = true;
  up = [];
  down = [];
  #heard = [];

  emit(event, ...args) {
    const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    assert.ok(args.every(hasNoUndefined), `undefined fields are no JSON: ${JSON.stringify(args)}`);
    if (hasBigInt(args)) throw new TypeError('Do not know how to serialize a BigInt');
    this.up.push({ event, args, ack });
    return this;
  }

  /** Hears an event, as if it had just come. */
  hear(event, ...args) {
    super.emit(event, ...args);
  }

  disconnect() {
    this.connected = false;
    this.up = [];
    this.down = [];
    this.hear('disconnect', 'transport close');
  }

  connect() {
    this.connected = true;
    this.hear('connect');
  }

  get listening() {
    return this.eventNames().filter((name) => this.listenerCount(name) > 0);
  }
}

function hasNoUndefined(value) {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value !== undefined;
  return Object.values(value).every(hasNoUndefined);
}

/** What no client can write, which it finds as it is emitted. */
function hasBigInt(value) {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return typeof value === 'bigint';
  return Object.values(value).some(hasBigInt);
}

/** One stream at the server. */
class Stream {
  /** Frames that went and came, and how far either may go. */
  sent = 0;
  received = [];
  credited = 0;
  /** How the client's direction ended. */
  ended;

  constructor(server, { event, stream, data, window = Infinity, after }, ack) {
    Object.assign(this, { server, event, name: stream, data, window, after, ack });
    this.sent = after ?? 0;
    this.limit = this.sent + window;
  }

  accept() {
    this.#answer({ stream: this.name });
  }

  refuse(error) {
    this.#answer(undefined, error);
    this.close();
  }

  /** An upload's result. */
  answer(data) {
    this.#answer(data);
    this.close();
  }

  get maySend() {
    return this.sent < this.limit;
  }

  frame(data) {
    assert.ok(this.maySend, 'the server keeps to the window');
    this.say('data', { n: this.sent, data });
    this.sent += 1;
  }

  end() {
    this.say('end', { n: this.sent });
    this.close();
  }

  fail(error) {
    this.say('error', { n: this.sent, error });
    this.close();
  }

  credit(window) {
    this.credited = Math.max(this.credited, this.received.length + window);
    this.say('credit', { n: this.received.length, window });
  }

  close() {
    this.server.streams.delete(this.name);
  }

  /** Puts a packet under way, whatever it says. */
  say(kind, fields) {
    this.server.say(`stream.${kind}`, { stream: this.name, ...fields });
  }

  hear(kind, { n, data, error }) {
    if (kind === 'credit') {
      assert.ok(n > this.limit - this.window && n <= this.sent, `credit ${n} rises, and not beyond ${this.sent}`);
      this.limit = n + this.window;
    } else if (kind === 'cancel') {
      this.server.cancelled.push(this.name);
      this.close();
    } else {
      assert.equal(this.ended, undefined, 'nothing comes after the end');
      assert.equal(n, this.received.length, 'frames are numbered in order');
      if (kind === 'data') {
        assert.ok(n < this.credited, `frame ${n} is within the credit of ${this.credited}`);
        this.received.push(data);
      } else {
        this.ended = { kind, error };
      }
    }
  }

  #answer(data, error) {
    const { server, event, ack } = this;
    const said = server.isNamed ? (error ? { error } : data) : { event, ...(error ? { error } : { data }) };
    server.socket.down.push({ ack, args: [said] });
  }
}

export class Server {
  /** What is open, by name; how often each name was opened; what the client cancelled, subscribed to and gave up. */
  streams = new Map();
  names = new Set();
  cancelled = [];
  topics = [];

  constructor(socket, isNamed = false) {
    this.socket = socket;
    this.isNamed = isNamed;
    socket.on('disconnect', this.#lost);
  }

  #lost = () => {
    this.streams.clear();
  };

  get stream() {
    return [...this.streams.values()].at(-1);
  }

  /** The client's next packet arrives. */
  arrive() {
    const { event, args: [fields], ack } = this.socket.up.shift();
    const call = this.isNamed ? { ...fields, event } : fields;
    if (call.event.startsWith('stream.')) {
      this.streams.get(call.stream)?.hear(call.event.slice('stream.'.length), call);
    } else if (call.event.startsWith('topic.')) {
      this.topics.push({ ...call, ack });
    } else {
      assert.ok(!this.names.has(call.stream), 'a name is used once');
      this.names.add(call.stream);
      this.streams.set(call.stream, new Stream(this, call, ack));
    }
  }

  say(event, fields) {
    const packet = this.isNamed ? { event, args: [fields] } : { event: 'event', args: [{ event, ...fields }] };
    this.socket.down.push(packet);
  }

  /** The server's next packet arrives. */
  depart() {
    const { event, args, ack } = this.socket.down.shift();
    if (ack) ack(...args);
    else this.socket.hear(event, ...args);
  }

  /** All that is under way arrives, also what comes of it. */
  async settle() {
    for (;;) {
      await turn();
      if (this.socket.up.length > 0) this.arrive();
      else if (this.socket.down.length > 0) this.depart();
      else return;
    }
  }
}

/** Everything that waits for no packet is done. */
export function turn() {
  return new Promise((done) => setImmediate(done));
}

export function pair(isNamed = false) {
  const socket = new Socket();
  const server = new Server(socket, isNamed);
  const listening = socket.listening.length;
  return { socket, server, isFree: () => socket.listening.length === listening && socket.listenerCount('disconnect') === 1 };
}
