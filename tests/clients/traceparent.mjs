// A page of which a trace knows calls a function: node traceparent.mjs URL EVENT TRACEPARENT

import assert from 'node:assert/strict';
import { call, connect } from './support.mjs';

const [url, event, traceparent] = process.argv.slice(2);
const socket = await connect(url, '4', 'websocket');
const answer = await call(socket, { event, data: 'one', traceparent });
assert.equal(answer.error, undefined);
console.log(JSON.stringify(answer.data ?? null));
socket.disconnect();
