// The page at two nodes of one database.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from './browser.mjs';
import { Database } from './database.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** The faces that a visitor sees, or those of one name. */
function faces({ page }, name) {
  const all = page.getByRole('list', { name: 'Who is here' }).getByRole('listitem');
  return name === undefined ? all : all.filter({ hasText: name });
}

async function enter(server, name) {
  const visitor = await Visitor.at(browser, server.url);
  await visitor.page.getByRole('button', { name: 'You are' }).click();
  await visitor.page.getByRole('textbox', { name: 'Name' }).fill(name);
  await visitor.page.getByRole('button', { name: 'Done', exact: true }).click();
  return visitor;
}

test('visitors of all nodes see each other, and those of a node that is killed are gone', async () => {
  const database = await Database.start();
  const [stays, dies] = await Promise.all([0, 1].map(() => Server.start('--database', database.url)));
  const ada = await enter(stays, 'Ada');
  const grace = await enter(dies, 'Grace');
  for (const visitor of [ada, grace]) {
    await faces(visitor, 'Ada').waitFor();
    await faces(visitor, 'Grace').waitFor();
    assert.equal(await faces(visitor).count(), 2);
  }
  // One who comes late is told of both, by the same handler.
  const mary = await enter(stays, 'Mary');
  await faces(mary, 'Grace').waitFor();
  await faces(grace, 'Mary').waitFor();
  if (process.env.SCREENSHOT) await ada.page.screenshot({ path: process.env.SCREENSHOT });

  await dies.kill();
  await faces(ada, 'Grace').waitFor({ state: 'detached' });
  await faces(ada, 'Mary').waitFor();
  // Where the node was, nobody is known to be there, until it is back.
  await faces(grace).first().waitFor({ state: 'detached' });
  await dies.again('--database', database.url);
  await grace.phase('Live');
  await faces(grace, 'Ada').waitFor();
  await faces(ada, 'Grace').waitFor();
  assert.equal(await faces(ada).count(), 3);
  for (const visitor of [ada, grace, mary]) {
    assert.equal(await visitor.figure('repeated'), 0);
    await visitor.leave();
  }
  await Promise.all([stays.end(), dies.end()]);
  await database.end();
});
