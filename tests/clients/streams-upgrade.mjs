// Upgrades while streams without a window fill every poll: streams-upgrade.mjs URL GENERATION TIMES

import assert from 'node:assert/strict';
import { Down } from './frames.mjs';
import { Network } from './network.mjs';
import { call, check, connected, open, soon } from './support.mjs';

const [url, generation, times] = process.argv.slice(2);
const STREAMS = 6;
const event = 'api.services.status';

/** Opens streams as soon as it is connected, and upgrades when it is let: at once, or when frames of all have come by polling. */
async function upgrade(network, isLate) {
  if (isLate) network.hold(/transport=websocket/);
  const socket = open(network.url, generation, 'upgraded');
  await connected(socket);
  const { engine } = socket.io;
  const upgraded = soon('the upgrade', (done) => {
    if (engine.transport.name === 'websocket') done();
    else engine.once('upgrade', done);
  });
  let isOver = false;
  const reading = Array.from({ length: STREAMS }, async (_, number) => {
    const source = number % 2 ? ['api.stream.count', { to: 1e9 }] : ['api.stream.download', { bytes: 1e10 }];
    const down = await Down.open(socket, source[0], { data: source[1] });
    // A frame that is missing, doubled or out of order is an error there.
    const read = async (until) => {
      while (!until()) await down.frame();
    };
    await read(() => down.n >= 3);
    return read(() => isOver).then(() => down.cancel());
  });
  if (isLate) {
    await soon('a call beside them', (done) => call(socket, { event }).then(done));
    assert.equal(engine.transport.name, 'polling');
    network.release();
  }
  await upgraded;
  assert.equal(engine.transport.name, 'websocket');
  assert.deepEqual(await call(socket, { event }), { event, data: 'online' });
  isOver = true;
  await Promise.all(reading);
  socket.close();
}

for (let time = 0; time < Number(times); time += 1) {
  const network = await Network.to(url);
  await check(`upgrade ${time}`, () => upgrade(network, time % 2 === 1));
  network.close();
}
