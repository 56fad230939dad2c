// node proxied.mjs URL PATH…: behind a proxy that speaks TLS and HTTP/2, with a prefix that it strips and one that it keeps, clients poll, upgrade
// and begin with a WebSocket; and a browser polls by HTTP/2.

import assert from 'node:assert/strict';
import { connect as connectByHttp2 } from 'node:http2';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { io } = require('socket.io-client-4');
const [url, ...paths] = process.argv.slice(2);
const STATUS = { event: 'api.services.status' };
const ONLINE = { event: 'api.services.status', data: 'online' };

async function call(path, transports) {
  const socket = io(url, { path, transports, rejectUnauthorized: false, forceNew: true, reconnection: false });
  await new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  if (transports.length > 1 && socket.io.engine.transport.name !== 'websocket') {
    await new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
  }
  assert.deepEqual(await socket.emitWithAck('event', STATUS), ONLINE);
  assert.equal(socket.io.engine.transport.name, transports.at(-1));
  socket.disconnect();
}

/** Asks over one connection of HTTP/2. */
async function byHttp2(path) {
  const connection = connectByHttp2(url, { rejectUnauthorized: false });
  const ask = (method, query, body) =>
    new Promise((resolve, reject) => {
      const origin = `https://${new URL(url).host}`;
      const request = connection.request({ ':method': method, ':path': `${path}/?EIO=4&transport=polling${query}`, origin });
      let text = '';
      request.setEncoding('utf8');
      request.on('response', (headers) => assert.equal(headers[':status'], 200));
      request.on('data', (data) => (text += data));
      request.on('end', () => resolve(text));
      request.on('error', reject);
      request.end(body);
    });
  const { sid } = JSON.parse((await ask('GET', '')).slice(1));
  const session = `&sid=${sid}`;
  await ask('POST', session, '40');
  assert.match(await ask('GET', session), /^40\{/);
  // The poll waits while the call is sent.
  const answer = ask('GET', session);
  await ask('POST', session, `421["event",${JSON.stringify(STATUS)}]`);
  assert.equal(await answer, `431[${JSON.stringify(ONLINE)}]`);
  connection.close();
}

for (const path of paths) {
  await Promise.all([
    call(path, ['polling']),
    call(path, ['websocket']),
    call(path, ['polling', 'websocket']),
    byHttp2(path),
  ]);
}
