// What the page says of its connection is how it stands, in plain words.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from './browser.mjs';
import { Network } from './network.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('figures say what they count', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  await ada.add('todo', 'Fly');
  await ada.settled();
  const terms = await ada.page.locator('connection-status dl div').allInnerTexts();
  const said = terms.map((text) => text.replace(/\s+/g, ' ').trim());
  assert.match(said[0], /^Round trip \d+ ms$/);
  assert.deepEqual(said.slice(1), ['Calls 1', 'Waiting 0', 'Events 1', 'Duplicates 0']);
  await ada.leave();
  await server.end();
});

test('where the server is gone the page says so, and does not ask to go offline', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const faces = ada.page.getByRole('list', { name: 'Who is here' }).getByRole('listitem');
  await ada.hint('Go offline');
  await faces.first().waitFor();
  await server.kill();
  await ada.phase('Server not reachable');
  await ada.hint(/^\s*The server does not answer; the page keeps trying\. Your changes wait here, and are sent once the server is back\.\s*$/);
  // Nor does it pretend to know who is there.
  await faces.first().waitFor({ state: 'detached' });
  await server.again();
  await ada.phase('Live');
  await ada.leave();
  await server.end();
});

test('a server that was never there is not an empty board', async () => {
  const server = await Server.start();
  const network = await Network.to(server);
  network.cut(/socket\.io/);
  const ada = await Visitor.at(browser, network.url, { phase: 'Server not reachable' });
  await ada.column('todo').getByText('Not loaded yet').waitFor();
  await ada.page.locator('time-line').getByText('Not loaded yet').waitFor();
  network.restore();
  await ada.phase('Live');
  await ada.column('todo').getByText('Nothing here yet').waitFor();
  await ada.leave();
  network.close();
  await server.end();
});

test('a server that takes in nothing more is not live', async () => {
  // The heartbeat fails later: that would be said otherwise.
  const server = await Server.start('--ping-timeout', '10m');
  const ada = await Visitor.at(browser, server.url);
  server.halt();
  await ada.phase('Server is not answering');
  await ada.hint(/^\s*Your changes wait here/);
  await server.kill();
  await ada.phase('Server not reachable');
  await server.again();
  await ada.phase('Live');
  await ada.leave();
  await server.end();
});

test('a network that is gone is not the server', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  await ada.context.setOffline(true);
  await server.kill();
  await ada.phase('No network');
  await ada.hint('This device has no network');
  await ada.context.setOffline(false);
  await ada.phase('Server not reachable');
  await server.again();
  await ada.phase('Live');
  await ada.leave();
  await server.end();
});

test('a board that cannot be read is not said to be on its way', async () => {
  const server = await Server.start('--max-subscriptions', '0');
  const ada = await Visitor.at(browser, server.url, { phase: 'Connected, but "board" cannot be read' });
  await ada.hint(/^\s*The server says: .*at most.* \(too_large\)\s*$/);
  await ada.column('todo').getByText('Not loaded yet').waitFor();
  // What else the server does, it does.
  await ada.page.locator('[data-figure=latency]').filter({ hasText: /\d/ }).waitFor();
  await server.kill();
  await server.again();
  await ada.phase('Live');
  await ada.leave();
  await server.end();
});

test('a connection that is refused for want of a token says so, and is tried again', async () => {
  const server = await Server.start('--auth-secrets', 'a secret that is long enough for HS256 and more');
  const ada = await Visitor.at(browser, server.url, { phase: 'Connection refused' });
  await ada.hint(/^\s*The server says: \S.*token.* \(unauthenticated\)\s*$/);
  await server.kill();
  await server.again();
  await ada.phase('Live');
  await ada.hint('Go offline');
  await ada.leave();
  await server.end();
});

test('a connection that is refused for the origin of the page says so', async () => {
  const server = await Server.start();
  // A proxy that names the server otherwise than the page does.
  const network = await Network.to(server, { host: 'updraft.internal' });
  const ada = await Visitor.at(browser, network.url, { phase: 'Connection refused' });
  await ada.hint(/^\s*The server says: .*--allowed-origins/);
  await ada.leave();
  network.close();
  await server.end();
});
