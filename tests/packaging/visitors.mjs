// Connections that come one after the other, until standard input ends: visitors.mjs HOST PORT. Each asks a server whether it runs.
// Prints how many came, how they went, and how long the longest waited, as JSON.

import { connect } from 'node:net';

const [host, port] = process.argv.slice(2);
let isOver = false;
process.stdin.on('end', () => (isOver = true)).resume();

const went = { came: 0, answered: 0, closed: 0, refused: 0, longest: 0 };

/** How one went: only what the system does not let in is refused. */
function visit() {
  return new Promise((done) => {
    let [answer, isConnected] = ['', false];
    const socket = connect({ host, port: Number(port) });
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      isConnected = true;
      socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    });
    socket.on('data', (data) => (answer += data));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!isConnected) return done('refused');
      done(answer.startsWith('HTTP/1.1 200') ? 'answered' : 'closed');
    });
  });
}

while (!isOver) {
  const from = performance.now();
  went.came += 1;
  went[await visit()] += 1;
  went.longest = Math.max(went.longest, Math.round(performance.now() - from));
}
console.log(JSON.stringify(went));
