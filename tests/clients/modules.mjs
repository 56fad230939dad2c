// The modules of the proof of concept, and what has no function: modules.mjs URL GENERATION TRANSPORT [PATH]

import assert from 'node:assert/strict';
import { Messages, call, check, connect, soon } from './support.mjs';

const [url, generation, transport, path = '/socket.io'] = process.argv.slice(2);
const socket = await connect(url, generation, transport, { path });
const messages = new Messages(socket);

/** Calls with an ack, and again without one; what is emitted must be the same. */
async function emits(asked, message) {
  const answered = call(socket, asked);
  assert.equal(await messages.next(), message);
  assert.deepEqual(await answered, { event: asked.event });
  socket.emit('event', asked);
  assert.equal(await messages.next(), message);
}

const GREETING = 'api.hello.greeting';
for (const [asked, message] of [
  [{ event: GREETING, name: 'Ada' }, "You're welcome Ada"],
  [{ event: GREETING, data: { name: 'Grace' } }, "You're welcome Grace"],
  [{ event: GREETING, name: 'Ada', data: { name: 'Grace' } }, "You're welcome Ada"],
  [{ event: GREETING }, 'Name is not defined'],
  [{ event: GREETING, data: {} }, 'Name is not defined'],
  [{ event: GREETING, name: '' }, 'Name is not defined'],
]) {
  await check(JSON.stringify(asked), () => emits(asked, message));
}

await check('the greeting is heard before its call is answered', async () => {
  const heard = [];
  socket.once('message', () => heard.push('the greeting'));
  await call(socket, { event: GREETING, name: 'Ada' });
  heard.push('the answer');
  assert.deepEqual(heard, ['the greeting', 'the answer']);
  await messages.next();
});

await check('the status', async () => {
  const event = 'api.services.status';
  assert.deepEqual(await call(socket, { event }), { event, data: 'online' });
  socket.emit('event', { event });
  assert.equal(await messages.next(), 'online');
});

await check('the board shows what arrives', async () => {
  const data = { card: [1, Buffer.from([0, 255])] };
  const answered = call(socket, { event: 'api.test.board', data });
  assert.deepEqual(await messages.next(), data);
  assert.deepEqual(await answered, { event: 'api.test.board' });
});

await check('what has no function', async () => {
  for (const [event, message] of [
    ['api.service.test.testFuncFn', "TestFuncFn doesn't exist"],
    ['api.services.nope', "Nope doesn't exist"],
    ['testFunc', "TestFunc doesn't exist"],
    ['api.services', "Services doesn't exist"],
    ['constructor', "Constructor doesn't exist"],
    ['api.services.status.', " doesn't exist"],
  ]) {
    const error = { code: 'unknown_event', message, retry: false };
    assert.deepEqual(await call(socket, { event }), { event, error });
    socket.emit('event', { event });
    assert.equal(await messages.next(), message);
  }
});

await check('data that does not fit', async () => {
  const event = 'api.room.join';
  const { error } = await call(socket, { event, data: { room: 5 } });
  assert.equal(error.code, 'invalid_data');
  assert.deepEqual(error.details, { path: 'data.room', expected: 'a string' });
  socket.emit('event', { event, data: { room: 5 } });
  assert.equal(await messages.next(), error.message);
});

await check('a function that returns nothing emits nothing', async () => {
  socket.emit('event', { event: 'api.room.join', data: { room: 'quiet' } });
  socket.emit('event', { event: 'api.services.status' });
  assert.equal(await messages.next(), 'online');
});

await check('an ack is answered also under the name of no event of ours', async () => {
  for (const name of ['message', 'status', 'api.services.status', 'événement']) {
    const answer = await soon(`an answer to '${name}'`, (done) => {
      socket.emit(name, { event: 'api.services.status' }, done);
    });
    assert.equal(answer.error.code, 'unknown_event', name);
    assert.equal(answer.error.message, `no function hears '${name}' here`);
  }
});

assert.equal(messages.waiting, 0, 'nothing was said that nobody asked for');
socket.close();
