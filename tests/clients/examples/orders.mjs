// Guests and the kitchen, with clients of three generations, and a server that is started anew: examples/orders.mjs URL BEGIN
// BEGIN places and cooks; without it, what was placed is found again and collected.

import assert from 'node:assert/strict';
import { call, connect, soon } from '../support.mjs';

const [url, begin] = process.argv.slice(2);

/** The fold of the topic, as the page has it. */
function fold(socket) {
  const orders = new Map();
  let wake = () => {};
  socket.on('event', (event) => {
    if (event.topic !== 'orders') return;
    if (event.event === 'topic.start' && event.reset) orders.clear();
    if (event.key !== undefined) event.deleted ? orders.delete(event.key) : orders.set(event.key, event.data);
    wake();
  });
  const until = (what, holds) =>
    soon(what, (done) => {
      wake = () => holds(orders) && done();
      wake();
    });
  return { orders, until };
}

const place = (id, dish, more = {}) => ({ event: 'cafe.orders.place', data: { id, dish }, ...more });

const kitchen = await connect(url, '4', 'websocket', { auth: { token: 'let me cook' } });
const ada = await connect(url, '3', 'upgraded', { auth: { token: 'ada' } });
const bob = await connect(url, '2', 'polling', { extraHeaders: { authorization: 'bob' } });
const seen = [];
for (const socket of [kitchen, ada, bob]) {
  seen.push(fold(socket));
  await call(socket, { event: 'topic.subscribe', data: { topic: 'orders' } });
}

if (begin !== undefined) {
  const soup = place('1', 'soup', { id: 'try' });
  const { data: placed } = await call(ada, soup);
  assert.deepEqual(await call(ada, soup), { event: 'cafe.orders.place', data: placed }, 'tried again, placed once');
  assert.ok((await call(bob, place('2', 'tea'))).data);
  assert.equal((await call(bob, place('3', ' '))).error.code, 'invalid_data');
  assert.equal((await call(bob, { event: 'cafe.orders.cook', data: '2' })).error.code, 'forbidden');
  assert.equal((await call(bob, { event: 'cafe.orders.collect', data: '1' })).error.code, 'forbidden');
  assert.ok((await call(kitchen, { event: 'cafe.orders.cook', data: '1' })).data);
  for (const { until } of seen) await until('a soup that is ready', (orders) => orders.size === 2 && orders.get('1').is_ready);
} else {
  for (const { until } of seen) await until('the orders of before', (orders) => orders.size === 2 && orders.get('1').is_ready);
  assert.ok((await call(ada, { event: 'cafe.orders.collect', data: '1' })).data);
  assert.equal((await call(bob, { event: 'cafe.orders.collect', data: '2' })).error.code, 'conflict');
  for (const { orders, until } of seen) {
    await until('the soup to be gone', () => orders.size === 1);
    assert.deepEqual(orders.get('2'), { id: '2', dish: 'tea', guest: 'bob', is_ready: false });
  }
}

// A name is asked for: neither the topic nor a function is for others.
const anonymous = await connect(url, '4', 'websocket');
for (const event of ['cafe.orders.list', 'topic.subscribe']) {
  const { error } = await call(anonymous, { event, data: { topic: 'orders' } });
  assert.match(error.code, /unauthenticated|forbidden/, event);
}
for (const socket of [kitchen, ada, bob, anonymous]) socket.close();
