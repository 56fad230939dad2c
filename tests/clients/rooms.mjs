// Two clients and their room: rooms.mjs URL GENERATION TRANSPORT GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { Messages, call, connect } from './support.mjs';

const [url, ...kinds] = process.argv.slice(2);
const ada = await connect(url, kinds[0], kinds[1]);
const bob = await connect(url, kinds[2], kinds[3]);
const heard = { ada: new Messages(ada), bob: new Messages(bob) };
const room = `room of ${kinds}`;

const join = (socket) => call(socket, { event: 'api.room.join', data: { room } });
const leave = (socket) => call(socket, { event: 'api.room.leave', data: { room } });
const say = (socket, message) => call(socket, { event: 'api.room.say', data: { room, message } });

/** Has a client say something to itself: what was on its way to it before is heard before. */
const fence = (socket) => socket.emit('event', ['api.services.test.testFunc', 'fence']);

// Who is outside neither speaks nor hears.
assert.deepEqual(await join(bob), { event: 'api.room.join' });
assert.deepEqual((await say(ada, 'from outside')).error, {
  code: 'forbidden',
  message: 'join the room first',
  retry: false,
});
fence(bob);
assert.equal(await heard.bob.next(), 'fence');

// Who joined hears what is said, and who says it hears it too.
await join(ada);
const words = ['hello', { card: 7 }, [1, 2], ['a', { b: null }], ''];
for (const word of words) {
  assert.deepEqual(await say(ada, word), { event: 'api.room.say' });
  assert.deepEqual(await heard.ada.next(), word);
  assert.deepEqual(await heard.bob.next(), word);
}
await say(bob, 'hello back');
assert.equal(await heard.ada.next(), 'hello back');
assert.equal(await heard.bob.next(), 'hello back');

// What one says in a row is heard in a row.
const row = Array.from({ length: 100 }, (_, number) => number);
await Promise.all(row.map((number) => say(ada, number)));
for (const number of row) {
  assert.equal(await heard.bob.next(), number);
  assert.equal(await heard.ada.next(), number);
}

// Who left hears nothing more.
await leave(bob);
await say(ada, 'without bob');
assert.equal(await heard.ada.next(), 'without bob');
fence(bob);
assert.equal(await heard.bob.next(), 'fence');

// Who comes back hears again.
await join(bob);
await say(ada, 'welcome back');
assert.equal(await heard.bob.next(), 'welcome back');

// Who disconnects is not in the way.
bob.close();
await say(ada, 'alone');
assert.equal(await heard.ada.next(), 'welcome back');
assert.equal(await heard.ada.next(), 'alone');
ada.close();
