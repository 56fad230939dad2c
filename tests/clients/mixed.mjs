// Clients of two servers of Node and of others, on one bus, who cannot tell which server is which: whatever each server and each
// emitter says is heard by those who are meant, once. Where the others are no members, nobody asks them, and nobody waits for them:
// mixed.mjs redis|postgres BUS member|listener PROGRAM UPDRAFT...

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Emitter as PostgresEmitter } from '@socket.io/postgres-emitter';
import { Emitter as RedisEmitter } from '@socket.io/redis-emitter';
import oldEmitter from 'socket.io-emitter';
import { move, open, start, targets } from './neighbour.mjs';
import { ask, connect, readable, shown, soon } from './support.mjs';

const [kind, url, role, program, ...urls] = process.argv.slice(2);
const isMember = role === 'member';
const NAMESPACES = ['/', '/admin'];

/** How late something may come that nothing says of when it comes, in milliseconds. */
const LATEST = 120_000;

/** The same once something has not come at all. */
const LATEST_AFTER = 1000;
let latest = LATEST;
const ODD_ROOM = '#1 [ä]* 🚀';

const nodes = [await start(kind, url, NAMESPACES), await start(kind, url, NAMESPACES)];
const servers = [
  ...nodes.map((node, number) => ({ name: `Node ${number}`, url: node.url, io: node.io })),
  ...urls.map((url, number) => ({ name: `Updraft ${number}`, url })),
];

/** The clients: of each server one, in each namespace. */
const clients = [];
for (const [number, server] of servers.entries()) {
  for (const namespace of NAMESPACES) {
    const socket = await connect(server.url + namespace, '4', 'websocket');
    const client = { name: `${server.name}'s in ${namespace}`, server, namespace, socket, rooms: new Set(), heard: [] };
    socket.on('said', (...said) => client.heard.push(readable(said)));
    socket.on('news', (...news) => client.heard.push(readable(news)));
    // A name that is a number stays one.
    socket.onAny((name, ...said) => name === 7 && client.heard.push(readable([name, ...said])));
    const rooms = ['red', number % 2 ? 'blue' : 'green', ...(number % 2 ? [] : ['muted'])];
    // So that one in a room of one kind of server only is not found by chance.
    if (number >= nodes.length) rooms.push('updraft', '7');
    if (number === 1 || number === 2) rooms.push(ODD_ROOM);
    for (const room of rooms) {
      await ask(socket, 'join', room);
      client.rooms.add(room);
    }
    server[namespace] = client;
    clients.push(client);
  }
}
const of = (namespace) => clients.filter((client) => client.namespace === namespace);
const isIn = (client, room) => client.rooms.has(String(room)) || client.socket.id === room;
const isMeant = (client, order) =>
  client.namespace === order.namespace &&
  (order.to.length === 0 || order.to.some((room) => isIn(client, room))) &&
  !order.except.some((room) => isIn(client, room)) &&
  !(order.by_socket && client === order.by_socket);

/** Tries again until it holds. */
async function until(what, holds) {
  await soon(what, async (done, failed) => {
    try {
      while (!(await holds())) await new Promise((later) => setTimeout(later, 10));
      done();
    } catch (error) {
      failed(error);
    }
  });
}

/** The servers, by the mouths of their clients, and the emitters: each reaches all clients, unless it says which. */
const byClient = (server) => {
  const mouth = (namespace) => server[namespace].socket;
  return {
    name: server.name,
    server,
    say: (order, ...said) => mouth(order.namespace).emit('say', { ...order, by_socket: !!order.by_socket }, ...said),
    move: (order) => ask(mouth(order.namespace), 'move', order),
    announce: (order, ...said) => mouth(order.namespace).emit('announce', order, ...said),
  };
};
const byEmitter = (name, emitter, more) => {
  const all = (order) => {
    let all = emitter.of(order.namespace);
    for (const room of order.to) all = all.to(room);
    for (const room of order.except) all = all.except(room);
    return order.volatile ? all.volatile : all;
  };
  return {
    name,
    isForeign: true,
    say: (order, ...said) => all(order).emit(order.event, ...said),
    move: (order) => move(all(order), order),
    announce: (order, ...said) => emitter.of(order.namespace).serverSideEmit(order.event, ...said),
    ...more,
  };
};
const execute = promisify(execFile);
const byProgram = {
  name: 'updraft emit',
  cannot: (order, said) => order.by_socket || said.some((one) => one === undefined || readable(one) instanceof Buffer || one?.deep),
  async say(order, ...said) {
    const [first, ...rooms] = order.to;
    const flags = [
      ...['--bus', url, '--namespace', order.namespace],
      ...rooms.flatMap((room) => ['--to', room]),
      ...order.except.flatMap((room) => ['--except', room]),
      ...(order.volatile ? ['--volatile'] : []),
      ...(first === undefined ? ['--all'] : []),
    ];
    const words = [...(first === undefined ? [] : [first]), order.event, ...said.map((one) => JSON.stringify(one))];
    await execute(program, ['emit', ...flags, '--', ...words]);
  },
};

const bus = await open(kind, url);
const isOfUpdraft = (client) => !client.server.io;
const speakers = [...servers.map(byClient)];
if (kind === 'redis') {
  const { hostname, port } = new URL(url);
  const old = oldEmitter({ host: hostname, port });
  speakers.push(
    byEmitter('@socket.io/redis-emitter', new RedisEmitter(bus.publisher)),
    // It knows less, and its targets are those of the next emit.
    byEmitter('socket.io-emitter', old, { cannot: (order) => order.except.length, move: undefined, announce: undefined }),
  );
} else {
  // It names no namespace, and so today's adapter drops what it says.
  speakers.push(byEmitter('@socket.io/postgres-emitter', new PostgresEmitter(bus.pool), { reaches: isOfUpdraft }));
}
if (program !== '-') speakers.push(byProgram);

const BYTES = Buffer.from(Array.from({ length: 300 }, (_, number) => number % 256));
/** What is said, to whom. `ours` is a client of Updraft's, `theirs` one of Node's, `mouth` the speaker's own if it has one. */
const CASES = ({ ours, theirs }) => [
  ['all', {}, ['hello']],
  ['one room', { to: ['red'] }, [1]],
  ['several rooms', { to: ['green', 'blue'] }, [1]],
  ['rooms that overlap', { to: ['red', 'green', 'muted'] }, [1]],
  ['a room of one server', { to: ['updraft'] }, [1]],
  ['a room with an odd name', { to: [ODD_ROOM] }, [1]],
  ['a room without sockets', { to: ['nobody'] }, [1]],
  ['except a room', { except: ['muted'] }, [1]],
  ['a room except another', { to: ['red'], except: ['muted', 'updraft'] }, [1]],
  ['one socket of Node', { to: [theirs.socket.id] }, [1]],
  ['one socket of Updraft', { to: [ours.socket.id] }, [1]],
  ['except one socket of each', { except: [ours.socket.id, theirs.socket.id] }, [1]],
  ['volatile', { to: ['red'], volatile: true }, [1]],
  ['no arguments', { to: ['red'] }, []],
  ['several arguments', { to: ['red'] }, [1, 'zwei 🚀', { three: [3, null, 0.5, true], '': {} }, [], -7, 2 ** 40, -(2 ** 33)]],
  ['Buffers', { to: ['red'] }, [BYTES, { deep: [Buffer.from([0]), 'between', Buffer.alloc(0)] }, 'after']],
  ['much', { to: ['red'] }, ['ä'.repeat(20_000), Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n]))]],
  ['but for the caller', { by_socket: true }, [1]],
  ['a room, but for the caller', { by_socket: true, to: ['red', 'green'] }, [1]],
];

/** In Updraft an event's name is a text. */
const speaksNumbers = ({ isForeign, server }) => isForeign || server?.io;

const failures = [];
let cells = 0;
let number = 0;
const plain = { namespace: '/', to: [], except: [], volatile: false, event: 'said' };

/** What was said before comes before this. */
async function fence(speaker, namespace) {
  number += 1;
  const mark = number;
  const all = of(namespace).filter(speaker.reaches ?? (() => true));
  const heard = all.map(({ name, socket }) =>
    soon(`the fence of ${speaker.name} at ${name}`, (done) => {
      const hear = (fence) => {
        if (fence !== mark) return;
        socket.off('fence', hear);
        done();
      };
      socket.on('fence', hear);
    }),
  );
  await speaker.say({ ...plain, namespace, event: 'fence' }, mark);
  await Promise.all(heard);
}

/**
 * What has Buffers is put into a row of the database first, and then said: meanwhile Node says what comes after it. Waits for it, unless it
 * does not come.
 */
async function arrived(meant) {
  const until = Date.now() + latest;
  const isMissing = () => meant.some(({ heard }) => heard.length === 0);
  while (kind === 'postgres' && isMissing() && Date.now() < until) await new Promise((later) => setTimeout(later, 2));
  if (kind === 'postgres' && isMissing()) latest = LATEST_AFTER;
}

/** What each client heard, beside what it should have. */
function compare(what, expected) {
  for (const client of clients) {
    cells += 1;
    const [heard, should] = [client.heard.splice(0), expected(client)];
    try {
      assert.deepStrictEqual(heard, should);
    } catch {
      failures.push(`${what}, heard by ${client.name}: ${shown(heard)}, and not ${shown(should)}`);
    }
  }
}

async function say(speaker, namespace, name, part, said) {
  number += 1;
  const order = { ...plain, namespace, ...part };
  if (order.by_socket) order.by_socket = speaker.server?.[namespace];
  if (speaker.cannot?.(order, said) || (part.by_socket && !order.by_socket)) return;
  const all = [number, ...said];
  const reaches = speaker.reaches ?? (() => true);
  const meant = clients.filter((client) => reaches(client) && isMeant(client, order));
  await speaker.say(order, ...all);
  await arrived(meant);
  await fence(speaker, namespace);
  const what = `${speaker.name} to ${name} in ${namespace}`;
  // As JSON and MessagePack have them.
  const named = order.event === plain.event ? all : [order.event, ...all];
  const arrive = readable(named.map((one) => (one === undefined ? null : one instanceof Date ? one.toISOString() : one)));
  compare(what, (client) => (meant.includes(client) ? [arrive] : []));
}

// Servers of Node subscribe while they are up already.
for (const speaker of speakers) {
  for (const namespace of NAMESPACES) {
    const missing = new Set(of(namespace).filter(speaker.reaches ?? (() => true)));
    for (const client of missing) client.socket.once('warm', () => missing.delete(client));
    await until(`${speaker.name} to be heard at ${[...missing].map(({ name }) => name)}`, async () => {
      if (missing.size) await speaker.say({ ...plain, namespace, event: 'warm' });
      return missing.size === 0;
    });
  }
}

for (const speaker of speakers) {
  for (const namespace of NAMESPACES) {
    const [theirs, ours] = [servers[1][namespace], servers.at(-1)[namespace]];
    const cases = CASES({ ours, theirs });
    for (const [name, order, said] of namespace === '/' ? cases : cases.filter((_, index) => index % 4 === 1)) {
      await say(speaker, namespace, name, order, said);
    }
    if (speaker.isForeign && namespace === '/') {
      const bytes = new Uint16Array([1, 258]).buffer;
      // The emitter for PostgreSQL finds Buffers alone.
      const found = kind === 'redis' ? bytes : Buffer.from(bytes);
      await say(speaker, namespace, 'what JSON lacks', { to: ['red'] }, [undefined, new Date(0), found]);
      // Rooms of Updraft have texts for names, so that it is any room of that name.
      await say(speaker, namespace, 'a room by its number', { to: [7] }, [1]);
    }
    if (speaksNumbers(speaker)) await say(speaker, namespace, 'an event by its number', { event: 7, to: ['red'] }, [1]);
  }
}

// Sockets join and leave.
for (const speaker of speakers.filter(({ move }) => move)) {
  const reaches = speaker.reaches ?? (() => true);
  const rooms = async (client) => (await ask(client.socket, 'rooms'))[0];
  const order = { ...plain, to: ['red'], except: ['muted'] };
  const moved = of('/').filter((client) => reaches(client) && isMeant(client, order));
  await speaker.move({ ...order, join: 'moved' });
  await fence(speaker, '/');
  for (const client of moved) {
    await until(`${client.name} to be moved by ${speaker.name}`, async () => (await rooms(client)).includes('moved'));
    client.rooms.add('moved');
  }
  await say(speaker, '/', 'those who were moved', { to: ['moved'] }, [1]);
  await speaker.move({ ...order, to: ['moved'], except: [], leave: 'moved' });
  for (const client of moved) {
    await until(`${client.name} to leave by ${speaker.name}`, async () => !(await rooms(client)).includes('moved'));
    client.rooms.delete('moved');
  }
  await say(speaker, '/', 'those who had been moved', { to: ['moved'] }, [1]);
  for (const client of of('/')) assert.deepEqual(await rooms(client), [...client.rooms].sort(), client.name);
}

// What servers tell each other.
const announcements = speakers
  .filter(({ announce }) => announce)
  .flatMap((speaker) => (speaksNumbers(speaker) ? [[speaker, 'news'], [speaker, 8]] : [[speaker, 'news']]));
for (const [speaker, event] of announcements) {
  number += 1;
  // By Redis servers tell each other JSON.
  const news = [number, 'zwei 🚀', { three: [3, null] }, ...(kind === 'postgres' ? [BYTES] : [])];
  speaker.announce({ ...plain, event }, ...news);
  const reaches = speaker.reaches ?? (() => true);
  const told = of('/').filter((client) => client.server !== speaker.server && reaches(client));
  await until(`${event} by ${speaker.name}`, () => told.every(({ heard }) => heard.length));
  await fence(speaker, '/');
  compare(`${event} by ${speaker.name}`, (client) => (told.includes(client) ? [news] : []));
}

// What is asked of all servers. Servers of Node ask those whom they count, and wait for nobody else.
const WAIT = 120_000;
const QUICK = 60_000;

/**
 * How often is asked what a server gives up after 5 s, which nothing sets: on a machine that has much to do it may once, and where one that it
 * counts does not answer it does each time.
 */
const ROUNDS = 5;
async function answered(ask) {
  let found;
  for (let round = 0; round < ROUNDS && !Array.isArray(found); round += 1) [found] = await ask();
  return found;
}
for (const server of servers) {
  const { socket } = server['/'];
  const asked = servers.filter((other) => isMember || !server.io || other.io);
  const others = asked.filter((other) => other !== server);
  const order = { ...plain, to: ['red'], wait: WAIT };
  const check = (what, found, expected) => {
    cells += 1;
    try {
      assert.deepStrictEqual(found, expected);
    } catch {
      failures.push(`${what} by ${server.name}: ${shown(found)}, and not ${shown(expected)}`);
    }
  };
  const quickly = async (what, ask) => {
    const begun = Date.now();
    const found = await ask();
    check(`${what} in less than ${QUICK} ms`, Date.now() - begun < QUICK, true);
    return found;
  };

  const listed = of('/').filter((client) => asked.includes(client.server));
  for (const part of [{}, { except: ['muted'] }, { to: ['updraft'] }]) {
    const order = { ...plain, to: ['red'], ...part };
    const found = await quickly('listed', () => answered(() => ask(socket, 'list', order)));
    const meant = listed.filter((client) => isMeant(client, order));
    check('listed', found.map(({ id }) => id).sort(), meant.map(({ socket }) => socket.id).sort());
    for (const { id, rooms, data } of found) {
      const client = clients.find((client) => client.socket.id === id);
      if (client.server.io) check(`data of ${client.name}`, data, { name: 'of node' });
      check(`rooms of ${client.name}`, rooms.sort(), [...client.rooms].sort());
    }
  }

  // All are asked, also where nobody waits for their acks.
  const names = [];
  for (const client of of('/')) {
    client.socket.removeAllListeners('name?').on('name?', (ack) => {
      names.push(client.name);
      ack(client.name);
    });
  }
  const [acks] = await quickly('acks', () => ask(socket, 'ask', { ...order, event: 'name?' }));
  check('acks', acks.sort(), listed.map(({ name }) => name).sort());
  await fence(byClient(server), '/');
  check('asked for acks', names.sort(), of('/').map(({ name }) => name).sort());
  if (server.io) {
    for (const { socket, name } of of('/')) socket.removeAllListeners(9).on(9, (ack) => ack(name));
    const [acks] = await quickly('acks of a number', () => ask(socket, 'ask', { ...order, event: 9 }));
    check('acks of a number', acks.sort(), listed.map(({ name }) => name).sort());
  }

  // An ack without arguments is one, and not one of null.
  for (const { socket } of of('/')) {
    socket.removeAllListeners('nothing?').on('nothing?', (ack) => ack());
    socket.removeAllListeners('null?').on('null?', (ack) => ack(null));
  }
  for (const [event, answer] of [['nothing?', 'undefined'], ['null?', null]]) {
    const [acks] = await quickly(event, () => ask(socket, 'ask', { ...order, event }));
    check(event, acks, listed.map(() => answer));
  }

  // Of several arguments the first is the answer, whatever comes behind it.
  for (const { socket, name } of of('/')) {
    socket.removeAllListeners('several?').on('several?', (ack) => ack(name, BYTES, { deep: [BYTES, 1] }));
    socket.removeAllListeners('bytes?').on('bytes?', (ack) => ack({ deep: [BYTES, 1] }, name, BYTES));
  }
  const [several] = await quickly('acks of several', () => ask(socket, 'ask', { ...order, event: 'several?' }));
  check('acks of several', several.sort(), listed.map(({ name }) => name).sort());
  const [bytes] = await quickly('acks of Buffers', () => ask(socket, 'ask', { ...order, event: 'bytes?' }));
  check('acks of Buffers', bytes, listed.map(() => readable({ deep: [BYTES, 1] })));

  if (server.io && kind === 'redis') {
    const rooms = await quickly('all rooms', () => server.io.of('/').adapter.allRooms());
    const all = new Set(listed.flatMap((client) => [...client.rooms, client.socket.id]));
    check('all rooms', [...rooms].sort(), [...all].sort());
  }

  const inquire = (event, text) => quickly(event, () => answered(() => ask(socket, 'inquire', { ...order, event, text })));
  check('answers of servers', await inquire('length?', 'seven..'), others.map(() => 7));
  // One without a function for it costs no time-out.
  const ofNode = await inquire('of node?', '');
  check('answers of servers of Node', ofNode.sort(), others.map((other) => (other.io ? 'of node' : 'undefined')).sort());
}
if (kind === 'redis') {
  const [, counted] = await bus.publisher.sendCommand(['PUBSUB', 'NUMSUB', 'socket.io-request#/#']);
  assert.equal(Number(counted), isMember ? servers.length : nodes.length, 'as many servers as are members');
}

// Sockets are disconnected, those who are meant.
for (const speaker of speakers.filter(({ move }) => move)) {
  for (const close of [false, true]) {
    const reaches = speaker.reaches ?? (() => true);
    const there = servers.filter((server) => reaches({ server }));
    const guests = await Promise.all(there.map((server) => connect(server.url, '4', 'websocket')));
    for (const guest of guests) await ask(guest, 'join', 'guests');
    const gone = guests.map((guest) =>
      soon(`a guest to go, by ${speaker.name}`, (done) => guest.once('disconnect', done)),
    );
    await speaker.move({ ...plain, to: ['guests'], disconnect: true, close });
    for (const reason of await Promise.all(gone)) {
      assert.ok(['io server disconnect', 'transport close'].includes(reason), reason);
    }
  }
}

// Nothing was said twice, and nobody else went.
for (const speaker of speakers) await Promise.all(NAMESPACES.map((namespace) => fence(speaker, namespace)));
compare('in the end', () => []);
for (const { name, socket } of clients) if (!socket.connected) failures.push(`${name} is gone`);

if (failures.length) {
  console.error(`${failures.length} of ${cells} cells failed:\n${failures.join('\n')}`);
  process.exit(1);
}
console.log(`${cells} cells`);
process.exit(0);
