// Follows the tutorial of the book as a newcomer: writes the files that its pages show, types their commands, and orders at its pages.
// `make tutorial`; with --debug, builds that are not optimized stand for those that are. Left out: the commands of root in step 7.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onOwnPort } from '../clients/server.mjs';
import { PATIENCE, launch, until } from './browser.mjs';
import { Database } from './database.mjs';

const ROOT = new URL('../..', import.meta.url).pathname;
const isDebug = process.argv.includes('--debug');

/** Where it happens: the checkout stands there as `updraft`, the app beside it. */
const folder = await mkdtemp(join(tmpdir(), 'updraft-tutorial-'));
await symlink(ROOT, join(folder, 'updraft'));
const app = join(folder, 'cafe');
const database = await Database.start();
const browser = await launch();

/** What a page says that is another thing here. */
const here = new Map([
  ['/tmp/cafe', join(folder, 'deployed')],
  ['/tmp/restored', join(folder, 'restored')],
  ['backup.jsonl', join(folder, 'backup.jsonl')],
]);
if (isDebug) {
  here.set('cargo build --release', 'cargo build');
  here.set('target/release/', 'target/debug/');
}

/** In one pass: a port that is meant may begin as one that is said. */
function inPlace(command) {
  const said = [...here.keys()].map((text) => text.replace(/[.?]/g, '\\$&')).join('|');
  return command.replace(new RegExp(said, 'g'), (found) => here.get(found));
}

/** The same in each run: epochs, times, and how long something took are not. */
const told = (text) => text
  .replace(/\b[0-9a-f]{12}\b/g, 'EPOCH')
  .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  .replace(/ +/g, ' ')
  .trim();

/** A page of the tutorial: its blocks, one after the other. */
class Chapter {
  #blocks;

  constructor(name, text) {
    this.name = name;
    this.#blocks = [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
  }

  static async of(name, story) {
    console.log(`\n${name}`);
    const text = await readFile(join(ROOT, 'docs/tutorial', `${name}.md`), 'utf8');
    const chapter = new Chapter(name, text);
    await story(chapter);
    const left = chapter.#blocks.filter(({ language }) => language === 'console').map(({ code }) => code);
    assert.deepEqual(left, [], `${name}: commands that were not typed`);
  }

  /** The next block in this language; those before it explain what there is already. */
  next(language) {
    const at = this.#blocks.findIndex((block) => block.language === language);
    assert.ok(at >= 0, `${this.name} has a block of ${language}`);
    assert.ok(language === 'console' || !this.#blocks.slice(0, at).some((block) => block.language === 'console'), `${this.name}: in order`);
    return this.#blocks.splice(0, at + 1).at(-1).code;
  }

  /** The commands of the next block, each with what it prints. */
  commands() {
    const commands = [];
    for (const line of this.next('console').trimEnd().split('\n')) {
      if (line.startsWith('$ ')) commands.push({ command: inPlace(line.slice(2)), printed: [] });
      else if (!line.startsWith('# ')) commands.at(-1)?.printed.push(inPlace(line));
    }
    return commands;
  }

  /** Types the commands of the next block. */
  async type() {
    for (const { command, printed } of this.commands()) type(command, printed);
  }
}

let directory = folder;
// (Caddy's own interface would be on a port that others may have.)
const variables = { ...process.env, UPDRAFT_PORT: '', CADDY_ADMIN: `unix/${join(folder, 'caddy')}` };

/** Runs a command to its end: it prints these lines, among others, and fails where the last of them is an error. */
function type(command, printed = []) {
  console.log(`  $ ${command}`);
  if (command.startsWith('cd ')) {
    directory = join(directory, command.slice(3));
    return;
  }
  if (command.startsWith('export ')) {
    const [name, value] = command.slice(7).split(/=(.*)/);
    variables[name] = value.replace(/^'|'$/g, '');
    return;
  }
  const ran = spawnSync('bash', ['-c', `${command} 2>&1`], { cwd: directory, env: variables, encoding: 'utf8' });
  const lines = ran.stdout.split('\n').map(told);
  for (const line of printed) {
    assert.ok(lines.includes(told(line)), `${command}\nprints\n${ran.stdout}\nand not\n${line}`);
  }
  const mustFail = printed.some((line) => line.startsWith('error: '));
  assert.equal(ran.status !== 0, mustFail, `${command} ended with ${ran.status}:\n${ran.stdout}`);
}

/** A server that a command starts, in a terminal of its own. */
class Server {
  static #running = new Set();
  #child;

  static async start(command, port) {
    console.log(`  $ ${command} &`);
    const server = new Server();
    server.#child = spawn('bash', ['-c', `exec ${command}`], { cwd: directory, env: variables, stdio: ['ignore', 'ignore', 'inherit'] });
    server.url = `http://127.0.0.1:${port}`;
    Server.#running.add(server);
    const ended = once(server.#child, 'exit').then(() => { throw new Error(`${command} ended`); });
    ended.catch(() => {});
    const isReady = async () => (await fetch(`${server.url}/health/ready`).catch(() => undefined))?.ok;
    await Promise.race([until(isReady), ended]);
    return server;
  }

  /** Stops it, as Ctrl-C does. */
  async stop() {
    Server.#running.delete(this);
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await gone;
  }

  static async stopAll() {
    for (const server of Server.#running) await server.stop();
  }
}

const build = () => type('cargo build');

/** Starts the server of a command; a build before it may take longer than a server that starts. */
async function serve({ command }) {
  if (command.startsWith('cargo run')) build();
  return Server.start(command, variables.UPDRAFT_PORT);
}

const write = (file, text) => writeFile(join(app, 'src', file), text);

/** A program of a page that says to keep the HTML page of the one before. */
function withPage(program, before) {
  const page = before.split('\n').find((line) => line.includes('let page ='));
  const use = before.split('\n').find((line) => line.startsWith('use axum::'));
  return program
    .replace('use updraft::', `${use}\nuse updraft::`)
    .replace('fn main() -> ExitCode {', `fn main() -> ExitCode {\n${page}`)
    .replace(/\.run\(\)/, '.routes(page).run()');
}

async function open(url) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return Object.assign(page, { complaints });
}

async function order(page, dish) {
  await page.getByLabel('Dish').fill(dish);
  await page.getByRole('button', { name: 'Order' }).click();
}

async function enter(url, name) {
  const page = await open(url);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.getByLabel('Dish').waitFor();
  return page;
}

const shows = (page, text) => page.locator('#orders li').filter({ hasText: text }).first().waitFor();

async function leave(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
}

/** The role and the database, as the page makes them; its URL. */
function makeDatabase(sql) {
  execFileSync('psql', ['-v', 'ON_ERROR_STOP=1', database.url], { input: sql });
  return database.url.replace('/postgres?', '/cafe?').replace('user=postgres', 'user=updraft');
}

async function follow() {
  await onOwnPort(async (port) => { variables.UPDRAFT_PORT = String(port); });
  here.set('127.0.0.1:3000', `127.0.0.1:${variables.UPDRAFT_PORT}`);
  let server;
  let paged;

  await Chapter.of('first-event', async (chapter) => {
    await chapter.type();
    await write('main.rs', chapter.next('rust,no_run'));
    server = await serve(chapter.commands()[0]);
    await chapter.type();
    await chapter.type();
    await server.stop();
  });

  await Chapter.of('page', async (chapter) => {
    await chapter.type();
    await write('index.html', chapter.next('text'));
    paged = chapter.next('rust,no_run');
    await write('main.rs', paged);
    server = await serve({ command: 'cargo run' });
    const page = await open(server.url);
    await order(page, 'soup');
    await page.getByText('one soup, coming up').waitFor();
    await leave(page);
    await server.stop();
  });

  await Chapter.of('rooms', async (chapter) => {
    await write('main.rs', withPage(chapter.next('rust,no_run'), paged));
    server = await serve({ command: 'cargo run' });
    const [kitchen, guest] = [await open(server.url), await open(server.url)];
    const rings = [];
    kitchen.on('console', (message) => rings.push(message.text()));
    await kitchen.evaluate(`(async () => { ${chapter.next('js')} })()`);
    await order(guest, 'soup');
    await until(() => rings.includes('ring: soup'));
    await leave(kitchen, guest);
    await server.stop();
  });

  await Chapter.of('topic', async (chapter) => {
    await chapter.type();
    await write('main.rs', withPage(chapter.next('rust,no_run'), paged));
    await chapter.type();
    const start = { command: 'cargo run' };
    server = await serve(start);
    await chapter.type();
    const [one, other] = [await enter(server.url, 'ada'), await enter(server.url, 'bob')];
    await order(one, 'bread');
    await shows(other, 'bread for undefined');
    await server.stop();
    server = await serve(start);
    await other.reload();
    await leave(one, other);
    const late = await enter(server.url, 'eve');
    await shows(late, 'soup');
    await shows(late, 'bread');
    await leave(late);
    await server.stop();
  });

  await Chapter.of('decisions', async (chapter) => {
    await chapter.type();
    type('rm -r data');
    server = await serve({ command: 'cargo run' });
    await chapter.type();
    await server.stop();
  });

  await Chapter.of('tests', async (chapter) => {
    await chapter.type();
    await chapter.type();
  });

  await Chapter.of('deploy', async (chapter) => {
    const [building, serving] = chapter.commands();
    type(building.command);
    server = await serve(serving);
    await chapter.type();
    const page = await enter(server.url, 'ada');
    await order(page, 'soup');
    await shows(page, 'soup');
    await leave(page);
    await chapter.type();
    await server.stop();
    for (const what of ['the image', 'the service']) assert.deepEqual(chapter.commands(), [], `the commands of root: ${what}`);
  });

  await Chapter.of('nodes', async (chapter) => {
    here.set('postgres://updraft:secret@127.0.0.1/cafe?sslmode=disable', makeDatabase(chapter.next('sql')));
    for (const said of ['3001', '3002', '8080']) {
      await onOwnPort((port) => {
        here.set(`--port ${said}`, `--port ${port}`).set(`:${said}`, `:${port}`);
      });
    }
    await chapter.type();
    const nodes = [];
    for (const said of ['3001', '3002']) {
      const [url, serving] = chapter.commands();
      type(url.command);
      const start = () => Server.start(serving.command, here.get(`:${said}`).slice(1));
      nodes.push({ start, server: await start() });
    }
    const pages = [];
    for (const { server: node } of nodes) pages.push(await enter(node.url, 'ada'));
    for (const page of pages) await shows(page, 'soup');
    await order(pages[0], 'bread');
    await shows(pages[1], 'bread');
    await leave(...pages);

    const [balanced, balancing] = chapter.commands();
    type(balanced.command);
    const balancer = await Server.start(balancing.command, here.get(':8080').slice(1));
    const page = await enter(balancer.url, 'ada');
    for (const [index, node] of nodes.entries()) {
      await node.server.stop();
      await order(page, `dish ${index}`);
      await shows(page, `dish ${index}`);
      node.server = await node.start();
    }
    await leave(page);
    await balancer.stop();
    for (const node of nodes) await node.server.stop();
  });
}

try {
  await follow();
  console.log('\nThe tutorial is true.');
} finally {
  await Server.stopAll();
  await browser.close();
  await database.end();
  await rm(folder, { recursive: true, force: true });
}
