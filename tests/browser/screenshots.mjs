// Pictures of the page in each of its states, in target/screenshots: `make screenshots`. Three of them are kept in
// docs/images.

import { mkdir } from 'node:fs/promises';
import { Visitor, launch, until } from './browser.mjs';
import { Server } from './server.mjs';

const FOLDER = new URL('../../target/screenshots/', import.meta.url).pathname;
await mkdir(FOLDER, { recursive: true });

const DESK = { width: 1120, height: 600 };
const PHONE = { width: 390, height: 844 };

const browser = await launch();
const server = await Server.start();

/** Enters under a name and a color of one's own. */
async function enter(name, color, options = {}) {
  const context = { viewport: DESK, deviceScaleFactor: 1, reducedMotion: 'reduce', ...options };
  const visitor = await Visitor.at(browser, server.url, context);
  await visitor.page.evaluate((kept) => sessionStorage.setItem('updraft-visitor', kept), JSON.stringify({ name, color }));
  await visitor.page.reload();
  await visitor.phase('Live');
  return visitor;
}

async function picture({ page }, name) {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `${FOLDER}${name}.png` });
}

const ada = await enter('Ada', '#1f6fb2');
await picture(ada, 'empty');
const grace = await enter('Grace', '#b3423a', { colorScheme: 'dark' });
const mary = await enter('Mary', '#3f7a35', { viewport: PHONE, hasTouch: true });

await ada.add('todo', 'Measure the thermal over the south ridge');
await ada.add('todo', 'Ask for the spare harness');
await grace.add('todo', 'Check the radio batteries');
await grace.add('doing', 'Fold the events into a board, backlog and live alike');
await mary.add('doing', 'Patch the left wing');
await ada.add('doing', 'Weather briefing');
await mary.add('done', 'Clear the landing field');
await grace.drag('Check the radio', 'done');
await grace.drop();
await ada.shows('done', ['Check the radio batteries', 'Clear the landing field']);
await mary.shows('done', ['Check the radio batteries', 'Clear the landing field']);

await picture(grace, 'board-dark');
await picture(mary, 'phone');
await ada.drag('Patch the left wing', 'done');
await picture(ada, 'board');
await ada.page.keyboard.press('Escape');
await ada.drop();

await grace.page.getByRole('slider', { name: 'Moment' }).fill('5');
await picture(grace, 'moment');
await grace.page.getByRole('button', { name: 'Back to now' }).click();

await ada.card('Weather briefing').focus();
await ada.page.keyboard.press('Enter');
await picture(ada, 'edit');
await ada.page.keyboard.press('Escape');

await ada.settled();
await ada.offline().check();
await ada.phase('Offline');
await ada.add('todo', 'Read the wind at the tower');
await ada.drag('Weather briefing', 'done');
await ada.drop();
await ada.phase(/2 calls queued/);
await picture(ada, 'offline');
await ada.offline().uncheck();
await ada.page.getByText('nothing lost').waitFor();
await picture(ada, 'back');

await grace.page.getByRole('button', { name: 'You are' }).click();
await picture(grace, 'visitor');
await grace.page.keyboard.press('Escape');

await ada.page.goto(`${server.url}/#inspector`);
await ada.page.setViewportSize({ ...DESK, height: 940 });
const send = ada.page.getByRole('button', { name: 'Send' });
const ofName = (name) => ada.page.getByRole('button', { name });
for (const form of ['Buffer', 'JSON']) {
  await ada.page.getByRole('radio', { name: form }).check();
  await send.click();
}
await ada.page.locator('.outcomes li').nth(1).waitFor();
await ofName('api.stream.upload').click();
const film = { name: 'film.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(8_000_000, 'updraft') };
await ada.page.getByLabel('Upload a file').setInputFiles(film);
await send.click();
await ada.page.getByRole('status').filter({ hasText: 'stream ended' }).waitFor();
await ofName('api.stream.download').click();
await ada.page.getByLabel('Data').fill(JSON.stringify({ bytes: 6e8 }, null, 2));
await send.click();
// About a third of it has come.
await until(() => ada.page.locator('progress').first().evaluate(({ value, max }) => value > 0.3 * max));
await ada.page.evaluate(() => scrollTo(0, 0));
await picture(ada, 'inspector');
await ada.page.getByRole('button', { name: 'Cancel', exact: true }).click();
await ada.page.setViewportSize(DESK);
await mary.page.evaluate(() => scrollTo(0, 0));
await picture(mary, 'phone-top');

await mary.page.goto(`${server.url}/#inspector`);
await picture(mary, 'phone-inspector');
await mary.page.goto(`${server.url}/#board`);
await ada.page.goto(`${server.url}/#board`);
await ada.card('Ask for the spare').focus();
await ada.page.keyboard.press('Delete');
await ada.page.getByRole('button', { name: 'Undo' }).waitFor();
await picture(ada, 'undo');
await mary.page.getByRole('button', { name: 'Remove Read the wind' }).click();
await mary.page.getByRole('button', { name: 'Undo' }).waitFor();
await picture(mary, 'phone-undo');

await server.kill();
await grace.phase('Server not reachable');
await picture(grace, 'connecting');

await browser.close();
await server.end();
console.log(`The pictures are in ${FOLDER}`);
