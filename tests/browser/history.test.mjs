// What happened on the board, told and shown again: only what was.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** What the rows say, from the newest: the number, and what happened to which card. */
async function rows({ page }) {
  const texts = (name) => page.locator(`time-line li .${name}`).allTextContents();
  const [numbers, whats] = [await texts('number'), await texts('what')];
  return numbers.map((number, index) => `${number}: ${whats[index]}`);
}

function slider({ page }) {
  return page.getByRole('slider', { name: 'Moment' });
}

function words({ page }) {
  return page.locator('time-slider output').textContent();
}

/** Ada adds two cards, moves one and edits it, and removes the other: one event of five is not superseded. */
async function busy(ada) {
  await ada.add('todo', 'one');
  await ada.add('todo', 'two');
  await ada.drag('one', 'done');
  await ada.drop();
  await ada.shows('done', ['one']);
  await ada.card('one').focus();
  await ada.page.keyboard.press('Enter');
  await ada.page.keyboard.type('one again');
  await ada.page.keyboard.press('Enter');
  await ada.shows('done', ['one again']);
  await ada.card('two').focus();
  await ada.page.keyboard.press('Delete');
  await ada.shows('todo', []);
  await ada.settled();
  await ada.page.locator('time-line li').nth(4).waitFor();
}

test('after a reload every moment is shown as it was', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  await busy(ada);
  for (const when of ['before', 'after a reload', 'after a restart']) {
    if (when === 'after a restart') {
      await server.kill();
      await server.again();
    }
    if (when !== 'before') await ada.page.reload();
    await ada.phase('Live');
    const expected = [[0, [], []], [1, ['one'], []], [2, ['one', 'two'], []], [3, ['two'], ['one']], [4, ['two'], ['one again']]];
    for (const [moment, todo, done] of expected) {
      await slider(ada).fill(String(moment));
      await ada.shows('todo', todo);
      await ada.shows('done', done);
    }
    assert.deepEqual(await rows(ada), ['5: two removed', '4: one again edited', '3: one moved', '2: two added', '1: one added'], when);
    await ada.page.getByRole('button', { name: 'Back to now' }).click();
    assert.equal(await ada.page.locator('.begins').count(), 0);
    assert.equal(await ada.figure('repeated'), 0);
  }
  await ada.leave();
  await server.end();
});

test('where the server compacted what happened, the slider begins after it, and the page says so', async () => {
  const server = await Server.start();
  const grace = await Visitor.at(browser, server.url);
  await busy(grace);
  await grace.leave();
  await server.age(40);

  const ada = await Visitor.at(browser, server.url);
  await ada.shows('done', ['one again']);
  await ada.page.getByText('The history begins at').waitFor();
  assert.equal(await slider(ada).getAttribute('max'), '0');
  await ada.add('todo', 'three');
  await ada.settled();
  await ada.page.locator('time-line li').first().waitFor();
  assert.deepEqual(await rows(ada), ['1: three added']);
  await slider(ada).fill('0');
  assert.match(await words(ada), /, where this history begins$/);
  // Not the empty board that never was between those two.
  await ada.shows('done', ['one again']);
  await ada.shows('todo', []);
  await ada.leave();
  await server.end();
});

test('a moment has the number of its row', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  // What else the journal holds makes gaps between the places of the board's events.
  await ada.page.evaluate(() => {
    const app = document.querySelector('demo-app');
    const detail = { event: 'api.room.say', data: { room: 'lobby', message: 'gap' } };
    app.dispatchEvent(new CustomEvent('updraft-call', { detail, bubbles: true, composed: true }));
  });
  await busy(ada);
  await ada.page.reload();
  await ada.phase('Live');
  const row = ada.page.locator('time-line li').filter({ hasText: 'one moved' });
  await row.getByRole('button').click();
  assert.equal(await row.locator('.number').textContent(), '3');
  assert.match(await words(ada), /, after event 3 of 5$/);
  assert.equal(await slider(ada).inputValue(), '3');
  await ada.leave();
  await server.end();
});

test('a long title does not hide what happened to its card', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  await ada.add('todo', 'A title that goes on '.repeat(5).trim());
  await ada.settled();
  const panel = ada.page.locator('time-line .panel');
  for (const width of [1280, 390]) {
    await ada.page.setViewportSize({ width, height: 800 });
    const what = ada.page.locator('time-line li .what').getByText('added');
    const [seen, around] = [await what.boundingBox(), await panel.boundingBox()];
    const { right } = await what.evaluate((element) => element.closest('.what').getBoundingClientRect());
    assert.ok(seen.x + seen.width <= right + 1 && right <= around.x + around.width, `at ${width} px`);
  }
  await ada.card('A title').focus();
  await ada.page.keyboard.press('Delete');
  const undo = await ada.page.getByRole('button', { name: 'Undo' }).boundingBox();
  assert.ok(undo.x + undo.width <= 390);
  await ada.leave();
  await server.end();
});
