// A client that places orders, and lists them as soon as it has its answer: orders.mjs URL GENERATION TRANSPORT TIMES

import assert from 'node:assert/strict';
import { call, connect } from './support.mjs';

const [url, generation, transport, times] = process.argv.slice(2);

const socket = await connect(url, generation, transport);
for (let time = 0; time < Number(times); time += 1) {
  const data = { id: `${transport}-${time}`, item: 'kite', count: 1 };
  const placed = await call(socket, { event: 'shop.orders.place', data });
  assert.equal(placed.error, undefined);
  const { data: orders } = await call(socket, { event: 'shop.orders.list' });
  assert.deepEqual(orders[data.id], data, `the order of try ${time} is not there`);
}
socket.close();
