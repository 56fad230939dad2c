// A client with tokens that do not hold, and with one that does: tokens.mjs URL GENERATION TRANSPORT FILE

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { call, check, connect, open, soon } from './support.mjs';

const [url, generation, transport, file] = process.argv.slice(2);
const { good, bad } = JSON.parse(await readFile(file, 'utf8'));

/** As clients of each generation send a token. */
function showing(token) {
  return generation === '2' ? { extraHeaders: { Authorization: `Bearer ${token}` } } : { auth: { token } };
}

/** What a client hears that may not connect. */
async function refusal(token) {
  const socket = open(url, generation, transport, showing(token));
  let connected = false;
  socket.on('connect', () => {
    // Clients of the 2.x generation take the engine's greeting for the namespace's.
    connected = generation !== '2';
  });
  const goodbye = generation === '2' && soon('the goodbye', (done) => socket.once('disconnect', done));
  const error = await soon('the refusal', (done) => {
    socket.once(generation === '2' ? 'error' : 'connect_error', done);
  });
  await goodbye;
  assert.ok(!connected);
  socket.close();
  // Existing clients hear the data alone, as from Node.
  return generation === '2' ? { message: error.message, data: error } : { message: error.message, data: error.data };
}

async function greet() {
  const socket = await connect(url, generation, transport, showing(good));
  const { data } = await call(socket, { event: 'api.me.whoami' });
  assert.deepEqual(data, { subject: 'ada', account: 1 });
  socket.close();
}

await greet();
for (const [about, token, message] of bad) {
  await check(about, async () => {
    const data = { code: 'unauthenticated', message, retry: false };
    assert.deepEqual(await refusal(token), { message, data });
  });
}
await greet();
