// The admin page of Socket.IO as it is on npm, served from an origin of its own, beside the real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { connect } from '../clients/support.mjs';
import { PATIENCE, launch } from './browser.mjs';
import { serve } from './files.mjs';
import { Server } from './server.mjs';

const PAGE = new URL('node_modules/@socket.io/admin-ui/ui/dist', import.meta.url).pathname;

let browser;
let files;
let server;
before(async () => {
  browser = await launch();
  files = await serve(PAGE);
  process.env.ADMIN_HASH = bcrypt.hashSync('open sesame', 6);
  server = await Server.start('--allowed-origins', files.origin);
});
after(async () => {
  await browser.close();
  files.end();
  await server.end();
});

const card = (page, title) => page.locator('.v-card', { has: page.locator('.v-card__title', { hasText: title }) });

test('the page logs in, is known again, and shows what passes', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(files.origin);
  await page.getByLabel('Server URL').fill(server.url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password').fill('open');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('Invalid credentials').waitFor();
  await page.getByLabel('Password').fill('open sesame');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });

  const clients = await Promise.all([1, 2, 3].map((number) => connect(server.url, '4', number === 3 ? 'polling' : 'websocket')));
  const row = (title, ...cells) => card(page, title).locator('tr', { hasText: new RegExp(`^\\s*${cells.join('\\s*')}\\s*$`) });
  await row('Namespaces', '/', '3').waitFor();
  await row('Namespaces', '/admin', '1').waitFor();
  const traffic = setInterval(() => clients.forEach((client) => client.emit('event', { event: 'api.services.status' })), 50);

  // Loaded anew it needs no password.
  await page.reload();
  await row('Namespaces', '/', '3').waitFor();
  assert.equal(await page.getByLabel('Password').isVisible(), false);
  await page.getByText('connected', { exact: true }).first().waitFor();
  await row('Clients', 'WebSocket', '3', '75.0 %').waitFor();
  await row('Clients', 'HTTP long-polling', '1', '25.0 %').waitFor();
  clearInterval(traffic);
  clients.forEach((client) => client.close());
  await row('Namespaces', '/', '0').waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a page of another origin is not let in', async () => {
  const other = await serve(PAGE);
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(other.origin);
  await page.getByLabel('Server URL').fill(server.url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password').fill('open sesame');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('Error: xhr poll error').waitFor();
  await page.close();
  other.end();
});
