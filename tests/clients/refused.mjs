// A client that a namespace refuses, and one that it lets in: refused.mjs URL GENERATION TRANSPORT MESSAGE TOKEN [CODE]

import assert from 'node:assert/strict';
import { call, connect, open, soon } from './support.mjs';

const [url, generation, transport, message, good, code] = process.argv.slice(2);
const showing = (token) => ({ extraHeaders: { authorization: `Bearer ${token}` } });

const socket = open(url, generation, transport, showing('forged'));
// Clients of the 2.x generation hear of it, and stay until they are told to go.
const goodbye = generation === '2' && soon('the goodbye', (done) => socket.once('disconnect', done));
const error = await soon('the refusal', (done) => {
  socket.once(generation === '2' ? 'error' : 'connect_error', done);
});
assert.equal(error.message, message);
// What goes with it, which 2.x clients are told instead of the error.
assert.equal((generation === '2' ? error : error.data)?.code, code);
await goodbye;
socket.close();

const welcome = await connect(url, generation, transport, showing(good));
assert.equal((await call(welcome, { event: 'api.me.whoami' })).data, good);
welcome.close();
