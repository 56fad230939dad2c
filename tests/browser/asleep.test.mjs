// A tab that sleeps, as browsers put those to sleep that nobody looks at: nothing in it runs until it is woken.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Visitor, launch, until } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/**
 * Puts a tab to sleep, and gives what wakes it. A browser without a screen freezes no tabs, since it hides none, but
 * its debugger stops all that runs in one.
 */
async function sleep({ context, page }) {
  const tab = await context.newCDPSession(page);
  await tab.send('Debugger.enable');
  const asleep = once(tab, 'Debugger.paused');
  await tab.send('Debugger.pause');
  // It stops at the next that would run.
  const next = page.evaluate(() => undefined);
  await asleep;
  return async () => {
    await tab.send('Debugger.resume');
    await next;
    await tab.detach();
  };
}

/** How often a page has been connected. */
function sessions({ page }) {
  return page.evaluate(() => document.querySelector('demo-app').link.connection.session);
}

/** The faces of who is here, as a visitor sees them. */
function faces({ page }) {
  return page.getByRole('list', { name: 'Who is here' }).getByRole('listitem');
}

/** Tells of Ada, who sleeps while Grace changes the board; gives how often Ada was connected before, and after. */
async function tell(server, untilWoken) {
  const ada = await Visitor.at(browser, server.url);
  const grace = await Visitor.at(browser, server.url);
  await ada.add('todo', 'one');
  await ada.add('todo', 'two');
  await ada.settled();
  await grace.shows('todo', ['one', 'two']);
  await faces(grace).nth(1).waitFor();
  const before = await sessions(ada);

  const wake = await sleep(ada);
  await grace.add('doing', 'theirs');
  await grace.drag('one', 'done');
  await grace.drop();
  await grace.card('two').focus();
  await grace.page.keyboard.press('Delete');
  await grace.page.locator('time-line li').filter({ hasText: 'two removed' }).waitFor();
  await grace.settled();
  await untilWoken(grace);

  await wake();
  await ada.add('todo', 'awake');
  for (const visitor of [ada, grace]) {
    await visitor.shows('todo', ['awake']);
    await visitor.shows('doing', ['theirs']);
    await visitor.shows('done', ['one']);
    await visitor.settled();
    assert.equal(await visitor.figure('repeated'), 0);
    assert.equal(await visitor.figure('events'), 6);
  }
  const after = await sessions(ada);
  await ada.leave();
  await grace.leave();
  return { before, after };
}

test('a tab that slept shows all that happened, once', async () => {
  const server = await Server.start('--ping-timeout', '10m');
  const { before, after } = await tell(server, () => undefined);
  assert.equal(after, before);
  await server.end();
});

test('a tab that slept until the server gave it up comes back, and shows all that happened, once', async () => {
  const server = await Server.start('--ping-interval', '2s', '--ping-timeout', '10s');
  const { before, after } = await tell(server, async (grace) => {
    // Who does not answer for so long is gone.
    await until(async () => (await faces(grace).count()) === 1);
  });
  assert.ok(after > before);
  await server.end();
});
