// What the scripts share: clients of three generations over three kinds of transport, and waiting for things.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Longest that a script waits for anything that must happen, in milliseconds: also on a machine that has much to do. */
const PATIENCE = 120_000;

const TRANSPORTS = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgraded: ['polling', 'websocket'],
};

/** A client of a generation that has begun to connect. */
export function open(url, generation, transport, options = {}) {
  const io = require(`socket.io-client-${generation}`);
  return io(url, {
    transports: TRANSPORTS[transport],
    forceNew: true,
    reconnection: false,
    // One that does not try again waits for as long as its script.
    ...(!options.reconnection && { timeout: PATIENCE }),
    ...(process.env.PARSER === 'msgpack' && { parser: require('socket.io-msgpack-parser') }),
    ...options,
  });
}

/** A client that is connected and, where it is to upgrade, has done so. */
export async function connect(url, generation, transport, options = {}) {
  const socket = open(url, generation, transport, options);
  await connected(socket);
  const { engine } = socket.io;
  if (transport === 'upgraded' && engine.transport.name !== 'websocket') {
    await soon('the upgrade', (done) => engine.once('upgrade', done));
  }
  assert.equal(engine.transport.name, transport === 'polling' ? 'polling' : 'websocket');
  return socket;
}

/**
 * What a connection brought just as it ended, a 4.x client keeps, and hands out when it is connected again: behind its
 * handshake, and before what comes anew. It is dropped before the handshake says a position, as it is told again.
 */
export function leaveBehind(socket) {
  socket.receiveBuffer = [];
}

export function connected(socket) {
  return soon('to connect', (done, failed) => {
    socket.once('connect', done);
    socket.once('connect_error', failed);
  });
}

/** The answer to a call; a second one is an error. */
export function call(socket, ...call) {
  let answers = 0;
  return soon(`an answer to ${shown(call)}`, (done) => {
    socket.emit('event', ...call, (...answer) => {
      answers += 1;
      assert.equal(answers, 1, `a second answer to ${shown(call)}`);
      assert.equal(answer.length, 1, 'an ack has one argument');
      done(readable(answer[0]));
    });
  });
}

/** The arguments of an ack. */
export function ask(socket, ...event) {
  return soon(`an ack of ${event[0]}`, (done) => {
    let acks = 0;
    socket.emit(...event, (...ack) => {
      acks += 1;
      assert.equal(acks, 1, `a second ack of ${event[0]}`);
      done(readable(ack));
    });
  });
}

/** The arguments of the next event of a name. */
export function next(socket, name) {
  return soon(`the event ${name}`, (done) => socket.once(name, (...args) => done(readable(args))));
}

/** What a client hears as `message`, in order. */
export class Messages {
  #heard = [];
  #wake = () => {};

  constructor(socket) {
    socket.on('message', (...message) => {
      assert.equal(message.length, 1, 'a message has one argument');
      this.#heard.push(readable(message[0]));
      this.#wake();
    });
  }

  /** The next message. */
  async next(what = 'a message') {
    if (this.#heard.length === 0) {
      await soon(what, (done) => {
        this.#wake = done;
      });
    }
    return this.#heard.shift();
  }

  /** How many have come and were not taken. */
  get waiting() {
    return this.#heard.length;
  }
}

/**
 * Waits for what `start` gives to its first argument. What comes in many parts says by its third that one has come: then the
 * next is waited for as long.
 */
export function soon(what, start) {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`waited too long for ${what}`)), PATIENCE);
    const end = (settle) => (value) => {
      clearTimeout(timer);
      settle(value);
    };
    start(end(done), end(failed), () => timer.refresh());
  });
}

/** Numbers by lot, the same for the same seed: each call gives one below `below`. */
export function lots(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A value with all Buffers in it, of whatever type, as plain Buffers. */
export function readable(value) {
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(readable);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readable(one)]));
}

export function shown(value) {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Checks one thing of many, and names it where it fails. */
export async function check(what, test) {
  try {
    await test();
  } catch (error) {
    throw new Error(what, { cause: error });
  }
}
