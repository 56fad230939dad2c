// A client that may not call, as the proof of concept told it: permission.mjs URL GENERATION TRANSPORT TOKEN

import assert from 'node:assert/strict';
import { Messages, call, connect, soon } from './support.mjs';

const [url, generation, transport, good] = process.argv.slice(2);
// As its clients send it, without a scheme.
const showing = (token) => ({ extraHeaders: { authorization: token } });

const socket = await connect(url, generation, transport, showing('forged'));
const heard = new Messages(socket);
const gone = soon('the end', (done) => socket.once('disconnect', done));
socket.emit('event', { event: 'api.services.status' });
assert.equal(await heard.next(), 'user hasn`t permission');
assert.equal(await gone, 'io server disconnect');

const welcome = await connect(url, generation, transport, showing(good));
assert.equal((await call(welcome, { event: 'api.services.status' })).data, 'online');
welcome.close();
