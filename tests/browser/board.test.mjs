// Two people at one board, each in a window of their own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** Tells a story with a server and two visitors of its own. */
function story(name, tell, options) {
  test(name, async () => {
    const server = await Server.start();
    try {
      const ada = await Visitor.at(browser, server.url, options);
      const grace = await Visitor.at(browser, server.url, options);
      await tell({ server, ada, grace });
      await ada.leave();
      await grace.leave();
    } finally {
      await server.end();
    }
  });
}

story('a card that is dragged in one window moves in the other', async ({ ada, grace }) => {
  await ada.add('todo', 'Fly');
  await ada.add('doing', 'Soar');
  await grace.has('todo', 'Fly');

  await ada.drag('Fly', 'doing');
  await grace.has('todo', 'Fly');
  await ada.drop();
  await grace.shows('doing', ['Fly', 'Soar']);
  await grace.shows('todo', []);
  await ada.shows('doing', ['Fly', 'Soar']);
});

story('a drag that is given up changes nothing', async ({ ada, grace }) => {
  await ada.add('todo', 'Fly');
  await ada.drag('Fly', 'done');
  await ada.has('done', 'Fly');
  await ada.page.keyboard.press('Escape');
  await ada.shows('todo', ['Fly']);
  await ada.drop();
  await ada.add('todo', 'Soar');
  await grace.shows('todo', ['Fly', 'Soar']);
});

story('a card goes by the keyboard', async ({ ada, grace }) => {
  await ada.add('todo', 'Fly');
  await ada.add('doing', 'Soar');
  await ada.add('doing', 'Land');
  await ada.card('Fly').focus();
  for (const key of ['Space', 'ArrowRight', 'ArrowDown', 'Space']) await ada.page.keyboard.press(key);
  await grace.shows('doing', ['Soar', 'Fly', 'Land']);
  await ada.shows('doing', ['Soar', 'Fly', 'Land']);
  const said = ada.page.locator('shared-board [role=status]');
  assert.equal(await said.textContent(), 'Fly, dropped: Doing, place 2.');

  // It has the focus still.
  await ada.page.keyboard.press('Enter');
  await ada.page.keyboard.type('Fly high');
  await ada.page.keyboard.press('Enter');
  await grace.shows('doing', ['Soar', 'Fly high', 'Land']);
  await ada.page.keyboard.press('Delete');
  await grace.shows('doing', ['Soar', 'Land']);
});

story('a card goes by touch, held at its grip', async ({ ada, grace }) => {
  await ada.add('todo', 'Fly');
  const touch = await ada.context.newCDPSession(ada.page);
  const from = await ada.card('Fly').locator('[data-grip]').boundingBox();
  const to = await ada.column('done').locator('.cards').boundingBox();
  const [x, y] = [from.x + 10, from.y + 15];
  const send = (type, ...touchPoints) => touch.send('Input.dispatchTouchEvent', { type, touchPoints });
  await send('touchStart', { x, y });
  for (let step = 1; step <= 8; step += 1) {
    await send('touchMove', { x: x + ((to.x + 60 - x) * step) / 8, y: y + ((to.y + 10 - y) * step) / 8 });
  }
  await ada.has('done', 'Fly');
  await send('touchEnd');
  await grace.shows('done', ['Fly']);
}, { hasTouch: true });

story('a title is edited in place, and a card removed', async ({ ada, grace }) => {
  await ada.add('todo', 'Fly');
  await ada.card('Fly').locator('.text').dblclick();
  const field = ada.card('').getByRole('textbox', { name: 'Title' });
  await field.fill('Fly far');
  await field.press('Escape');
  await ada.shows('todo', ['Fly']);
  await ada.card('Fly').hover();
  await ada.page.getByRole('button', { name: 'Edit Fly' }).click();
  await field.fill('Fly far');
  await field.press('Enter');
  await grace.shows('todo', ['Fly far']);

  await grace.card('Fly far').hover();
  await grace.page.getByRole('button', { name: 'Remove Fly far' }).click();
  await ada.shows('todo', []);
  await grace.shows('todo', []);
});

story('a change that is refused is taken back', async ({ ada, grace }) => {
  await ada.add('todo', 'Fly');
  await grace.has('todo', 'Fly');
  // While Ada is away, Grace removes what Ada moves.
  await ada.offline().check();
  await ada.phase(/Offline/);
  await ada.drag('Fly', 'done');
  await ada.drop();
  await ada.has('done', 'Fly');
  await grace.card('Fly').focus();
  await grace.page.keyboard.press('Delete');
  // What is gone from her board the server may not have heard of.
  await grace.page.locator('time-line li').filter({ hasText: 'removed' }).waitFor();
  await grace.shows('todo', []);
  await ada.offline().uncheck();
  await ada.page.getByText('Not saved, and undone: there is no such card').waitFor();
  await ada.shows('done', []);
  await ada.hasNo('Fly');
});

story('what waits is still seen after a look at the inspector', async ({ ada, grace }) => {
  await ada.offline().check();
  await ada.phase('Offline');
  await ada.add('todo', 'Fly');
  await ada.page.getByRole('link', { name: 'Inspector' }).click();
  await ada.page.locator('call-inspector').waitFor();
  assert.equal(await ada.card('Fly').isVisible(), false);
  await ada.page.getByRole('link', { name: 'Board' }).click();
  await ada.has('todo', 'Fly');
  await ada.offline().uncheck();
  await ada.shows('todo', ['Fly']);
  await grace.shows('todo', ['Fly']);
});

story('all see who is here, by name and color', async ({ ada, grace }) => {
  await ada.page.getByRole('button', { name: 'You are' }).click();
  await ada.page.getByRole('textbox', { name: 'Name' }).fill('Ada Lovelace');
  await ada.page.getByRole('radio', { name: 'Green' }).check();
  await ada.page.getByRole('button', { name: 'Done', exact: true }).click();
  const faces = grace.page.getByRole('list', { name: 'Who is here' }).getByRole('listitem');
  await faces.filter({ hasText: 'Ada Lovelace' }).waitFor();
  await faces.nth(1).waitFor();
  assert.equal(await faces.count(), 2);
  await ada.add('todo', 'Fly');
  await grace.card('Fly').getByText('Ada Lovelace').waitFor();
  await ada.page.close();
  await faces.filter({ hasText: 'Ada Lovelace' }).waitFor({ state: 'detached' });
});
