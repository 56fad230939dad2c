// The page over a network that is slow, and cut in the middle.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch, until } from './browser.mjs';
import { Network } from './network.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const DELAY = 300;
const SLOW = { delay: DELAY, rate: 25_000 };

/** Cards that take a while over it. */
const CARDS = 200;

/** How often a page is loaded to see it catch up: one that draws too seldom shows nothing of it. */
const ROUNDS = 10;

/** Asks for so many cards, as any element may, and waits for the answers. */
async function fill({ page }, cards) {
  await page.evaluate((count) => {
    const app = document.querySelector('demo-app');
    for (let number = 0; number < count; number += 1) {
      const data = { id: `card-${number}`, title: `Card ${number}`, column: 'todo' };
      const detail = { event: 'api.board.add', data };
      app.dispatchEvent(new CustomEvent('updraft-call', { detail, bubbles: true, composed: true }));
    }
  }, cards);
  await page.waitForFunction(
    (count) => document.querySelector('demo-app').link.connection.tally.answers === count, cards,
  );
}

/** What a page that is loaded from now on shows of how far it has caught up. */
async function progressOf({ page }) {
  const seen = [];
  await page.exposeFunction('saw', (progress) => seen.push(progress));
  await page.addInitScript(() => {
    const look = () => {
      const { connection } = document.querySelector('demo-app')?.link ?? {};
      if (connection?.phase === 'catching-up') window.saw(connection.progress);
      requestAnimationFrame(look);
    };
    look();
  });
  return seen;
}

/** Grace has filled the board, and Ada, whose network is slow, has seen a part of it. */
async function catchingUp(server) {
  const grace = await Visitor.at(browser, server.url);
  await fill(grace, CARDS);
  const network = await Network.to(server, SLOW);
  const ada = await Visitor.at(browser, network.url);
  const seen = await progressOf(ada);
  const isAmid = () => seen.some(({ at, of }) => 0 < at && at < of);
  const isLive = () => ada.page.locator('connection-status .phase').filter({ hasText: /^\s*Live\s*$/ }).isVisible();
  for (let round = 0; round < ROUNDS && !isAmid(); round += 1) {
    await ada.page.reload();
    await until(async () => isAmid() || (await isLive()));
  }
  assert.ok(isAmid(), JSON.stringify(seen));
  return { network, grace, ada, seen };
}

test('a page that comes late shows how far it has caught up, and draws it all', async () => {
  const server = await Server.start();
  const { network, grace, ada, seen } = await catchingUp(server);
  await ada.phase('Live');
  await ada.column('todo').locator('board-card').nth(CARDS - 1).waitFor();
  const { at: last } = await ada.page.evaluate(() => document.querySelector('demo-app').link.connection.progress);
  for (const { at, of } of seen.filter((progress) => progress.of > 0)) assert.ok(at <= of && of === last, `${at} of ${of}`);
  assert.equal(await ada.figure('events'), CARDS);
  assert.equal(await ada.figure('repeated'), 0);
  await ada.leave();
  await grace.leave();
  network.close();
  await server.end();
});

test('over a slow network all works, later', async () => {
  const server = await Server.start();
  const network = await Network.to(server, SLOW);
  const ada = await Visitor.at(browser, network.url);
  const grace = await Visitor.at(browser, server.url);
  await ada.add('todo', 'one');
  await ada.add('todo', 'two');
  await grace.add('doing', 'theirs');
  await ada.drag('one', 'done');
  await ada.drop();
  await ada.has('done', 'one');
  for (const visitor of [ada, grace]) {
    await visitor.shows('todo', ['two']);
    await visitor.shows('doing', ['theirs']);
    await visitor.shows('done', ['one']);
    await visitor.settled();
    assert.equal(await visitor.figure('repeated'), 0);
  }
  // There and back.
  assert.ok((await ada.figure('latency')) > DELAY);
  await ada.leave();
  await grace.leave();
  network.close();
  await server.end();
});

test('a slow network that is cut while the page catches up loses nothing, and doubles nothing', async () => {
  const server = await Server.start();
  const { network, grace, ada } = await catchingUp(server);
  network.cut();
  await ada.phase(/^\s*Server not reachable/);
  await grace.add('doing', 'meanwhile');
  await ada.add('done', 'theirs');
  network.restore();
  await ada.phase('Live');
  for (const visitor of [ada, grace]) {
    await visitor.shows('doing', ['meanwhile']);
    await visitor.shows('done', ['theirs']);
    await visitor.settled();
    assert.equal(await visitor.column('todo').locator('board-card').count(), CARDS);
    assert.equal(await visitor.figure('repeated'), 0);
  }
  assert.equal(await ada.figure('events'), CARDS + 2);
  await ada.leave();
  await grace.leave();
  network.close();
  await server.end();
});

test('a call whose answer is cut off is sent again, and done once', async () => {
  const server = await Server.start();
  const network = await Network.to(server, SLOW);
  const ada = await Visitor.at(browser, network.url);
  const grace = await Visitor.at(browser, server.url);
  network.hold();
  await ada.add('todo', 'once');
  // It is done, and its answer is on its way.
  await grace.has('todo', 'once');
  network.cut();
  await ada.phase('Server not reachable, 1 call queued');
  network.restore();
  await ada.phase('Live');
  for (const visitor of [ada, grace]) {
    await visitor.shows('todo', ['once']);
    await visitor.settled();
    assert.equal(await visitor.figure('repeated'), 0);
  }
  assert.equal(await ada.figure('events'), 1);
  await ada.leave();
  await grace.leave();
  network.close();
  await server.end();
});

test('where a network carries no WebSockets the page works by polling', async () => {
  const server = await Server.start();
  const network = await Network.to(server);
  network.cut(/transport=websocket/);
  const ada = await Visitor.at(browser, network.url);
  const grace = await Visitor.at(browser, server.url);
  const sent = ada.sent();
  await ada.add('todo', 'one');
  await grace.shows('todo', ['one']);
  await grace.add('todo', 'two');
  await ada.shows('todo', ['one', 'two']);
  await ada.settled();
  await until(() => sent.some((packet) => packet.startsWith('42') && packet.includes('"api.board.add"')));
  assert.equal(await ada.figure('repeated'), 0);
  await ada.leave();
  await grace.leave();
  network.close();
  await server.end();
});
