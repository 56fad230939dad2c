// Rooms of an encrypted drawing board, with clients of three generations: examples/drawing-rooms.mjs URL

import assert from 'node:assert/strict';
import { connected, next, open } from '../support.mjs';

const [url] = process.argv.slice(2);

/** A client that was told to join. */
async function arrive(generation, transport) {
  const socket = open(url, generation, transport);
  const init = next(socket, 'init-room');
  await connected(socket);
  assert.deepEqual(await init, []);
  return socket;
}

const ada = await arrive('4', 'websocket');
const bob = await arrive('3', 'polling');
const eve = await arrive('2', 'upgraded');
// The public id; a 2.x client only knows the secret one of its session.
const members = (socket) => next(socket, 'room-user-change').then(([ids]) => ids);
const sorted = (ids) => [...ids].sort();

const alone = [next(ada, 'first-in-room'), members(ada)];
ada.emit('join-room', 'board');
assert.deepEqual(await Promise.all(alone), [[], [ada.id]]);

const second = [next(ada, 'new-user'), members(ada), members(bob)];
bob.emit('join-room', 'board');
const [[newcomer], ...both] = await Promise.all(second);
assert.equal(newcomer, bob.id);
for (const ids of both) assert.deepEqual(sorted(ids), sorted([ada.id, bob.id]));

const third = [next(ada, 'new-user'), next(bob, 'new-user'), members(eve)];
eve.emit('join-room', 'board');
const [[eveId], , all] = await Promise.all(third);
assert.deepEqual(sorted(all), sorted([ada.id, bob.id, eveId]));

// Buffers, to the others of the room alone.
const outside = await arrive('4', 'polling');
for (const socket of [ada, outside]) socket.on('client-broadcast', () => assert.fail('it is not for this one'));
const [data, iv] = [Buffer.from([1, 0, 255]), Buffer.alloc(12, 7)];
const heard = () => Promise.all([bob, eve].map((other) => next(other, 'client-broadcast')));
const scene = heard();
ada.emit('server-broadcast', 'board', data, iv);
assert.deepEqual(await scene, [[data, iv], [data, iv]]);

// A pointer that moves: a client between two polls misses one, and gets a later one.
const pointer = heard();
const moves = setInterval(() => ada.emit('server-volatile-broadcast', 'board', iv, data), 20);
assert.deepEqual(await pointer, [[iv, data], [iv, data]]);
clearInterval(moves);

// To follow a view, and to leave it.
const userToFollow = { socketId: ada.id, username: 'ada' };
let followers = next(ada, 'user-follow-room-change');
bob.emit('user-follow', { userToFollow, action: 'FOLLOW' });
assert.deepEqual(await followers, [[bob.id]]);
followers = next(ada, 'user-follow-room-change');
bob.emit('user-follow', { userToFollow, action: 'UNFOLLOW' });
assert.deepEqual(await followers, [[]]);
followers = next(ada, 'user-follow-room-change');
eve.emit('user-follow', { userToFollow, action: 'FOLLOW' });
assert.deepEqual(await followers, [[eveId]]);

// One that leaves is told of in the rooms that it was in.
const left = [members(ada), members(bob), next(ada, 'broadcast-unfollow')];
eve.close();
const [seen, alsoSeen] = await Promise.all(left);
for (const ids of [seen, alsoSeen]) assert.deepEqual(sorted(ids), sorted([ada.id, bob.id]));
for (const socket of [ada, bob, outside]) socket.close();
