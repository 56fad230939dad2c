// A Node backend's clients: namespaces.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { ask, check, connect, next, open, soon } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const to = (namespace, options = {}) => connect(`${url}${namespace}`, generation, transport, options);

const VALUES = [
  [],
  [null],
  ['a', 1, null, { b: [1.5, true] }],
  [Buffer.from([0, 255])],
  ['room', Buffer.from('shape'), { deep: [Buffer.from('iv'), { more: Buffer.alloc(0) }] }],
  [[], {}, '', 'ünï "quoted"', -1],
];

for (const namespace of ['/', '/chat', '/game/7']) {
  const socket = await to(namespace);
  for (const values of VALUES) {
    await check(`${namespace} ${JSON.stringify(values)}`, async () => {
      assert.deepEqual(await ask(socket, 'echo', ...values), values);
      const said = next(socket, 'said');
      assert.deepEqual(await ask(socket, 'say', ...values), []);
      assert.deepEqual(await said, values);
    });
  }
  assert.deepEqual(await ask(socket, 'add', 2, 3), [5]);
  assert.deepEqual(await ask(socket, 'add', 2), [3], 'a missing argument');
  assert.deepEqual(await ask(socket, 'add', 2, 3, 'more'), [5], 'further ones are passed over');
  assert.deepEqual(await ask(socket, 'first', 7, 8), [7]);
  assert.deepEqual(await ask(socket, 'nothing'), []);
  const [{ error: misfit }] = await ask(socket, 'add', 'two');
  assert.equal(misfit.code, 'invalid_data');
  assert.equal(misfit.details.path, 'arguments[0]');
  const [{ error: missing }] = await ask(socket, 'add');
  assert.equal(missing.code, 'invalid_data');
  assert.deepEqual(await ask(socket, 'fail'), [{ error: { code: 'conflict', message: 'it is taken', retry: false } }]);
  const [{ error: panicked }] = await ask(socket, 'panic');
  assert.equal(panicked.code, 'internal');
  const [name, id = null] = await ask(socket, 'where');
  assert.deepEqual([name, id], [namespace, namespace === '/game/7' ? '7' : null]);
  // Calls of one socket are in order, whatever their names.
  const order = await Promise.all(Array.from({ length: 50 }, (_, number) => ask(socket, 'first', number)));
  assert.deepEqual(order, Array.from({ length: 50 }, (_, number) => [number]));
  socket.close();
}

// Node's callbacks.
const node = await to('/node');
assert.deepEqual(await ask(node, 'fail'), [{ code: 'conflict', message: 'it is taken', retry: false }]);
assert.deepEqual(await ask(node, 'nothing'), [null]);
assert.deepEqual(await ask(node, 'first', 7), [null, 7]);
assert.deepEqual(await ask(node, 'echo', 1, Buffer.from('b')), [null, 1, Buffer.from('b')]);
assert.equal((await ask(node, 'unheard of'))[0].code, 'unknown_event');
node.close();

// Modules are in the root, beside names of any kind.
const root = await to('/');
const answer = await ask(root, 'event', { event: 'api.test.echo', data: 'hi' });
assert.deepEqual(answer, [{ event: 'api.test.echo', data: 'hi' }]);
const heard = next(root, 'heard');
root.emit('anything at all', 1, Buffer.from('two'));
assert.deepEqual(await heard, ['anything at all', [1, Buffer.from('two')]]);
root.close();
const chat = await to('/chat');
const [{ error: unknown }] = await ask(chat, 'event', { event: 'api.test.echo', data: 'hi' });
assert.equal(unknown.code, 'unknown_event');

// A whiteboard: several Buffers to the others of a room, of this namespace alone.
const other = await to('/chat');
const elsewhere = await to('/game/7');
elsewhere.on('client-draw', () => assert.fail('another namespace'));
for (const socket of [chat, other, elsewhere]) await ask(socket, 'join', 'room');
const drawn = next(other, 'client-draw');
chat.on('client-draw', () => assert.fail('its own'));
chat.emit('draw', 'room', Buffer.from('shape'), Buffer.from('iv'));
assert.deepEqual(await drawn, [Buffer.from('shape'), Buffer.from('iv')]);

// Who leaves is told of in the rooms as they were.
const gone = next(other, 'left');
chat.close();
const [room, reason] = await gone;
assert.equal(room, 'room');
assert.match(reason, /^(client namespace disconnect|transport close)$/);
await ask(elsewhere, 'nothing');

// The server ends a socket.
const ended = soon('to be disconnected', (done) => other.once('disconnect', done));
other.emit('leave me');
assert.equal(await ended, 'io server disconnect');
elsewhere.close();

// A login by an event.
const anonymous = await to('/chat');
assert.deepEqual(await ask(anonymous, 'whoami'), []);
await ask(anonymous, 'login', 'ada');
assert.deepEqual(await ask(anonymous, 'whoami'), ['ada']);
anonymous.close();

// A hook that greets: what it says comes once the client is connected. Clients of the 2.x generation give a query.
const greeted = (said) => (generation === '2' ? `?${new URLSearchParams(said)}` : '');
const hello = open(`${url}/chat${greeted({ name: 'bob' })}`, generation, transport, { auth: { name: 'bob' } });
const events = [];
hello.on('connect', () => events.push('connect'));
hello.on('welcome', (...args) => events.push(args));
assert.deepEqual(await ask(hello, 'whoami'), ['bob']);
assert.deepEqual(events, ['connect', ['bob', '/chat']]);
hello.close();

// A hook that refuses.
const refused = open(`${url}/chat${greeted({ refuse: 'not you' })}`, generation, transport, { auth: { refuse: 'not you' } });
const why = await soon('to be refused', (done) => refused.once(generation === '2' ? 'error' : 'connect_error', done));
const data = generation === '2' ? why : why.data;
assert.deepEqual(data, { code: 'forbidden', message: 'not you', retry: false, details: { hint: 'ask nicely' } });
if (generation !== '2') assert.equal(why.message, 'not you');
refused.close();

// Several namespaces over one connection, each with a socket of its own.
const first = await to('/chat', { forceNew: false });
const second = first.io.socket('/game/8', { auth: { name: 'eve' } });
second.open();
assert.deepEqual((await ask(second, 'where')).slice(0, 2), ['/game/8', '8']);
assert.deepEqual(await ask(first, 'where'), ['/chat', null]);
assert.notEqual(first.id, second.id);
await ask(first, 'login', 'ada');
assert.notEqual((await ask(second, 'whoami'))[0], 'ada');
second.close();
assert.deepEqual(await ask(first, 'first', 1), [1], 'the other socket stays');
first.close();
