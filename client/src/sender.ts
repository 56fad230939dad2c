// The client's frames: one after the other, as far as the server's credit goes.

import type { Channel } from './channel.js';
import { CallError, type ErrorBody } from './error.js';
import type { Frames } from './source.js';
import { SendWindow } from './windows.js';

/** Sends what a source gives. A source that fails ends what is sent with its error, and `failed` is told. */
export class Sender {
  readonly #window = new SendWindow();
  #isStopped = false;
  #hasCredit = false;
  #credited = (): void => undefined;

  constructor(
    private readonly channel: Channel,
    private readonly frames: Frames,
    private readonly failed: (error: unknown) => void,
  ) {
    void this.#run();
  }

  /** Whether the function takes frames: one that does gives credit before it answers. */
  get isTaken(): boolean {
    return this.#hasCredit;
  }

  /** Takes in the server's credit; what is wrong with it, if anything. */
  credit(n: unknown, window: unknown): string | undefined {
    this.#hasCredit = true;
    const fault = this.#window.credit(n, window);
    this.#credited();
    return fault;
  }

  /** Sends nothing more, and ends the source. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#credited();
    this.frames.stop();
  }

  async #run(): Promise<void> {
    try {
      while (await this.#mayAsk()) {
        const { done, value } = await this.frames.next();
        if (this.#isStopped) return;
        if (done === true) {
          this.#isStopped = true;
          this.channel.send('end', { n: this.#window.next });
          return;
        }
        this.channel.send('data', { n: this.#window.next, data: value });
        this.#window.sent();
      }
    } catch (error) {
      if (this.#isStopped) return;
      this.stop();
      this.channel.send('error', { n: this.#window.next, error: bodyOf(error) });
      this.failed(error);
    }
  }

  /** Waits for credit: the source is asked for nothing that may not go at once. False where it is stopped. */
  async #mayAsk(): Promise<boolean> {
    while (!this.#window.isOpen && !this.#isStopped) {
      await new Promise<void>((credited) => { this.#credited = credited; });
    }
    return !this.#isStopped;
  }
}

function bodyOf(error: unknown): ErrorBody {
  if (error instanceof CallError) return { code: error.code, message: error.message, retry: error.retry };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'unavailable', message, retry: false };
}
