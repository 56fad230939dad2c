// A server of Node with an official adapter, as its users write one; also as a program, which says where it listens and lives until
// its standard input ends: neighbour.mjs redis|postgres URL

import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createAdapter as createPostgresAdapter } from '@socket.io/postgres-adapter';
import { createAdapter as createRedisAdapter } from '@socket.io/redis-adapter';
import { createClient } from '@redis/client';
import pg from 'pg';
import { Server } from 'socket.io';

/**
 * How long a server waits for others that it counts, and until it counts those no more that say nothing, in milliseconds: also on a machine
 * that has much to do.
 */
const PATIENCE = 120_000;

/** What servers and emitters reach each other by, and what ends it. */
export async function open(kind, url) {
  if (kind === 'postgres') {
    const { searchParams, pathname } = new URL(url);
    const pool = new pg.Pool({
      host: searchParams.get('host'),
      user: searchParams.get('user'),
      database: pathname.slice(1),
      // One to listen, and one for all else, so that what is said keeps its order.
      max: 2,
    });
    return { adapter: createPostgresAdapter(pool, { heartbeatTimeout: PATIENCE }), pool, close: () => pool.end() };
  }
  const connect = async () => {
    const client = createClient({ url });
    // It comes back by itself.
    client.on('error', () => {});
    return client.connect();
  };
  const [publisher, subscriber] = await Promise.all([connect(), connect()]);
  return {
    adapter: createRedisAdapter(publisher, subscriber, { requestsTimeout: PATIENCE }),
    publisher,
    close: () => Promise.all([publisher.close(), subscriber.close()]),
  };
}

/** A server in these namespaces. What its clients may ask of it, those of Updraft may too: tests/it/mixed/app.rs. */
export async function start(kind, url, namespaces) {
  const bus = await open(kind, url);
  const http = createServer();
  const io = new Server(http, { adapter: bus.adapter, allowEIO3: true });
  for (const namespace of namespaces) {
    io.of(namespace).on('connection', (socket) => {
      socket.data.name = 'of node';
      // As the demo of Updraft has it.
      socket.on('event', ({ event, data }, ack = () => {}) => {
        if (event === 'api.room.join') socket.join(data.room);
        if (event === 'api.room.say') io.to(data.room).emit('message', data.message);
        ack({ event });
      });
      socket.on('join', async (room, ack) => ack(await socket.join(room)));
      socket.on('leave', async (room, ack) => ack(await socket.leave(room)));
      socket.on('rooms', (ack) => ack([...socket.rooms].filter((room) => room !== socket.id).sort()));
      socket.on('say', (order, ...said) => {
        targets(io, order, socket).emit(order.event, ...said);
      });
      socket.on('ask', async (order, ack) => {
        ack(told(await targets(io, order).timeout(order.wait).emitWithAck(order.event)));
      });
      socket.on('list', async (order, ack) => {
        const shown = ({ id, rooms, data }) => ({ id, rooms: [...rooms].filter((room) => room !== id), data });
        const listed = targets(io, order).timeout(PATIENCE).fetchSockets();
        ack(await listed.then((sockets) => sockets.map(shown), (error) => ({ error: error.message })));
      });
      socket.on('move', (order, ack) => {
        move(targets(io, order), order);
        ack();
      });
      socket.on('announce', (order, ...said) => io.of(order.namespace).serverSideEmit(order.event, ...said));
      socket.on('inquire', async (order, ack) => {
        const answers = io.of(order.namespace).serverSideEmitWithAck(order.event, order.text);
        ack(await answers.then(told, (error) => ({ error: error.message })));
      });
    });
    io.of(namespace).on('length?', (text, ack) => ack(text.length));
    io.of(namespace).on('of node?', (_, ack) => ack('of node'));
    // What servers tell each other, the clients of each hear.
    for (const event of ['news', 8]) {
      io.of(namespace).on(event, (...news) => io.of(namespace).local.emit('news', ...news));
    }
  }
  await new Promise((listening) => http.listen(0, '127.0.0.1', listening));
  return {
    io,
    url: `http://127.0.0.1:${http.address().port}`,
    async close() {
      await io.close();
      await bus.close();
    },
  };
}

/** Answers as JSON has them, which cannot say `undefined`. */
const told = (answers) => answers.map((answer) => (answer === undefined ? 'undefined' : answer));

/** The sockets that an order names; by a socket, all but that. */
export function targets(io, order, socket) {
  let all = order.by_socket ? socket.broadcast : io.of(order.namespace);
  if (order.to.length) all = all.to(order.to);
  if (order.except.length) all = all.except(order.except);
  return order.volatile ? all.volatile : all;
}

/** Joins, leaves and disconnects, as an order says. */
export function move(all, order) {
  if (order.join) all.socketsJoin(order.join);
  if (order.leave) all.socketsLeave(order.leave);
  if (order.disconnect) all.disconnectSockets(order.close);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // The adapter waits for no answer of Redis, and has no word for one that does not come.
  process.on('unhandledRejection', () => {});
  const [kind, url] = process.argv.slice(2);
  const server = await start(kind, url, ['/']);
  console.log(server.url);
  process.stdin.on('end', () => process.exit()).resume();
}
