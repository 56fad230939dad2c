// What each generation may ask for and few do: faults.mjs URL GENERATION TRANSPORT

import assert from 'node:assert/strict';
import { call, connect, open, soon } from './support.mjs';

const [url, generation, transport] = process.argv.slice(2);
const STATUS = { event: 'api.services.status', data: 'online' };

// Bytes as text, over every transport.
const data = Buffer.from([0, 1, 128, 255]);
const textual = await connect(url, generation, transport, { forceBase64: true });
for (let time = 0; time < 3; time += 1) {
  const answer = await call(textual, { event: 'api.services.test.testFunc', data });
  assert.deepEqual(answer, { event: 'api.services.test.testFunc', data });
}
textual.close();

// A subprotocol: a client is strict about the answer to it.
const strict = await connect(url, generation, transport, { protocols: ['v1.chat', 'v2.chat'] });
assert.deepEqual(await call(strict, ['api.services.status']), STATUS);
strict.close();

// A namespace with a query: the query is no part of its name.
const asked = await connect(`${url}/?x=1`, generation, transport);
assert.deepEqual(await call(asked, ['api.services.status']), STATUS);
asked.close();
const stranger = open(`${url}/nope?x=1`, generation, transport);
const refused = await soon('to be refused', (done) => {
  stranger.once(generation === '2' ? 'error' : 'connect_error', done);
});
assert.equal(refused.message ?? refused, 'Invalid namespace');
stranger.close();
