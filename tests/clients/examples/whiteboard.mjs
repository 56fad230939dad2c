// A whiteboard of three generations: examples/whiteboard.mjs URL

import assert from 'node:assert/strict';
import { ask, connect, next } from '../support.mjs';

const [url] = process.argv.slice(2);
const sockets = await Promise.all([
  connect(url, '2', 'websocket'),
  connect(url, '3', 'polling'),
  connect(url, '4', 'upgraded'),
]);
for (const drawer of sockets) {
  const line = { x0: 0.1, y0: 0.25, x1: 1 / 3, y1: 1, color: 'green' };
  const others = sockets.filter((socket) => socket !== drawer);
  const heard = others.map((other) => next(other, 'drawing'));
  const own = () => assert.fail('its own');
  drawer.once('drawing', own);
  assert.deepEqual(await ask(drawer, 'drawing', line), []);
  assert.deepEqual(await Promise.all(heard), [[line], [line]]);
  drawer.off('drawing', own);
}
sockets.forEach((socket) => socket.close());
