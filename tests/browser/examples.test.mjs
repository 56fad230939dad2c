// The pages of examples/, as `cargo run --example …` serves them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { PATIENCE, launch, until } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** Serves an example, lets visitors in, and checks that no page complained. */
async function play(example, visitors, story) {
  const program = new URL(`../../target/debug/examples/${example}`, import.meta.url).pathname;
  const server = await Server.of(program);
  const complaints = [];
  const open = async (address = server.url) => {
    const context = await browser.newContext({ viewport: { width: 800, height: 450 } });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(address);
    return page;
  };
  try {
    const pages = [];
    for (let number = 0; number < visitors; number += 1) pages.push(await open());
    await story(...pages, open, { program, url: server.url });
    assert.deepEqual(complaints, []);
  } finally {
    await server.end();
  }
}

/** What is said to all reaches the sockets of this moment: a page that is open may yet have to connect. */
const isConnected = (page) => page.waitForFunction(() => socket.connected);

const shows = (page, text) => page.getByText(text).first().waitFor();

/** How many points of the canvas are drawn on. */
const drawn = (page) => page.evaluate(() => {
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 3 && value > 0).length;
});

async function drawLine(page) {
  await page.mouse.move(100, 100);
  await page.mouse.down();
  await page.mouse.move(300, 200, { steps: 5 });
  await page.mouse.up();
}

async function hasAsMuch(page, as) {
  const points = await drawn(as);
  assert.ok(points > 100, `${points} points`);
  await page.waitForFunction((points) => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length === points;
  }, points);
}

test('two chat', () => play('chat', 2, async (ada, bob) => {
  const say = async (page, text) => {
    await page.locator('input').fill(text);
    await page.locator('input').press('Enter');
  };
  await say(ada, 'Ada');
  await shows(ada, 'Welcome: 1 here');
  await say(bob, 'Bob');
  await shows(ada, 'Bob joined: 2 here');
  await bob.locator('input').fill('Hi');
  await shows(ada, 'Bob is typing');
  await bob.locator('input').press('Enter');
  await shows(ada, 'Bob: Hi');
  await bob.context().close();
  await shows(ada, 'Bob left: 1 here');
}));

test('two draw on a whiteboard', () => play('whiteboard', 2, async (ada, bob) => {
  await isConnected(bob);
  await drawLine(ada);
  await hasAsMuch(bob, ada);
}));

test('a third that knows the link sees what two drew', () => play('drawing-rooms', 1, async (ada, open) => {
  await shows(ada, '1 here');
  const bob = await open(ada.url());
  await shows(ada, '2 here');
  await drawLine(ada);
  await hasAsMuch(bob, ada);
  // A client that is behind misses some moves.
  let x = 100;
  await until(async () => {
    await ada.mouse.move((x += 1), 120);
    return bob.locator('#pointer').isVisible();
  });
  const eve = await open(bob.url());
  await hasAsMuch(eve, ada);
  await shows(ada, '3 here');
  await eve.context().close();
  await shows(ada, '2 here');
}));

test('a guest orders, the kitchen cooks, the guest collects', () => play('orders', 2, async (ada, kitchen) => {
  const enter = async (page, name) => {
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Enter' }).click();
  };
  await enter(ada, 'kitchen');
  await shows(ada, 'the kitchen has a word');
  await enter(ada, 'ada');
  await enter(kitchen, 'let me cook');
  await ada.getByLabel('Dish').fill('Soup');
  await ada.getByRole('button', { name: 'Order' }).click();
  await shows(kitchen, 'Soup for ada: ordered');
  await ada.getByRole('button', { name: 'Collect' }).click();
  await shows(ada, 'it is not ready yet');
  await kitchen.getByRole('button', { name: 'Cook' }).click();
  await shows(ada, 'Soup for ada: ready');
  await ada.getByRole('button', { name: 'Collect' }).click();
  await kitchen.getByText('Soup').waitFor({ state: 'detached' });
}));

/** Commands of a page of the tutorial, from `cargo run -- ` on, each with what it shows. */
async function commands(page, first) {
  const text = await readFile(new URL(`../../docs/tutorial/${page}.md`, import.meta.url), 'utf8');
  const block = text.split('```console\n').map((part) => part.split('```')[0]).find((part) => part.startsWith(first));
  const parts = block.split('$ cargo run -- ').slice(1);
  return parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1).trim()]);
}

/** Positions, with no epoch: each journal makes up its own. */
const anywhere = (shown) => shown.replaceAll(/"[0-9a-f]{12}:(\d+)"/g, '"…:$1"');

test('the commands of the tutorial print what it shows', () => play('orders', 0, async (open, { program, url }) => {
  const all = await commands('decisions', '$ cargo run -- call');
  assert.ok(all.length > 4);
  for (const [command, shown] of all) {
    const { stdout, stderr } = spawnSync(`"${program}" ${command} --url ${url} --timeout 2m`, { shell: true, encoding: 'utf8' });
    assert.equal(anywhere(`${stdout}${stderr}`.trim()), anywhere(shown), command);
  }
}));
