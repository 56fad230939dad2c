// A backend whose clients have a session of its HTTP routes: session.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { connect, open, readable, soon } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const of = (cookie) => ({ extraHeaders: { cookie }, transportOptions: { polling: { extraHeaders: { cookie } } } });

const ask = (socket, ...event) =>
  soon(`an ack of ${event[0]}`, (done) => socket.emit(...event, (...ack) => done(readable(ack))));

// A session that the store knows: its user is there in every event, and what events keep stays with their socket.
const ada = await connect(url, generation, transport, of('theme=dark; sid=s1'));
const bob = await connect(url, generation, transport, of('sid=s2'));
assert.deepEqual(await ask(ada, 'whoami'), ['ada', 1]);
assert.deepEqual(await ask(ada, 'whoami'), ['ada', 2]);
assert.deepEqual(await ask(bob, 'whoami'), ['bob', 1]);

// A query and a header do as well, as the backend likes.
const query = await connect(`${url}/?token=t3`, generation, transport);
assert.deepEqual(await ask(query, 'whoami'), ['eve', 1]);

// What it does not know is refused, and nothing was kept of it.
for (const options of [{}, of('sid=s9')]) {
  const stranger = open(url, generation, transport, options);
  const refused = generation === '2' ? 'error' : 'connect_error';
  const error = await soon('to be refused', (done) => stranger.once(refused, done));
  const { code, message } = error.data ?? error;
  assert.deepEqual([code, message], ['unauthenticated', 'log in first']);
  stranger.close();
}

for (const socket of [ada, bob, query]) socket.close();
