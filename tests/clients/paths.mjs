// A client that looks for its server elsewhere: paths.mjs URL GENERATION TRANSPORT PATH

import assert from 'node:assert/strict';
import { connect, soon } from './support.mjs';

const [url, generation, transport, path] = process.argv.slice(2);
const socket = await connect(url, generation, transport, { path });
assert.equal(await soon('an ack', (done) => socket.emit('add', 1, 2, done)), 3);
socket.close();
