// Many calls at once, before anything is heard: flood.mjs URL GENERATION TRANSPORT CALLS

import assert from 'node:assert/strict';
import { open, soon } from './support.mjs';

const [url, generation, transport, calls] = process.argv.slice(2);
const socket = open(url, generation, transport);
const answers = new Uint8Array(Number(calls));
let answered = 0;

await soon('every answer', (done, failed, more) => {
  socket.once('disconnect', (reason) => failed(new Error(`disconnected: ${reason}`)));
  for (let number = 0; number < answers.length; number += 1) {
    socket.emit('event', { event: 'api.services.test.testFunc', data: number }, (answer) => {
      if (answer.data !== number) return failed(new Error(`${number}: ${JSON.stringify(answer)}`));
      answers[number] += 1;
      answered += 1;
      more();
      if (answered === answers.length) done();
    });
  }
});
// An answer that came twice would be on its way before this one.
await soon('one more answer', (done) => socket.emit('event', ['api.services.status'], done));
assert.ok(answers.every((count) => count === 1));
socket.removeAllListeners('disconnect');
socket.close();
