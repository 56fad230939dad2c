// What waits when a page is loaded anew is not lost, nor done twice.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from './browser.mjs';
import { Network } from './network.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** What the tab keeps of calls. */
function kept({ page }) {
  return page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('updraft-calls')));
}

test('what was done offline is done after a reload, once', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const grace = await Visitor.at(browser, server.url);
  await ada.add('todo', 'one');
  await ada.settled();

  await ada.offline().check();
  await ada.phase('Offline');
  await ada.add('todo', 'two');
  await ada.drag('two', 'done');
  await ada.drop();
  await ada.phase('Offline, 2 calls queued');
  await ada.page.reload();
  await ada.phase('Live');
  for (const visitor of [ada, grace]) {
    await visitor.shows('todo', ['one']);
    await visitor.shows('done', ['two']);
    await visitor.settled();
    assert.equal(await visitor.figure('repeated'), 0);
  }
  assert.deepEqual(await kept(ada), []);

  await ada.page.reload();
  await ada.phase('Live');
  assert.equal(await ada.figure('calls'), 0);
  await ada.leave();
  await grace.leave();
  await server.end();
});

test('what waits is seen to wait after a reload, too', async () => {
  const server = await Server.start();
  const network = await Network.to(server);
  const ada = await Visitor.at(browser, network.url);
  await ada.add('todo', 'one');
  await ada.settled();

  // The page is still served, and nothing else.
  network.cut(/socket\.io/);
  await ada.phase('Server not reachable');
  await ada.add('todo', 'two');
  await ada.page.reload();
  await ada.phase('Server not reachable, 1 call queued');
  assert.equal(await ada.card('two').evaluate((card) => card.waits), true);
  network.restore();
  await ada.shows('todo', ['one', 'two']);
  assert.equal(await ada.figure('repeated'), 0);
  await ada.leave();
  network.close();
  await server.end();
});

test('what is refused after a reload is said, and taken back', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const grace = await Visitor.at(browser, server.url);
  await ada.add('todo', 'Fly');
  await ada.settled();
  await grace.has('todo', 'Fly');

  await ada.offline().check();
  await ada.phase('Offline');
  await ada.drag('Fly', 'done');
  await ada.drop();
  await ada.has('done', 'Fly');
  await grace.card('Fly').focus();
  await grace.page.keyboard.press('Delete');
  await grace.page.locator('time-line li').filter({ hasText: 'removed' }).waitFor();
  await ada.page.reload();
  await ada.page.getByText('Not saved, and undone: there is no such card').waitFor();
  await ada.hasNo('Fly');
  await ada.leave();
  await grace.leave();
  await server.end();
});

test('a call that was on its way when the page was left is done once', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  // The page that is left shows the card, too: what is looked at is the one that comes.
  const loaded = ada.page.waitForEvent('load');
  await ada.page.evaluate(() => {
    const app = document.querySelector('demo-app');
    const data = { id: 'left', title: 'left', column: 'todo' };
    const detail = { event: 'api.board.add', data };
    app.dispatchEvent(new CustomEvent('updraft-call', { detail, bubbles: true, composed: true }));
    location.reload();
  });
  await loaded;
  await ada.has('todo', 'left');
  await ada.settled();
  await ada.shows('todo', ['left']);
  // The same under another key would be refused: there is a card with this id.
  assert.equal(await ada.page.locator('.toast').count(), 0);
  await ada.leave();
  await server.end();
});
