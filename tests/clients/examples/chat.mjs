// A chat of three generations: examples/chat.mjs URL

import assert from 'node:assert/strict';
import { ask, connect, next } from '../support.mjs';

const [url] = process.argv.slice(2);
const [ada, bob, eve] = await Promise.all([
  connect(url, '2', 'polling'),
  connect(url, '3', 'upgraded'),
  connect(url, '4', 'websocket'),
]);

const enter = async (socket, name, numUsers, others) => {
  const told = others.map((other) => next(other, 'user joined'));
  const login = next(socket, 'login');
  socket.emit('add user', name);
  assert.deepEqual(await login, [{ numUsers }]);
  for (const joined of await Promise.all(told)) assert.deepEqual(joined, [{ username: name, numUsers }]);
};
await enter(ada, 'ada', 1, [bob, eve]);
await enter(bob, 'bob', 2, [ada, eve]);

// A second name is none, and nobody is told of it.
for (const socket of [ada, bob, eve]) socket.on('user joined', ({ username }) => assert.equal(username, 'eve'));
assert.deepEqual(await ask(ada, 'add user', 'ada again'), []);
await enter(eve, 'eve', 3, [ada, bob]);

const events = {
  'typing': [[], { username: 'ada' }],
  'stop typing': [[], { username: 'ada' }],
  'new message': [['hello'], { username: 'ada', message: 'hello' }],
};
for (const [event, [said, told]] of Object.entries(events)) {
  const heard = [bob, eve].map((other) => next(other, event));
  ada.once(event, () => assert.fail('its own'));
  assert.deepEqual(await ask(ada, event, ...said), []);
  assert.deepEqual(await Promise.all(heard), [[told], [told]], event);
}

// Without a name there is nothing to say.
const silent = await connect(url, '4', 'polling');
const [{ error }] = await ask(silent, 'new message', 'hello');
assert.equal(error.code, 'unauthenticated');
bob.once('user left', ({ username }) => assert.equal(username, 'ada', 'one without a name leaves unseen'));
silent.close();

const left = [bob, eve].map((other) => next(other, 'user left'));
ada.close();
for (const gone of await Promise.all(left)) assert.deepEqual(gone, [{ username: 'ada', numUsers: 2 }]);
bob.close();
eve.close();
