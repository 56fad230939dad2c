// Two nodes behind a balancer, until one is killed: balanced.mjs PROGRAM DATABASE GENERATION TRANSPORT [URL PORT PORT]
// Without the URL of one that waits for nodes on these ports, it is one that knows no sessions.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { Balancer } from './balancer.mjs';
import { kill, onOwnPort, startBy, stop } from './server.mjs';
import { call, connect, soon } from './support.mjs';

const [program, database, generation, transport, url, ...ports] = process.argv.slice(2);
const CLIENTS = 4;

async function start(port) {
  const own = ['--port', port, '--node-url', `http://127.0.0.1:${port}`, '--trusted-proxies', '127.0.0.1'];
  const flags = ['serve', ...own];
  return startBy([program, ...flags], { UPDRAFT_DATABASE: database });
}

const nodes = [];
for (const port of [0, 1]) nodes.push(await (ports[port] ? start(ports[port]) : onOwnPort(start)));
const balancer = url ? { url } : await Balancer.over(nodes.map(({ url }) => url));
// One that was there before the nodes looks for them from time to time.
await soon('the balancer to find a node', async (done) => {
  while ((await fetch(`${balancer.url}/health/ready`)).status !== 200) await setTimeout(50);
  done();
});

// A page of the balancer's own host may connect, that of another not.
const asked = (origin) => fetch(`${balancer.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
assert.deepEqual([(await asked(balancer.url)).status, (await asked('http://a.example')).status], [200, 403]);

// Each upgrades, where it is to, whichever node the WebSocket comes to.
const again = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 };
const clients = [];
for (let count = 0; count < CLIENTS; count += 1) {
  // Each from an address of its own, as a balancer may tell them apart by that.
  const agent = new Agent({ localAddress: `127.0.0.${2 + count}` });
  clients.push(await connect(balancer.url, generation, transport, { ...again, agent }));
}

// Calls are answered in order, large ones and Buffers too.
const event = 'api.services.test.testFunc';
for (const client of clients) {
  const answers = [];
  const calls = Array.from({ length: 100 }, (_, data) => call(client, { event, data }).then(() => answers.push(data)));
  await Promise.all(calls);
  assert.deepEqual(answers, Array.from({ length: 100 }, (_, data) => data));
  const long = 'x'.repeat(300_000);
  assert.equal((await call(client, { event, data: long })).data, long);
  const { data } = await call(client, { event, data: Buffer.from([0, 1, 255]) });
  assert.deepEqual([...data], [0, 1, 255]);
}

// What one publishes the others get.
const hear = (client, id) =>
  soon(`the card ${id}`, (done) => client.on('event', (told) => told.key === id && done(told.data.title)));
const subscribe = (client) => call(client, { event: 'topic.subscribe', data: { topic: 'board' } });
for (const client of clients) assert.equal((await subscribe(client)).error, undefined);
const heard = clients.map((client) => hear(client, 'first'));
await call(clients[0], { event: 'api.board.add', data: { id: 'first', title: 'one', column: 'todo' } });
assert.deepEqual(await Promise.all(heard), clients.map(() => 'one'));
if (!url && transport === 'polling') assert.ok(balancer.away > 10, `${balancer.away} requests were forwarded`);

// A node is killed: its clients go on at the other, those of the other too.
await kill(nodes[0]);
balancer.leaveOut?.(nodes[0].url);
const status = { event: 'api.services.status' };
for (const client of clients) {
  await soon('a client to go on', (done) => {
    const ask = () => client.emit('event', status, ({ data }) => data === 'online' && done());
    client.on('connect', ask);
    if (client.connected) ask();
  });
}
for (const client of clients) client.close();
balancer.close?.();
await stop(nodes[1]);
