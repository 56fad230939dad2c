// What came, until it is taken.

interface Taker<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Holds what came until the consumer takes it, in order; then the end, or one error. */
export class Queue<T> {
  #items: T[] = [];
  readonly #takers: Taker<T>[] = [];
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;

  /** `taken` is called for each one that the consumer takes, after it was handed out. */
  constructor(private readonly taken: () => void) {}

  get size(): number {
    return this.#items.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  push(item: T): void {
    if (this.#isClosed) return;
    const taker = this.#takers.shift();
    if (!taker) {
      this.#items.push(item);
      return;
    }
    taker.resolve({ done: false, value: item });
    this.taken();
  }

  /** Nothing more comes: what is here is taken first, then the end. */
  end(): void {
    this.#close(undefined);
  }

  /** The same, with an error as its end. */
  fail(error: unknown): void {
    this.#close({ error });
  }

  /** Drops what was not taken, and ends at once, with an error where one is given. */
  drop(failure?: { readonly error: unknown }): void {
    this.#items = [];
    if (this.#isClosed) this.#failure = undefined;
    this.#close(failure);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      this.taken();
      return Promise.resolve({ done: false, value });
    }
    if (!this.#isClosed) return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = undefined;
    return failure ? Promise.reject(failure.error as Error) : Promise.resolve(DONE);
  }

  #close(failure: { readonly error: unknown } | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = failure;
    for (const taker of this.#takers.splice(0)) this.next().then(taker.resolve, taker.reject);
  }
}
