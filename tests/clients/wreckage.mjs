// A chat whose clients are spread over servers of Node and Updraft, while any of them, and what is between them, fails:
// wreckage.mjs SEED URL…
// It is told on its standard input where a server is now ({"server": 0, "url": …}), when all should be calm ({"calm": true}), and that
// the servers of Node, which are the first two, should list so many sockets without delay ({"listed": 4}). Calm are they when all hear all
// again; and then each hears everything once.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { lots, open, soon } from './support.mjs';

const [seed, ...urls] = process.argv.slice(2);
const random = lots(Number(seed));

/** Servers of Node fail after 120 s where one that they count does not answer (neighbour.mjs). */
const QUICK = 60_000;

/** Words that each client says when all is calm. */
const WORDS = 20;

/** Some are as long as clients' words are, some longer. */
const text = () => 'w'.repeat(random(10) ? 1 + random(200) : 20_000);

let wake = () => {};
const until = (what, holds) =>
  soon(what, (done) => {
    wake = () => holds() && done();
    wake();
  });

/** So many words were said and heard in all, calm or not. */
let said = 0;
let heard = 0;

/** The last word before those that are counted. */
let mark = 0;

/** Connections that were lost. */
let lost = 0;

/** A client: it enters the room whenever it is connected, and knows which words it heard of each client, itself too. */
class Client {
  heard = urls.flatMap(() => [new Set(), new Set()]);
  /** How many of those that are counted. */
  counted = this.heard.map(() => 0);
  isIn = false;

  constructor(number, server, transport) {
    Object.assign(this, { number, server });
    // As often as browsers would, in less time.
    const often = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 200, timeout: 3000 };
    this.socket = open(urls[server], '4', transport, often);
    this.socket.on('connect', () => this.enter());
    this.socket.on('disconnect', () => {
      this.isIn = false;
      lost += 1;
      wake();
    });
    this.socket.on('message', ({ from, word }) => this.hear(from, word));
  }

  enter() {
    const { id } = this.socket;
    this.socket.emit('event', { event: 'api.room.join', data: { room: 'chat' } }, () => {
      this.isIn = this.socket.id === id;
      wake();
    });
  }

  hear(from, word) {
    heard += 1;
    assert.ok(!this.heard[from].has(word), `${this.number} heard ${from} say ${word} twice`);
    this.heard[from].add(word);
    if (word > mark) this.counted[from] += 1;
    wake();
  }

  /** Nothing is kept for a server that is away. */
  say() {
    if (!this.isIn || !this.socket.connected) return undefined;
    said += 1;
    const message = { from: this.number, word: said, text: text() };
    // A server that stops refuses: without an ack that would be heard as a message.
    this.socket.emit('event', { event: 'api.room.say', data: { room: 'chat', message } }, () => {});
    return said;
  }
}

const clients = urls.flatMap((_, server) => [
  new Client(2 * server, server, 'websocket'),
  new Client(2 * server + 1, server, 'upgraded'),
]);

/** Somebody says something all the time. */
let isOver = false;
async function chat() {
  while (!isOver) {
    clients[random(clients.length)].say();
    await new Promise((later) => setTimeout(later, 5 + random(20)));
  }
}
let chatting = chat();

/** Counts the words from now on, until each client has heard so many of each, or one has lost its connection. */
async function count(what, least, say) {
  const before = lost;
  mark = said;
  for (const client of clients) client.counted.fill(0);
  say();
  await until(what, () => lost !== before || clients.every(({ counted }) => counted.every((count) => count >= least)));
}

/** Some connections are found to be lost only later: then it begins anew. */
async function calm() {
  for (let before; before !== lost; ) {
    before = lost;
    await until('all to be there', () => clients.every(({ isIn }) => isIn));
    await count('all to hear all again', 1, () => {});
    isOver = true;
    await chatting;
    // A connection that is lost by then cannot say or hear all.
    if (lost === before) {
      await count('all words, as all is calm', WORDS, () => {
        for (let number = 0; number < WORDS; number += 1) for (const client of clients) client.say();
      });
    }
    isOver = false;
    chatting = chat();
  }
}

/** What servers of Node list takes no time-out. */
async function list(expected) {
  const order = { namespace: '/', to: ['chat'], except: [] };
  for (const client of clients.filter(({ server }) => server < 2)) {
    let found;
    while (found?.length !== expected) {
      await until('a client to be there', () => client.isIn);
      const before = lost;
      found = await client.socket.timeout(QUICK).emitWithAck('list', order).catch((error) => error);
      assert.ok(Array.isArray(found) || lost !== before, found.message ?? JSON.stringify(found));
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { server, url, listed } = JSON.parse(line);
  if (url) {
    for (const client of clients) if (client.server === server) client.socket.io.uri = url;
    continue;
  }
  await (listed === undefined ? calm() : list(listed));
  console.log(JSON.stringify({ said, heard }));
}
process.exit(0);
