// The inspector: any event, any form of data, with and without an ack.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch, until } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
let server;
let ada;
let inspector;
/** What travels: the texts and the Buffers of the page's packets, in their order. */
const sent = [];
/** How many of them had travelled before the newest call. */
let earlier = 0;

before(async () => {
  browser = await launch();
  server = await Server.start();
  ada = await Visitor.at(browser, server.url);
  ada.page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(payload)));
  await ada.page.goto(`${server.url}/#inspector`);
  await ada.page.reload();
  inspector = ada.page.locator('call-inspector');
});

after(async () => {
  await ada.leave();
  await browser.close();
  await server.end();
});

async function send(event, data, form, acked) {
  await inspector.getByLabel('Event').fill(event);
  await inspector.getByLabel('Data').fill(data);
  await inspector.getByRole('radio', { name: form }).check();
  await inspector.getByRole('checkbox', { name: 'Ask for an answer (ack)' }).setChecked(acked);
  const before = await inspector.locator('.outcomes li').count();
  earlier = sent.length;
  await inspector.getByRole('button', { name: 'Send' }).click();
  await inspector.locator('.outcomes li').nth(before).waitFor();
  const newest = inspector.locator('.outcomes li').first();
  return { how: await newest.locator('b').textContent(), text: await newest.locator('pre').textContent() };
}

/** Waits until a packet of the newest call is seen to have travelled so; the page says other things meanwhile. */
function travelled(isSuch) {
  return until(() => sent.slice(earlier).some(isSuch));
}

test('the functions that the server lists are there to choose', async () => {
  const name = 'api.hello.greeting';
  await inspector.getByRole('button', { name }).click();
  assert.equal(await inspector.getByLabel('Event').inputValue(), name);
  assert.deepEqual(JSON.parse(await inspector.getByLabel('Data').inputValue()), { name: 'Ada' });
  assert.ok((await inspector.locator('.events li').count()) > 10);
});

const DATA = '{"größe": [1, null, "x"]}';

for (const acked of [true, false]) {
  const way = acked ? 'with an ack' : 'without';
  const how = acked ? 'answer' : 'message';

  test(`JSON travels as it is, ${way}`, async () => {
    const back = await send('api.services.test.testFunc', DATA, 'JSON', acked);
    assert.equal(back.how, how);
    assert.deepEqual(JSON.parse(back.text), JSON.parse(DATA));
    await travelled((packet) => /"größe"/.test(packet));
  });

  test(`a Buffer travels as bytes, ${way}`, async () => {
    const back = await send('api.services.test.testFunc', DATA, 'Buffer', acked);
    assert.equal(back.how, how);
    assert.deepEqual(JSON.parse(JSON.parse(back.text).Buffer), JSON.parse(DATA));
    await travelled(Buffer.isBuffer);
  });

  test(`base64 of gzip is unpacked by the server, ${way}`, async () => {
    const back = await send('api.services.test.testFunc', DATA, 'base64 of gzip', acked);
    assert.equal(back.how, how);
    assert.deepEqual(JSON.parse(back.text), JSON.parse(DATA));
    await travelled((packet) => /"data":"H4sI[^"]+","encoding":"gzip\+base64"/.test(packet));
  });

  test(`an error is shown, ${way}`, async () => {
    const back = await send('api.services.none', '', 'JSON', acked);
    assert.equal(back.how, acked ? 'error' : 'message');
    assert.match(back.text, /None doesn't exist/);
  });
}

test('a function that returns nothing is done', async () => {
  const back = await send('api.room.join', '{"room": "lobby"}', 'JSON', true);
  assert.deepEqual(back, { how: 'answer', text: 'Done. The function returns nothing.' });
});

test('on a phone the form comes first, and what is chosen is brought to it', async () => {
  await ada.page.setViewportSize({ width: 390, height: 844 });
  const top = async (name) => (await inspector.getByRole('heading', { name, exact: true }).boundingBox()).y;
  assert.ok((await top('Call')) < 500);
  assert.ok((await top('Call')) < (await top('Answers')) && (await top('Answers')) < (await top('Functions')));
  await inspector.getByRole('button', { name: 'api.board.add' }).click();
  const { y, height } = await inspector.getByLabel('Data').boundingBox();
  assert.ok(y >= 0 && y + height <= 844, 'it is in view');
  assert.equal(await ada.focused(), 'Data as JSON, or empty');
  await ada.page.setViewportSize({ width: 1280, height: 800 });
});

test('what is no JSON is not sent', async () => {
  await inspector.getByLabel('Data').fill('{no');
  await inspector.getByRole('button', { name: 'Send' }).click();
  await inspector.getByRole('alert').filter({ hasText: 'The data is not valid JSON' }).waitFor();
});
