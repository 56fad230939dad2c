// A stream that runs: what came and went of it, how fast, and how far it is.

/** Frames that are kept to be shown. */
const KEPT = 20;

/** The time that a rate is of, in milliseconds. */
const SPAN = 1000;

export type Ending = 'runs' | 'ended' | 'cancelled' | 'failed';

/** Frames and bytes, in one direction. */
export class Flow {
  frames = 0;
  bytes = 0;
  #marks: { readonly at: number; readonly frames: number; readonly bytes: number }[] = [];

  constructor(private readonly now: () => number = () => performance.now()) {
    this.#mark();
  }

  add(bytes: number): void {
    this.frames += 1;
    this.bytes += bytes;
    // One mark a tenth of the span, however much comes.
    if (this.now() - (this.#marks.at(-1)?.at ?? 0) >= SPAN / 10) this.#mark();
  }

  /** Frames and bytes a second, over the last second or so. */
  get rate(): { readonly frames: number; readonly bytes: number } {
    const now = this.now();
    while (this.#marks.length > 1 && now - (this.#marks[1]?.at ?? now) >= SPAN) this.#marks.shift();
    const from = this.#marks[0] ?? { at: now, frames: 0, bytes: 0 };
    const seconds = Math.max(now - from.at, 1) / 1000;
    return { frames: (this.frames - from.frames) / seconds, bytes: (this.bytes - from.bytes) / seconds };
  }

  #mark(): void {
    this.#marks.push({ at: this.now(), frames: this.frames, bytes: this.bytes });
    if (this.#marks.length > 2 * SPAN / 100) this.#marks.shift();
  }
}

export interface Frame {
  readonly n: number;
  readonly data: unknown;
}

/** Where a stream is, of where it will end; `of` in the unit that is known. */
export interface Progress {
  readonly at: number;
  readonly of: number;
}

/** One stream, from its call to its end. `changed` is called with each frame. */
export class StreamRun {
  readonly down = new Flow();
  readonly up = new Flow();
  readonly aborting = new AbortController();
  ending: Ending = 'runs';
  error: unknown;
  /** The newest. */
  frames: readonly Frame[] = [];
  changed: () => void = () => undefined;

  constructor(
    readonly event: string,
    private readonly data: unknown,
    readonly file?: Blob,
  ) {}

  /** The file, chunk by chunk, counted as it goes. */
  async* source(file: Blob, size = 64 * 1024): AsyncGenerator<ArrayBuffer> {
    for (let at = 0; at < file.size; at += size) {
      const chunk = await file.slice(at, at + size).arrayBuffer();
      yield chunk;
      this.up.add(chunk.byteLength);
      this.changed();
    }
  }

  /** Takes all that comes, until the end. */
  async take(items: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const data of items) {
        this.frames = [{ n: this.down.frames, data }, ...this.frames].slice(0, KEPT);
        this.down.add(data instanceof ArrayBuffer ? data.byteLength : 0);
        this.changed();
      }
      this.ending = 'ended';
    } catch (error) {
      this.ending = this.aborting.signal.aborted ? 'cancelled' : 'failed';
      if (this.ending === 'failed') this.error = error;
    }
    this.changed();
  }

  cancel(): void {
    this.aborting.abort();
  }

  /** How far it is, where the file or the call says how much there will be. */
  get progress(): Progress | undefined {
    if (this.file) return { at: this.up.bytes, of: this.file.size };
    const { bytes, to } = (this.data ?? {}) as { readonly bytes?: unknown; readonly to?: unknown };
    if (typeof bytes === 'number') return { at: this.down.bytes, of: bytes };
    if (typeof to === 'number') return { at: this.down.frames, of: to };
    return undefined;
  }
}
