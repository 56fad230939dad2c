// node proxied.mjs URL PATH…: behind a proxy that speaks TLS and HTTP/2, with a prefix that it strips and one that it keeps, clients of each
// generation poll, upgrade and begin with a WebSocket; a browser polls by HTTP/2; one of another page is refused; and what is quiet for longer
// than the proxy waits stays connected.

import assert from 'node:assert/strict';
import { connect as connectByHttp2 } from 'node:http2';
import { call, connect, soon } from './support.mjs';

const [url, ...paths] = process.argv.slice(2);
const STATUS = { event: 'api.services.status' };
const ONLINE = { event: 'api.services.status', data: 'online' };

/** With the server's pings a second apart, longer than the proxies' time-outs (15 s). */
const QUIET_PINGS = 17;

const enter = (path, generation, transport) => connect(url, generation, transport, { path, rejectUnauthorized: false });

async function play(path, generation, transport) {
  const socket = await enter(path, generation, transport);
  assert.deepEqual(await call(socket, STATUS), ONLINE);
  socket.close();
}

async function stayQuiet(path, transport) {
  const socket = await enter(path, '4', transport);
  let pings = 0;
  await soon(`${QUIET_PINGS} pings by ${transport}`, (done, failed) => {
    socket.io.engine.on('heartbeat', () => (pings += 1) === QUIET_PINGS && done());
    socket.once('disconnect', (why) => failed(new Error(`disconnected after ${pings} pings: ${why}`)));
  });
  assert.deepEqual(await call(socket, STATUS), ONLINE);
  socket.close();
}

/** Asks over one connection of HTTP/2. */
async function byHttp2(path) {
  const connection = connectByHttp2(url, { rejectUnauthorized: false });
  const ask = (method, query, body, { origin = `https://${new URL(url).host}`, status = 200 } = {}) =>
    new Promise((resolve, reject) => {
      const request = connection.request({ ':method': method, ':path': `${path}/?EIO=4&transport=polling${query}`, origin });
      let text = '';
      request.setEncoding('utf8');
      request.on('response', (headers) => assert.equal(headers[':status'], status));
      request.on('data', (data) => (text += data));
      request.on('end', () => resolve(text));
      request.on('error', reject);
      request.end(body);
    });
  /** The next packets beside pings, which come at any moment. */
  const poll = async (query) => {
    let packets = [];
    while (packets.length === 0) packets = (await ask('GET', query)).split('\x1e').filter((packet) => packet !== '2');
    return packets.join('\x1e');
  };
  const { sid } = JSON.parse((await ask('GET', '')).slice(1));
  const session = `&sid=${sid}`;
  await ask('POST', session, '40');
  assert.match(await poll(session), /^40\{/);
  // The poll waits while the call is sent.
  const answer = poll(session);
  await ask('POST', session, `421["event",${JSON.stringify(STATUS)}]`);
  assert.equal(await answer, `431[${JSON.stringify(ONLINE)}]`);
  const refused = await ask('GET', '', undefined, { origin: 'https://another.example', status: 403 });
  assert.match(refused, /--allowed-origins/);
  connection.close();
}

for (const path of paths) {
  const clients = ['2', '3', '4'].flatMap((generation) =>
    ['polling', 'websocket', 'upgraded'].map((transport) => play(path, generation, transport)));
  await Promise.all([...clients, byHttp2(path), stayQuiet(path, 'polling'), stayQuiet(path, 'websocket')]);
}
