// Events whose names are numbers, by clients of three generations at a server of Node and at one of Updraft: numbers.mjs REDIS UPDRAFT

import assert from 'node:assert/strict';
import { start } from './neighbour.mjs';
import { ask, connect, soon } from './support.mjs';

const [redis, updraft] = process.argv.slice(2);
const GENERATIONS = ['2', '3', '4'];

/** What servers hear: as in JSON, and as JavaScript writes it. */
const HEARD = [1, -1.5, 1e21];
const ASK = 3;
/** What they say, and ask: from 2^64 on the adapter of Node writes another number. */
const SAID = [2, -2.5, 2.5e-7, 0];
const ASKED = 9;

const node = await start('redis', redis, ['/']);
// What clients may ask of it, those of Updraft may too: tests/it/mixed/numbers.rs.
node.io.on('connection', (socket) => {
  for (const name of HEARD) {
    socket.on(name, (event, ...said) => {
      const ack = said.pop();
      node.io.emit(Number(event), ...said);
      ack(event.length);
    });
  }
  socket.on(ASK, async (event, ack) => ack(await node.io.timeout(120_000).emitWithAck(Number(event))));
});

const clients = [];
for (const generation of GENERATIONS) {
  for (const [server, url] of Object.entries({ node: node.url, updraft })) {
    const socket = await connect(url, generation, 'websocket');
    const client = { name: `a client of ${generation} at ${server}`, server, socket, heard: [], kinds: new Set(), wake: () => {} };
    for (const name of SAID) {
      socket.on(name, (...said) => {
        client.heard.push([name, ...said]);
        client.wake();
      });
    }
    socket.onAny?.((name) => SAID.includes(Number(name)) && client.kinds.add(typeof name));
    socket.on(ASKED, (ack) => ack(client.name));
    clients.push(client);
  }
}

/** The next that a client hears. */
async function next(client) {
  if (client.heard.length === 0) await soon(`an event at ${client.name}`, (done) => (client.wake = done));
  return client.heard.shift();
}

// The server of Node subscribes while it is up already.
for (const { name, server, socket } of clients) {
  await soon(`${server} to be heard by all`, async (done) => {
    const all = new Set(clients);
    while (all.size) {
      await ask(socket, HEARD[0], '0', name);
      for (const client of all) if (client.heard.some(([, word]) => word === name)) all.delete(client);
    }
    done();
  });
}
/** What was said before comes before this, by the same server. */
let fences = 0;
async function fence() {
  for (const { socket } of clients) {
    fences += 1;
    await ask(socket, HEARD[0], '0', fences);
    for (const client of clients) {
      while ((await next(client))[1] !== fences);
    }
  }
}
await fence();
for (const { kinds } of clients) kinds.clear();

for (const speaker of clients) {
  for (const name of HEARD) {
    for (const event of SAID.slice(0, 3)) {
      const said = [speaker.name, { deep: [event] }];
      const [length] = await ask(speaker.socket, name, String(event), ...said);
      assert.equal(length, String(event).length, 'its own server has acked');
      for (const client of clients) {
        assert.deepEqual(await next(client), [event, ...said], `${client.name}, by ${speaker.name}`);
      }
      // Which servers tell apart, listeners do not.
      for (const { kinds, name } of clients) {
        if (kinds.size) assert.deepEqual([...kinds], [speaker.server === 'node' ? 'number' : 'string'], name);
        kinds.clear();
      }
    }
  }
  const names = (await ask(speaker.socket, ASK, String(ASKED)))[0];
  assert.deepEqual(names.sort(), clients.map(({ name }) => name).sort(), `all answer ${speaker.name}`);
}
await fence();
for (const { heard, name, socket } of clients) {
  assert.deepEqual(heard, [], `${name} heard more`);
  assert.ok(socket.connected, `${name} is gone`);
}
process.exit(0);
