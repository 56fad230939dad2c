// The page by the keyboard alone: the focus is never lost, what was removed comes back, help is where it is needed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** Tells a story with a server and a visitor who has three cards. */
function story(name, tell, options) {
  test(name, async () => {
    const server = await Server.start();
    const ada = await Visitor.at(browser, server.url, options);
    for (const title of ['one', 'two', 'three']) await ada.add('todo', title);
    await ada.settled();
    await tell({ ada, server, key: (name) => ada.page.keyboard.press(name) });
    await ada.leave();
    await server.end();
  });
}

/** An undo that the mouse is on is offered for as long. */
function keepOffered(ada) {
  return ada.page.locator('.toast').hover();
}

function removed(ada, title) {
  return ada.page.getByRole('status').getByText(`Removed ${title}`);
}

story('a card that is removed leaves the focus to the next one', async ({ ada, key }) => {
  await ada.card('two').focus();
  await key('Delete');
  await ada.shows('todo', ['one', 'three']);
  assert.equal(await ada.focused(), 'three');
  await key('Delete');
  await ada.shows('todo', ['one']);
  assert.equal(await ada.focused(), 'one');
  await key('Backspace');
  await ada.shows('todo', []);
  assert.equal(await ada.focused(), 'Add a card to To do');
});

story('a card that is removed by its button, or by others, leaves the focus to the next one', async ({ ada, server }) => {
  await ada.page.getByRole('button', { name: 'Remove one' }).click();
  await ada.shows('todo', ['two', 'three']);
  assert.equal(await ada.focused(), 'two');
  const grace = await Visitor.at(browser, server.url);
  await grace.page.getByRole('button', { name: 'Remove two' }).click();
  await ada.shows('todo', ['three']);
  assert.equal(await ada.focused(), 'three');
  // Also where its title was being edited.
  await ada.page.keyboard.press('Enter');
  await ada.page.getByRole('textbox', { name: 'Title' }).waitFor();
  await grace.page.getByRole('button', { name: 'Remove three' }).click();
  await ada.shows('todo', []);
  assert.equal(await ada.focused(), 'Add a card to To do');
  await grace.leave();
});

story('what was removed comes back, where it was', async ({ ada, server, key }) => {
  const grace = await Visitor.at(browser, server.url);
  await ada.card('two').focus();
  await key('Delete');
  await keepOffered(ada);
  await grace.shows('todo', ['one', 'three']);
  await removed(ada, 'two').waitFor();
  await ada.page.getByRole('button', { name: 'Undo' }).click();
  for (const visitor of [ada, grace]) await visitor.shows('todo', ['one', 'two', 'three']);
  assert.equal(await ada.focused(), 'two');
  await removed(ada, 'two').waitFor({ state: 'detached' });

  // By the keyboard, one after the other, also before the server has heard of it.
  await ada.offline().check();
  await ada.phase('Offline');
  await ada.card('one').focus();
  await key('Delete');
  await key('Delete');
  await ada.phase('Offline, 2 calls queued');
  await removed(ada, 'two').waitFor();
  await key('Control+z');
  await removed(ada, 'one').waitFor();
  await key('Control+z');
  await ada.phase('Offline, 4 calls queued');
  assert.equal(await ada.focused(), 'one');
  await ada.offline().uncheck();
  for (const visitor of [ada, grace]) await visitor.shows('todo', ['one', 'two', 'three']);
  assert.equal(await ada.page.locator('.toast').count(), 0);
  await grace.leave();
});

story('no button takes the focus with it', async ({ ada, key }) => {
  await ada.card('two').focus();
  await key('Delete');
  await ada.page.getByRole('button', { name: 'Close' }).focus();
  await key('Enter');
  await ada.page.locator('.toast').waitFor({ state: 'detached' });
  assert.equal(await ada.focused(), 'three');
  await ada.page.getByRole('slider', { name: 'Moment' }).fill('1');
  await ada.page.getByRole('button', { name: 'Back to now' }).focus();
  await key('Enter');
  await ada.shows('todo', ['one', 'three']);
  assert.equal(await ada.focused(), 'Moment');
});

story('a row that is pushed off the timeline leaves the focus to the last one', async ({ ada }) => {
  const events = (count) => ada.page.evaluate(([from, to]) => {
    const app = document.querySelector('demo-app');
    for (let number = from; number < to; number += 1) {
      const detail = { event: 'api.board.edit', data: { id: 'edited', title: `Title ${number}` } };
      app.dispatchEvent(new CustomEvent('updraft-call', { detail, bubbles: true, composed: true }));
    }
  }, count);
  await ada.page.evaluate(() => {
    const detail = { event: 'api.board.add', data: { id: 'edited', title: 'Title', column: 'done' } };
    document.querySelector('demo-app').dispatchEvent(new CustomEvent('updraft-call', { detail, bubbles: true, composed: true }));
  });
  await events([0, 60]);
  const rows = ada.page.locator('time-line li');
  await rows.filter({ hasText: 'Title 59' }).waitFor();
  const last = rows.last().locator('.number');
  assert.equal(await last.textContent(), '5');
  await rows.last().getByRole('button').focus();
  await events([60, 62]);
  await rows.filter({ hasText: 'Title 61' }).waitFor();
  assert.equal(await last.textContent(), '7');
  assert.equal(await ada.focused(), 'button');
  assert.equal(await rows.last().getByRole('button').evaluate((button) => button.matches(':focus')), true);
});

story('help for the keyboard is seen where a card has the focus, and says what keys do now', async ({ ada, key }) => {
  const help = ada.page.locator('shared-board .keys');
  const seen = async () => (await help.filter({ visible: true }).allInnerTexts()).join();
  assert.equal(await seen(), '');
  await ada.column('todo').getByPlaceholder('Add a card').focus();
  // Back over the buttons of the last card to the card.
  for (const _ of ['Remove', 'Edit', 'the card']) await key('Shift+Tab');
  assert.equal(await ada.focused(), 'three');
  assert.match(await seen(), /Space lifts the card, Enter edits it, Delete removes it, Ctrl Z brings it back/);
  await key('Space');
  assert.match(await seen(), /Arrow keys move the card, Space drops it, Escape puts it back/);
  await key('Escape');
  await key('Enter');
  assert.match(await seen(), /Enter saves/);
  await key('Escape');
  await key('Delete');
  await keepOffered(ada);
  assert.match(await seen(), /Space lifts the card/);
  // Beside the offer to undo, and neither over it nor over the card.
  await removed(ada, 'three').waitFor();
  const boxes = [help.filter({ visible: true }), ada.page.locator('.toast'), ada.card('two')];
  const [text, toast, card] = await Promise.all(boxes.map((box) => box.boundingBox()));
  assert.ok(text.y + text.height <= toast.y && card.y + card.height <= text.y);
  await ada.card('one').hover();
  await ada.page.mouse.click(5, 5);
  assert.equal(await seen(), '');
});

test('edit and remove are found without hovering, and a card has no empty half', async () => {
  const server = await Server.start();
  const titles = ['Fly', 'Fold the events into a board, backlog and live alike, and show it to all who are here'];
  for (const [viewport, hasTouch] of [[{ width: 1280, height: 800 }, false], [{ width: 390, height: 844 }, true]]) {
    const ada = await Visitor.at(browser, server.url, { viewport, hasTouch, reducedMotion: 'reduce' });
    const title = titles.shift();
    await ada.add('todo', title);
    await ada.settled();
    await ada.page.mouse.move(1, 1);
    await ada.page.evaluate(() => document.querySelector('demo-app').shadowRoot.activeElement?.blur());
    const card = ada.card(title);
    for (const name of [`Edit ${title}`, `Remove ${title}`]) {
      const button = card.getByRole('button', { name });
      const { opacity, visibility } = await button.evaluate((element) => {
        const { opacity, visibility } = getComputedStyle(element.parentElement);
        return { opacity, visibility };
      });
      assert.deepEqual({ opacity, visibility }, { opacity: '1', visibility: 'visible' });
      const { width, height } = await button.boundingBox();
      const least = hasTouch ? 40 : 24;
      assert.ok(width >= least && height >= least, `${width} by ${height}`);
    }
    // The title has the whole width beside the grip, and each line below it something in it, from end to end.
    const [whole, text, foot] = await Promise.all([card, card.locator('.text'), card.locator('.foot')].map((box) => box.boundingBox()));
    assert.ok(text.width > whole.width * 0.85, `a title of ${text.width} in ${whole.width}`);
    const last = await card.getByRole('button').last().boundingBox();
    assert.ok(last.x + last.width > whole.x + whole.width - 12);
    assert.ok(foot.y - (text.y + text.height) < 4 && whole.y + whole.height - (foot.y + foot.height) < 8);
    await ada.leave();
  }
  await server.end();
});

test('what the faces say is to be read without hovering', async () => {
  const server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  const grace = await Visitor.at(browser, server.url);
  await grace.page.getByRole('button', { name: 'You are' }).click();
  await grace.page.getByRole('textbox', { name: 'Name' }).fill('Grace Hopper');
  await grace.page.keyboard.press('Enter');
  await ada.page.getByRole('button', { name: 'You are' }).click();
  await ada.page.getByRole('dialog').getByText('Grace Hopper').waitFor();
  await ada.page.keyboard.press('Escape');
  await ada.leave();
  await grace.leave();
  await server.end();
});
