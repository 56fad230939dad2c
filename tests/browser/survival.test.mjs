// What the page survives: a server that goes and comes back, a visitor who is away, a page that is too old.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch, until } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('the server is killed and started again while two windows are open', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const grace = await Visitor.at(browser, server.url);
  await ada.add('todo', 'before');
  await grace.has('todo', 'before');
  await ada.settled();

  await server.kill();
  await ada.phase('Server not reachable');
  await grace.phase('Server not reachable');
  await ada.add('todo', 'meanwhile');
  await ada.phase('Server not reachable, 1 call queued');
  await server.again();
  await grace.shows('todo', ['before', 'meanwhile']);
  await ada.shows('todo', ['before', 'meanwhile']);
  await ada.phase('Live');

  await ada.drag('before', 'done');
  await ada.drop();
  await grace.shows('done', ['before']);
  for (const visitor of [ada, grace]) {
    await visitor.settled();
    assert.equal(await visitor.figure('repeated'), 0);
    assert.equal(await visitor.figure('waiting'), 0);
    await visitor.leave();
  }
  await server.end();
});

test('what is done offline is queued, and nothing is lost or doubled', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const grace = await Visitor.at(browser, server.url);
  await ada.add('todo', 'one');
  await grace.has('todo', 'one');
  await ada.settled();

  await ada.offline().check();
  await ada.phase('Offline');
  await ada.add('todo', 'two');
  await ada.drag('one', 'done');
  await ada.drop();
  await ada.phase('Offline, 2 calls queued');
  await grace.add('doing', 'theirs');
  await grace.shows('todo', ['one']);

  await ada.offline().uncheck();
  await ada.phase('Live');
  for (const visitor of [ada, grace]) {
    await visitor.shows('todo', ['two']);
    await visitor.shows('doing', ['theirs']);
    await visitor.shows('done', ['one']);
  }
  await ada.page.getByText(/^Back: \d+ calls sent and answered, \d+ events? received, nothing lost, no duplicates\.$/).waitFor();
  assert.equal(await ada.figure('repeated'), 0);
  await ada.leave();
  await grace.leave();
  await server.end();
});

test('a call whose answer never came is sent again, under the same key', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const sent = ada.sent();
  await ada.page.reload();
  await ada.phase('Live');
  const adds = () => sent.filter((packet) => packet.includes('"api.board.add"'));

  server.halt();
  await ada.add('todo', 'once');
  await ada.page.waitForFunction(() => document.querySelector('demo-app').link.connection.waiting > 0);
  await server.kill();
  await ada.phase(/^\s*Server not reachable/);
  await server.again();
  await ada.shows('todo', ['once']);
  await ada.phase('Live');
  // What the browser tells of its frames may come later than what the page shows.
  await until(() => adds().length >= 2);
  const keys = adds().map((packet) => JSON.parse(packet.slice(packet.indexOf('[')))[1].id);
  assert.equal(new Set(keys).size, 1);
  assert.equal(keys[0].length, 36);
  await ada.leave();
  await server.end();
});

test('what a page asks by itself is not queued, nor asked again', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const sent = ada.sent();
  await ada.page.reload();
  await ada.phase('Live');
  const asked = (event) => sent.filter((packet) => packet.includes(`"${event}"`));
  await until(() => asked('api.presence.enter').length > 0);

  // It measures how long an answer takes, and this one never comes.
  server.halt();
  const before = asked('api.services.status').length;
  await until(() => asked('api.services.status').length > before);
  await server.kill();
  await ada.phase('Server not reachable');
  await server.again();
  await ada.phase('Live');
  await until(() => asked('api.presence.enter').length >= 2);
  // What the link asks for its topics has none: to subscribe twice is to subscribe.
  const calls = sent.filter((packet) => packet.startsWith('42') && !packet.includes('"topic.subscribe"'));
  const keys = calls.map((packet) => /"id":"([^"]+)"/.exec(packet)[1]);
  assert.equal(new Set(keys).size, keys.length);
  await ada.leave();
  await server.end();
});

test('a server that stops says so, and calls wait for the next one', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const heard = [];
  ada.page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => heard.push(String(payload))));
  await ada.page.reload();
  await ada.phase('Live');
  const stopped = server.stop();
  await ada.phase('Server not reachable');
  await stopped;
  await until(() => heard.includes('42["event",{"event":"server.draining"}]'));
  await ada.add('todo', 'later');
  await server.again();
  await ada.phase('Live');
  await ada.shows('todo', ['later']);
  await ada.leave();
  await server.end();
});

test('a page that is too old says so, and loads itself anew once', async () => {
  const server = await Server.start('--min-client', '99.0.0');
  const ada = await Visitor.at(browser, server.url);
  const notice = ada.page.getByRole('alert').filter({ hasText: 'the server needs version 99.0.0' });
  await notice.waitFor();
  await ada.page.waitForFunction(() => performance.getEntriesByType('navigation')[0]?.type === 'reload');
  const loaded = () => ada.page.evaluate(() => performance.timeOrigin);
  const once = await loaded();
  await ada.phase('Live');
  await notice.waitFor();
  // What it got is as old. It stays, works, and leaves it to the person.
  await ada.add('todo', 'Fly');
  await ada.settled();
  assert.equal(await loaded(), once);
  const again = ada.page.waitForEvent('load');
  await notice.getByRole('button', { name: 'Reload' }).click();
  await again;
  await ada.shows('todo', ['Fly']);
  await ada.leave();
  await server.end();
});

test('any earlier moment of the board is seen again', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  await ada.add('todo', 'one');
  await ada.add('todo', 'two');
  await ada.drag('one', 'done');
  await ada.drop();
  await ada.shows('done', ['one']);
  const rows = ada.page.locator('time-line li');
  await rows.nth(2).waitFor();
  assert.match(await rows.nth(0).innerText(), /^one\s+moved\s/);
  assert.match(await rows.nth(2).innerText(), /^one\s+added\s+1\s+\S+ · live\s/);

  const slider = ada.page.getByRole('slider', { name: 'Moment' });
  await slider.fill('2');
  await ada.shows('todo', ['one', 'two']);
  await slider.fill('1');
  await ada.shows('todo', ['one']);
  await slider.fill('0');
  await ada.shows('todo', []);
  // The past cannot be changed, and does not stop the present.
  assert.equal(await ada.page.getByPlaceholder('Add a card').first().isVisible(), false);
  const grace = await Visitor.at(browser, server.url);
  await grace.add('doing', 'three');
  await rows.nth(3).waitFor();
  await ada.shows('doing', []);
  await ada.page.getByRole('button', { name: 'Back to now' }).click();
  await ada.shows('todo', ['two']);
  await ada.shows('doing', ['three']);

  // To whoever came later it is all backlog.
  await grace.page.reload();
  await grace.page.locator('time-line li').filter({ hasText: 'backlog' }).nth(2).waitFor();
  await grace.page.locator('time-line li').filter({ hasText: 'one moved' }).getByRole('button').click();
  await ada.leave();
  await grace.leave();
  await server.end();
});
