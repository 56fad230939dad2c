// The admin page's side of its protocol: admin.mjs URL, beside a server whose page `ada` opens by "open sesame".

import assert from 'node:assert/strict';
import { connect, connected, open, soon } from './support.mjs';

const [url] = process.argv.slice(2);
const RIGHT = { username: 'ada', password: 'open sesame' };
const ACTIONS = ['EMIT', 'JOIN', 'LEAVE', 'DISCONNECT', 'MJOIN', 'MLEAVE', 'MDISCONNECT'];

const page = (auth, transport = 'websocket') => open(`${url}/admin`, '4', transport, { auth });
const event = (socket, name) => soon(name, (done) => socket.once(name, done));
const refusal = async (auth) => {
  const socket = page(auth);
  const error = await soon('a refusal', (done, failed) => {
    socket.once('connect_error', done);
    socket.once('connect', () => failed(new Error(`let in with ${JSON.stringify(auth)}`)));
  });
  socket.close();
  return { message: error.message, code: error.data?.code };
};
const INVALID = { message: 'invalid credentials', code: 'unauthenticated' };

// Refused: nothing shown, half of it, what is of another shape, an id that nobody was given.
const shown = [undefined, {}, { username: 'ada' }, { password: RIGHT.password }, { username: 7, password: ['x'] }, { sessionId: 'AAAA' }];
for (const auth of shown) assert.deepEqual(await refusal(auth), INVALID);
assert.deepEqual(await refusal({ ...RIGHT, password: 'open' }), INVALID);
assert.deepEqual(await refusal({ ...RIGHT, username: 'bob' }), INVALID);

// Let in by the password, with an id for the next time.
const first = page(RIGHT);
const [sessionId, config] = await Promise.all([event(first, 'session'), event(first, 'config'), connected(first)]);
assert.ok(sessionId.length >= 24);
assert.deepEqual(config, { supportedFeatures: [...ACTIONS, 'AGGREGATED_EVENTS'] });
first.close();

// By the id alone, over any transport; no new one is given.
for (const transport of ['polling', 'upgraded']) {
  const again = page({ sessionId }, transport);
  const sessions = [];
  again.on('session', (id) => sessions.push(id));
  await Promise.all([event(again, 'config'), connected(again)]);
  assert.deepEqual(sessions, []);
  again.close();
}
const admin = page({ sessionId });
await connected(admin);

/** What passed, as all pages are told: by kind, and reason. */
const passed = {};
let stats;
/** How many figures the page was told, and in how many bytes: they are counted, too. */
const figures = { packets: 0, bytes: 0 };
admin.on('server_stats', (told) => {
  stats = told;
  figures.packets += 1;
  figures.bytes += JSON.stringify(told).length;
  for (const { timestamp, type, subType, count } of told.aggregatedEvents) {
    assert.equal(timestamp % 1000, 0, 'of a whole second');
    assert.ok(Math.abs(Date.now() - timestamp) < 60_000);
    const kind = subType === undefined ? type : `${type}: ${subType}`;
    passed[kind] = (passed[kind] ?? 0) + count;
  }
});
const told = async (what, holds) => {
  while (!holds()) await event(admin, 'server_stats');
};
const sockets = (name) => stats.namespaces.find((one) => one.name === name)?.socketsCount;

await told('a quiet server', () => stats?.clientsCount === 1 && sockets('/admin') === 1);
assert.ok(stats.serverId && stats.hostname && stats.pid > 0 && stats.uptime > 0);
assert.deepEqual(stats.namespaces.map(({ name }) => name), ['/', '/admin', '/chat']);
assert.deepEqual([sockets('/'), sockets('/admin'), sockets('/chat')], [0, 1, 0]);

// What clients do is counted: who comes and how (one that upgraded does not poll), packets and bytes, who goes and why.
const ada = await connect(url, '4', 'websocket');
const bob = await connect(url, '4', 'polling');
const eve = await connect(url, '4', 'upgraded');
await told('three more', () => stats.clientsCount === 4 && sockets('/') === 3 && stats.pollingClientsCount === 1);
for (const socket of [ada, bob]) {
  const before = { ...passed, figures: { ...figures } };
  for (let number = 0; number < 50; number += 1) await socket.emitWithAck('echo', 'x'.repeat(1000));
  for (const kind of ['bytesIn', 'bytesOut']) await told(kind, () => passed[kind] - (before[kind] ?? 0) >= 50_000);
  const more = (kind) => passed[kind] - (before[kind] ?? 0);
  // Beside them there are figures, every 2 s, and fewer heartbeats than those.
  const packets = 90 + 2 * (figures.packets - before.figures.packets);
  const bytes = 75_000 + 2 * (figures.bytes - before.figures.bytes);
  for (const kind of ['packetsIn', 'packetsOut']) assert.ok(more(kind) >= 50 && more(kind) < packets, `${kind}: ${more(kind)}`);
  for (const kind of ['bytesIn', 'bytesOut']) assert.ok(more(kind) < bytes, `${kind}: ${more(kind)}`);
}
// A Buffer is a packet of its own.
const before = passed.packetsIn;
for (let number = 0; number < 50; number += 1) await ada.emitWithAck('echo', Buffer.alloc(1000));
await told('Buffers', () => passed.packetsIn - before >= 100);
eve.close();
await told('one less', () => stats.clientsCount === 3 && passed['rawDisconnection: transport close'] >= 1);

// A room that nobody is in, and one socket by its id.
const act = (...action) => soon(`an ack of ${action[0]}`, (done) => admin.emit(...action, done));
const chat = ada.io.socket('/chat', {});
await connected(chat);
const heard = [];
for (const [name, socket] of Object.entries({ ada, bob, chat })) {
  socket.onAny((...said) => said[0] === 'mark' || heard.push([name, ...said]));
}
/** What the page had emitted comes before this; an answer to a client may be quicker. */
let marks = 0;
async function settle() {
  marks += 1;
  const mark = marks;
  const marked = [ada, bob, chat].map((socket) =>
    soon(`mark ${mark}`, (done) => socket.once('mark', (number) => done(assert.equal(number, mark)))),
  );
  for (const namespace of ['/', '/chat']) await act('emit', namespace, undefined, 'mark', mark);
  await Promise.all(marked);
}
const hears = async (action, expected) => {
  assert.equal(await act(...action), undefined);
  await settle();
  assert.deepEqual(heard.splice(0).sort(), expected, action.join(' '));
};
const bytes = Buffer.from([1, 2, 3]);
await hears(['emit', '/', undefined, 'hello', 1, { bytes }], [['ada', 'hello', 1, { bytes }], ['bob', 'hello', 1, { bytes }]]);
await hears(['emit', '/', '', 'hello'], [['ada', 'hello'], ['bob', 'hello']]);
await hears(['emit', '/', bob.id, 'hello', null], [['bob', 'hello', null]]);
await hears(['emit', '/chat', undefined, 'hello', 'chat'], [['chat', 'hello', 'chat']]);
await hears(['emit', '/', 'red', 'hello'], []);
await hears(['join', '/', 'red', ada.id], []);
await hears(['emit', '/', 'red', 'hello'], [['ada', 'hello']]);
await hears(['join', '/', 'blue'], []);
await hears(['emit', '/', 'blue', 'hello'], [['ada', 'hello'], ['bob', 'hello']]);
await hears(['leave', '/', 'blue', 'red'], []);
await hears(['emit', '/', 'blue', 'hello'], [['bob', 'hello']]);
await hears(['leave', '/', 'blue'], []);
await hears(['emit', '/', 'blue', 'hello'], []);
await hears(['emit', '/nowhere', undefined, 'hello'], []);

// What makes no sense is refused, and the page goes on.
const bad = [['emit'], ['emit', 5], ['emit', '/', { a: 1 }, 'hello'], ['emit', '/', null, 'connect'], ['emit', '/', null, 'server.closed'], ['emit', '/', null, ''], ['join', '/'], ['leave', '/', 7], ['_disconnect', '/', 'perhaps']];
for (const action of bad) {
  assert.equal((await act(...action))?.error?.code, 'invalid_data', JSON.stringify(action));
}
await settle();
assert.deepEqual(heard, []);

// One socket goes, and others of its connection stay; or all of them go with it.
const gone = (socket) => event(socket, 'disconnect');
const end = gone(ada);
await act('_disconnect', '/', false, ada.id);
assert.equal(await end, 'io server disconnect');
assert.equal(await chat.emitWithAck('echo', 'still here'), 'still here');
const ended = () => Object.entries(passed).reduce((sum, [kind, count]) => sum + (kind.startsWith('rawDisconnection') ? count : 0), 0);
const endedBefore = ended();
const ends = [gone(chat), gone(bob)];
const room = bob.io.socket('/chat', {});
await connected(room);
ends.push(gone(room));
await act('_disconnect', '/chat', true);
assert.deepEqual(await Promise.all(ends), ['io server disconnect', 'io server disconnect', 'io server disconnect']);
await told('no other client', () => stats.clientsCount === 1);
await told('both ends', () => ended() - endedBefore >= 2);

// Who tries too often waits, and who has an id does not: ten tries are free at once, and one more every six seconds.
const refusals = [];
let late = [];
const begun = performance.now();
while (late.length === 0) {
  refusals.push(...(await Promise.all(Array.from({ length: 20 }, () => refusal({ ...RIGHT, password: 'guess' })))));
  late = refusals.filter(({ code }) => code === 'rate_limited');
  const free = refusals.length - late.length;
  const most = 10 + (performance.now() - begun) / 6000 + 1;
  assert.ok(free <= most, `${free} of ${refusals.length} were free, at most ${most}`);
}
assert.match(late[0].message, /too many attempts/);
for (const other of refusals) if (other.code !== 'rate_limited') assert.deepEqual(other, INVALID);
const known = page({ sessionId });
await connected(known);
known.close();
admin.close();
