// Three clients and what a server says to them by itself: emitter.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { call, connect, soon } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const names = ['ada', 'bob', 'eve'];
const clients = await Promise.all(names.map(() => connect(url, generation, transport)));
const [ada, bob, eve] = clients;
const room = (name) => `${name} of ${generation} over ${transport}`;
const data = async (socket, event, data) => {
  const answer = await call(socket, { event, data });
  assert.equal(answer.error, undefined);
  return answer.data;
};

/** What each client hears of an event, in order. */
const heard = clients.map((socket) => {
  const numbers = [];
  socket.on('saved', ({ number, bytes }) => {
    assert.deepEqual([...new Uint8Array(bytes)], [number, number, number]);
    numbers.push(number);
  });
  return numbers;
});
const hundred = Array.from({ length: 100 }, (_, number) => number);

/** After this each client has what was on its way to it: an answer of its own may be quicker than what another has the server say. */
let marks = 0;
async function settle() {
  marks += 1;
  const mark = marks;
  const marked = clients.map((socket) =>
    soon(`mark ${mark}`, (done) => socket.on('mark', (number) => number === mark && done())),
  );
  await data(ada, 'io.mark', mark);
  await Promise.all(marked);
  for (const socket of clients) socket.off('mark');
}

async function saved(target, expected) {
  await data(ada, 'io.save', target);
  await settle();
  for (const [index, numbers] of heard.entries()) {
    const all = expected.includes(names[index]) ? hundred : [];
    assert.deepEqual(numbers.splice(0), all, `${names[index]} hears ${JSON.stringify(target)}`);
  }
}

await data(ada, 'room.join', room('red'));
await data(bob, 'room.join', room('red'));
await data(bob, 'room.join', room('blue'));
const ids = await Promise.all(clients.map((socket) => data(socket, 'room.id')));
if (generation === '4') assert.deepEqual(clients.map((socket) => socket.id), ids);

await saved({ to: [room('red')], except: [] }, ['ada', 'bob']);
await saved({ to: [room('red'), room('blue')], except: [] }, ['ada', 'bob']);
await saved({ to: [room('red')], except: [room('blue')] }, ['ada']);
await saved({ to: [ids[2]], except: [] }, ['eve']);
await saved({ to: [], except: [room('blue'), ids[2]] }, ['ada']);

// One of them never acks.
ada.on('name?', (_, ack) => ack('Ada'));
eve.on('name?', (_, ack) => ack('Eve'));
for (let tries = 1; ; tries += 1) {
  // In order of arrival, and those that did not come in time last.
  const acks = await data(eve, 'io.ask', room('red'));
  assert.deepEqual(acks.map(([id]) => id).sort(), ids.slice(0, 2).sort());
  const { [ids[0]]: ack, [ids[1]]: none } = Object.fromEntries(acks);
  assert.equal(none, null);
  // On a machine that has much to do the first ack may come too late, too.
  if (ack === null && tries < 40) continue;
  assert.equal(ack, 'Ada');
  break;
}

assert.deepEqual(await data(eve, 'io.list', room('blue')), [[ids[1], [room('blue'), room('red')]]]);

// What was said before comes before the end.
const end = soon('the end', (done) => {
  const said = [];
  bob.on('bye', (word) => said.push(word));
  bob.on('disconnect', (reason) => done([...said, reason]));
});
await data(eve, 'io.disconnect', room('blue'));
assert.deepEqual(await end, [room('blue'), 'io server disconnect']);
assert.deepEqual(await data(eve, 'io.list', room('red')), [[ids[0], [room('red')]]]);
ada.close();
eve.close();
