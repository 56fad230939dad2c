// A browser, and what a person does in it with the page.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** Longest that anything that must happen may take, in milliseconds: also on a machine that has much to do. */
export const PATIENCE = 120_000;

/** Chromium, without its sandbox where it would refuse to start as root. */
export function launch() {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
}

/** Waits until a condition holds. */
export async function until(condition) {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `what must happen has not: ${condition}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** A person at the board: a window of its own, in which nothing may go wrong unseen. */
export class Visitor {
  /** What the page complained of. */
  complaints = [];

  /** Opens the page, and waits until it says so of its connection. */
  static async at(browser, url, { phase = 'Live', ...options } = {}) {
    const visitor = new Visitor();
    visitor.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    visitor.context.setDefaultTimeout(PATIENCE);
    visitor.page = await visitor.context.newPage();
    visitor.page.on('pageerror', (error) => visitor.complaints.push(error.message));
    visitor.page.on('console', (message) => {
      // That a server is away is no fault of the page.
      const isAway = /WebSocket connection|Failed to load resource/.test(message.text());
      if (message.type() === 'error' && !isAway) visitor.complaints.push(message.text());
    });
    await visitor.page.goto(url);
    await visitor.phase(phase);
    return visitor;
  }

  async leave() {
    assert.deepEqual(this.complaints, []);
    await this.context.close();
  }

  /** The texts that connections from now on send, over WebSockets and, where the page takes to it, polling. */
  sent() {
    const packets = [];
    this.page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => packets.push(String(payload))));
    this.page.on('request', (request) => packets.push(...(request.postData()?.split('\x1e') ?? [])));
    return packets;
  }

  /** Waits until the connection is said to stand so. */
  phase(words) {
    const said = typeof words === 'string' ? new RegExp(`^\\s*${words}\\s*$`) : words;
    return this.page.locator('connection-status .phase').filter({ hasText: said }).waitFor();
  }

  column(name) {
    return this.page.locator(`section[data-column=${name}]`);
  }

  card(title) {
    return this.page.locator('board-card[data-id]').filter({ hasText: title });
  }

  async add(column, title) {
    const field = this.column(column).getByPlaceholder('Add a card');
    await field.fill(title);
    await field.press('Enter');
    await this.has(column, title);
  }

  /** Waits until a column shows a card. */
  has(column, title) {
    return this.column(column).locator('board-card[data-id]').filter({ hasText: title }).waitFor();
  }

  /** Waits until the board shows no such card. */
  hasNo(title) {
    return this.card(title).waitFor({ state: 'detached' });
  }

  /** Waits until a column has these cards, from the top, and all of them are settled. */
  async shows(column, titles) {
    await this.page.waitForFunction(
      ([name, expected]) => {
        // A page that was just loaded has none yet.
        const board = document.querySelector('demo-app')?.shadowRoot?.querySelector('shared-board')?.shadowRoot;
        if (!board) return false;
        const cards = [...board.querySelectorAll(`section[data-column=${name}] board-card`)];
        const isSettled = cards.every((card) => !card.waits);
        return isSettled && JSON.stringify(cards.map((card) => card.card.title)) === JSON.stringify(expected);
      },
      [column, titles],
    );
  }

  /** Waits until all that was asked for is answered, and what came of it is here. */
  async settled() {
    await this.page.waitForFunction(() => {
      const app = document.querySelector('demo-app');
      // A page that was just loaded has no link yet.
      if (!app?.link) return false;
      const board = app.shadowRoot?.querySelector('shared-board')?.shadowRoot;
      const cards = [...(board?.querySelectorAll('board-card') ?? [])];
      return app.link.connection.waiting === 0 && cards.every((card) => !card.waits);
    });
  }

  /** Drags a card by the mouse to the middle of a column's cards. */
  async drag(title, column) {
    const { mouse } = this.page;
    const from = await this.card(title).boundingBox();
    const to = await this.column(column).locator('.cards').boundingBox();
    await mouse.move(from.x + 60, from.y + 15);
    await mouse.down();
    await mouse.move(from.x + 80, from.y + 30, { steps: 3 });
    await mouse.move(to.x + to.width / 2, to.y + 10, { steps: 8 });
  }

  drop() {
    return this.page.mouse.up();
  }

  offline() {
    return this.page.getByRole('switch', { name: 'Offline' });
  }

  /** What the page says beside the state of its connection. */
  hint(words) {
    return this.page.locator('connection-status .hint').filter({ hasText: words }).waitFor();
  }

  /** What has the focus: the title of a card, or the label, the name or the kind of an element. */
  focused() {
    return this.page.evaluate(() => {
      let active = document.activeElement;
      while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
      return active.card?.title ?? active.getAttribute('aria-label') ?? active.labels?.[0]?.firstChild.textContent.trim() ?? active.localName;
    });
  }

  /** A figure of the connection. */
  async figure(name) {
    return Number(await this.page.locator(`[data-figure=${name}]`).textContent());
  }
}
