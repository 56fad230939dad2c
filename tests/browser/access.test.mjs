// The page for everyone: nothing that axe holds against it, small screens, nothing that jumps, what it is served with.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { Visitor, launch } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await Server.start();
  const ada = await Visitor.at(browser, server.url);
  for (const [column, title] of [['todo', 'Fly'], ['doing', 'Soar'], ['doing', 'Land']]) await ada.add(column, title);
  await ada.settled();
  await ada.leave();
});
after(async () => {
  await browser.close();
  await server.end();
});

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 800 };

async function finds(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

for (const [colorScheme, name, viewport] of [['light', 'desk', DESK], ['dark', 'phone', PHONE]]) {
  test(`axe finds nothing, ${colorScheme}, on a ${name}`, async () => {
    const ada = await Visitor.at(browser, server.url, { colorScheme, viewport, reducedMotion: 'reduce' });
    await ada.has('todo', 'Fly');
    assert.deepEqual(await finds(ada.page), [], 'the board');
    await ada.card('Fly').focus();
    await ada.page.keyboard.press('Enter');
    assert.deepEqual(await finds(ada.page), [], 'a title that is edited');
    await ada.page.keyboard.press('Escape');
    await ada.page.getByRole('slider', { name: 'Moment' }).fill('1');
    await ada.shows('todo', ['Fly']);
    assert.deepEqual(await finds(ada.page), [], 'an earlier moment');
    await ada.offline().check();
    await ada.phase('Offline');
    await ada.page.getByRole('button', { name: 'You are' }).click();
    assert.deepEqual(await finds(ada.page), [], 'offline, and the dialog');
    await ada.page.keyboard.press('Escape');
    await ada.offline().uncheck();
    await ada.page.goto(`${server.url}/#inspector`);
    await ada.phase('Live');
    await ada.page.getByRole('button', { name: 'Send' }).click();
    await ada.page.locator('.outcomes li').first().waitFor();
    assert.deepEqual(await finds(ada.page), [], 'the inspector');
    await ada.leave();
  });
}

test('nothing is wider than a small screen', async () => {
  const ada = await Visitor.at(browser, server.url, { viewport: { width: 320, height: 640 } });
  for (const view of ['#board', '#inspector']) {
    await ada.page.goto(`${server.url}/${view}`);
    await ada.phase('Live');
    const { scroll, client } = await ada.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return { scroll: scrollWidth, client: clientWidth };
    });
    assert.ok(scroll <= client, `${view}: ${scroll} in ${client}`);
  }
  await ada.leave();
});

test('nothing jumps while the page comes', async () => {
  const ada = await Visitor.at(browser, server.url);
  await ada.page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await ada.page.reload();
  await ada.has('doing', 'Land');
  await ada.phase('Live');
  const shift = await ada.page.evaluate(() => window.shift);
  assert.ok(shift < 0.1, `a shift of ${shift}`);
  await ada.leave();
});

test('a browser that remembers nothing shows the page all the same', async () => {
  const ada = await Visitor.at(browser, server.url);
  await ada.page.addInitScript(() => {
    const get = () => { throw new DOMException('It is forbidden', 'SecurityError'); };
    for (const storage of ['sessionStorage', 'localStorage']) Object.defineProperty(window, storage, { get });
  });
  await ada.page.reload();
  await ada.phase('Live');
  await ada.add('done', 'Rest');
  await ada.settled();
  await ada.page.getByRole('button', { name: /^Colors/ }).click();
  await ada.has('done', 'Rest');
  await ada.leave();
});

test('what the page is made of is served for ever, and as what it is', async () => {
  const page = await fetch(server.url);
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const assets = [...(await page.text()).matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(assets.length >= 2);
  const kinds = { js: /javascript/, css: /text\/css/, woff2: /font\/woff2/ };
  for (const path of assets) {
    const asset = await fetch(server.url + path);
    assert.match(asset.headers.get('content-type'), kinds[path.split('.').pop()]);
    assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    if (!path.endsWith('woff2')) assert.equal(asset.headers.get('content-encoding'), 'gzip');
  }
});
