// The arithmetic of credit: which frames may be out, and which one comes next.

/** Credit that is owed longer than this is given, though it is little: the server waits for it only so long. */
const OWED_MS = 1000;

/** The frames that come: each the next one, and never more than the window beyond what was credited. */
export class ReceiveWindow {
  #next: number;
  #taken: number;
  #credited: number;
  #creditedAt: number;

  /** `window`: how many may be out, `Infinity` for as many as come; `after`: the number of the first. */
  constructor(
    readonly window: number,
    after: number,
    private readonly now: () => number = Date.now,
  ) {
    this.#next = after;
    this.#taken = after;
    this.#credited = after;
    this.#creditedAt = now();
  }

  /** The number of the frame that comes next: all below it are here. */
  get next(): number {
    return this.#next;
  }

  /** Takes in the number of a frame; what is wrong with it, where it may not come now. */
  accept(n: unknown): string | undefined {
    const fault = this.expects(n);
    if (fault !== undefined) return fault;
    if (this.#next >= this.#credited + this.window) return `frame ${this.#next} is beyond the window of ${this.window}`;
    this.#next += 1;
    return undefined;
  }

  /** What is wrong with this number for what comes next, be it a frame or the end. */
  expects(n: unknown): string | undefined {
    return n === this.#next ? undefined : `frame ${this.#next} is expected, and ${String(n)} came`;
  }

  /** One more was taken; the credit that is to be given now: all below this number. Half a window at a time. */
  take(): number | undefined {
    this.#taken += 1;
    if (this.window === Infinity) return undefined;
    const now = this.now();
    const owed = this.#taken - this.#credited;
    if (2 * owed < this.window && now - this.#creditedAt < OWED_MS) return undefined;
    this.#credited = this.#taken;
    this.#creditedAt = now;
    return this.#taken;
  }
}

/** The frames that go: none beyond the server's credit. */
export class SendWindow {
  #next = 0;
  #limit = 0;

  /** The number of the frame that goes next. */
  get next(): number {
    return this.#next;
  }

  get isOpen(): boolean {
    return this.#next < this.#limit;
  }

  /** Takes in the server's credit; what is wrong with it, if anything. */
  credit(n: unknown, window: unknown): string | undefined {
    if (!isCount(n) || !isCount(window)) return `a credit has n and window, and ${String(n)}, ${String(window)} came`;
    if (n > this.#next) return `credit for frame ${n - 1} came, and ${this.#next} is the next to go`;
    this.#limit = Math.max(this.#limit, n + window);
    return undefined;
  }

  /** The next frame has gone. */
  sent(): void {
    this.#next += 1;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
