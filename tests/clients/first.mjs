// A call in the same tick as the connection: first.mjs URL GENERATION TRANSPORT TIMES

import assert from 'node:assert/strict';
import { open, soon } from './support.mjs';

const [url, generation, transport, times] = process.argv.slice(2);

for (let time = 0; time < Number(times); time += 1) {
  const socket = open(url, generation, transport);
  const calls = [
    // Before it is connected the client keeps it, and sends it right after.
    soon(`the early answer of ${time}`, (done) => socket.emit('event', ['api.services.status'], done)),
    soon(`the first answer of ${time}`, (done) => {
      socket.once('connect', () => socket.emit('event', ['api.services.status'], done));
    }),
  ];
  for (const answer of await Promise.all(calls)) {
    assert.deepEqual(answer, { event: 'api.services.status', data: 'online' });
  }
  socket.close();
}
