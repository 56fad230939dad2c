// A page that may only look, on a server whose clients show tokens: admin-reads.mjs URL TOKEN

import assert from 'node:assert/strict';
import { connect, connected, open, soon } from './support.mjs';

const [url, token] = process.argv.slice(2);
const auth = { username: 'ada', password: 'open sesame' };
const admin = open(`${url}/admin`, '4', 'websocket', { auth });
const told = (name) => soon(name, (done) => admin.once(name, done));
const [config] = await Promise.all([told('config'), connected(admin)]);
assert.deepEqual(config, { supportedFeatures: ['AGGREGATED_EVENTS'] });

// Its password opens nothing else.
const other = admin.io.socket('/', { auth });
const error = await soon('a refusal', (done) => other.once('connect_error', done));
assert.match(error.message, /token/);

const ada = await connect(url, '4', 'websocket', { auth: { token } });
const heard = [];
ada.onAny((...said) => heard.push(said));
const actions = [['emit', '/', null, 'hello'], ['join', '/', 'red'], ['leave', '/', 'red'], ['_disconnect', '/', true]];
for (const action of actions) {
  const refused = await soon('an ack', (done) => admin.emit(...action, done));
  assert.equal(refused?.error?.code, 'unknown_event', action[0]);
}
assert.equal(await ada.emitWithAck('echo', 'still here'), 'still here');
assert.deepEqual(heard, []);
for (let stats; stats?.namespaces.find(({ name }) => name === '/').socketsCount !== 1;) stats = await told('server_stats');
ada.close();
admin.close();
