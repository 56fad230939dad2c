// The inspector's streams: down, up, and their ends.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Visitor, launch, until } from './browser.mjs';
import { Server } from './server.mjs';

let browser;
let server;
let ada;
let inspector;

before(async () => {
  browser = await launch();
  server = await Server.start('--metrics');
  ada = await Visitor.at(browser, server.url);
  await ada.page.goto(`${server.url}/#inspector`);
  await ada.page.reload();
  inspector = ada.page.locator('call-inspector');
});

after(async () => {
  await ada.leave();
  await browser.close();
  await server.end();
});

async function openStreams() {
  const figures = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^updraft_streams (\d+)$/m.exec(figures)[1]);
}

/** Opens a stream as the form says; its run is the newest of what came back. */
async function open(event, data, { isStreamed = true, file } = {}) {
  await inspector.getByLabel('Event').fill(event);
  await inspector.getByLabel('Data').fill(data === undefined ? '' : JSON.stringify(data));
  await inspector.getByRole('checkbox', { name: 'Stream the answer' }).setChecked(isStreamed);
  await inspector.getByLabel('Upload a file').setInputFiles(file ?? []);
  const before = await inspector.locator('stream-run').count();
  await inspector.getByRole('button', { name: 'Send' }).click();
  await inspector.locator('stream-run').nth(before).waitFor();
  return inspector.locator('stream-run').first();
}

function ends(run, how) {
  return run.getByRole('status').filter({ hasText: how }).waitFor();
}

test('a function that streams is chosen with its box ticked', async () => {
  await inspector.getByRole('button', { name: 'api.stream.count' }).click();
  assert.ok(await inspector.getByRole('checkbox', { name: 'Stream the answer' }).isChecked());
  await inspector.getByRole('button', { name: 'api.services.status' }).click();
  assert.ok(!(await inspector.getByRole('checkbox', { name: 'Stream the answer' }).isChecked()));
});

test('the list says which functions stream, and which take frames', async () => {
  const marked = async (name) => (await inspector.getByRole('button', { name }).locator('small').allTextContents()).join();
  assert.equal(await marked('api.stream.count'), 'streams');
  assert.equal(await marked('api.stream.upload'), 'takes frames');
  assert.equal(await marked('api.services.status'), '');
});

test('a stream is watched to its end: newest frames, how far, how many', async () => {
  const run = await open('api.stream.count', { to: 500 });
  await ends(run, 'stream ended');
  await run.getByText('Received: 500 frames').waitFor();
  const bar = run.getByRole('progressbar', { name: 'Progress of api.stream.count' });
  assert.deepEqual(await bar.evaluate(({ value, max }) => [value, max]), [500, 500]);
  assert.equal(await run.locator('tbody tr').count(), 20);
  assert.deepEqual(await run.getByRole('columnheader').allTextContents(), ['Frame', 'Data, newest first']);
  assert.match(await run.locator('tbody tr').first().textContent(), /499\s*499/);
});

test('one that runs shows its rate, and is cancelled by keyboard', async () => {
  const run = await open('api.stream.count', { to: 1e9, every_ms: 2 });
  await run.getByText(/[1-9]\d* frames\/s/).waitFor();
  // What earlier stories left may have to end first.
  await until(async () => (await openStreams()) === 1);
  await run.getByRole('button', { name: 'Cancel' }).press('Enter');
  await ends(run, 'stream cancelled');
  await until(async () => (await openStreams()) === 0);
});

test('a download is counted in bytes, and ends with its digest', async () => {
  const run = await open('api.stream.download', { bytes: 3_000_000 });
  await ends(run, 'stream ended');
  await run.getByText('3 MB').waitFor();
  assert.match(await run.locator('tbody tr').first().textContent(), /"sha256": "[0-9a-f]{64}"/);
});

test('a file is uploaded, and answered with its digest', async () => {
  const buffer = Buffer.alloc(1_000_000, 'updraft');
  const file = { name: 'film.bin', mimeType: 'application/octet-stream', buffer };
  const run = await open('api.stream.upload', undefined, { isStreamed: false, file });
  await ends(run, 'stream ended');
  await run.getByText('Sent: 16 frames, 1 MB').waitFor();
  assert.ok((await run.locator('tbody tr').first().textContent()).includes(createHash('sha256').update(buffer).digest('hex')));
});

test('why a stream fails is said', async () => {
  const run = await open('api.stream.tail', { topic: 'secrets' });
  await run.getByRole('alert').filter({ hasText: 'forbidden: there is no such topic' }).waitFor();
  await ends(run, 'stream failed');
});

test('a file for a function that takes none says so, and not a minute later', async () => {
  const file = { name: 'film.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(10) };
  const run = await open('api.services.status', undefined, { isStreamed: false, file });
  await run.getByRole('alert').filter({ hasText: 'bad_call: api.services.status takes no frames' }).waitFor();
  const read = await open('api.stream.upload', undefined);
  await read.getByRole('alert').filter({ hasText: 'bad_call: api.stream.upload takes frames' }).waitFor();
});

test('who leaves the inspector ends its streams', async () => {
  const run = await open('api.stream.tail', { topic: 'board' });
  await run.getByText('topic.live').waitFor();
  await until(async () => (await openStreams()) === 1);
  await ada.page.goto(`${server.url}/#`);
  await until(async () => (await openStreams()) === 0);
});
