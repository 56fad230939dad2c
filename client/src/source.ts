// What is sent: whatever gives one frame after the other.

/** What an upload sends: of iterables each item is a frame, of bytes each chunk. */
export type Source =
  | Iterable<unknown>
  | AsyncIterable<unknown>
  | ReadableStream
  | Blob
  | ArrayBuffer
  | ArrayBufferView;

/** Gives one frame after the other; `stop` ends it early. */
export interface Frames {
  next(): Promise<IteratorResult<unknown>>;
  stop(): void;
}

/** Bytes of a chunk where none are given. */
const CHUNK = 64 * 1024;

/** The frames of a source. Blobs, Buffers, and the Buffers of a ReadableStream come in chunks of at most so many bytes. */
export function framesOf(source: Source, chunkSize = CHUNK): Frames {
  if (typeof source !== 'object' || source === null) {
    throw new TypeError(`a source is an iterable, a stream or bytes, and no ${typeof source}: put one value into an array`);
  }
  if (source instanceof Blob) return fromIterator(slicesOf(source, chunkSize));
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return fromIterator(chunksOf(source, chunkSize));
  if ('getReader' in source) return fromReader(source.getReader() as ReadableStreamDefaultReader<unknown>, chunkSize);
  if (Symbol.asyncIterator in source) return fromIterator(source[Symbol.asyncIterator]());
  if (Symbol.iterator in source) return fromIterator(source[Symbol.iterator]());
  throw new TypeError('a source is an iterable, a stream or bytes');
}

function fromIterator(iterator: Iterator<unknown> | AsyncIterator<unknown>): Frames {
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done === true ? { done, value: undefined } : { done: false, value: asFrame(await value) };
    },
    // A generator that is at work returns when it is done with it, and is not waited for.
    stop: () => { quietly(async () => { await iterator.return?.(); }); },
  };
}

function fromReader(reader: ReadableStreamDefaultReader<unknown>, chunkSize: number): Frames {
  let chunks: Iterator<unknown> = [][Symbol.iterator]();
  return {
    async next() {
      for (;;) {
        const chunk = chunks.next();
        if (chunk.done !== true) return { done: false, value: asFrame(chunk.value) };
        const { done, value } = await reader.read();
        if (done) return { done: true, value: undefined };
        chunks = (isBytes(value) ? chunksOf(value, chunkSize) : [value])[Symbol.iterator]();
      }
    },
    stop: () => { quietly(async () => { await reader.cancel(); }); },
  };
}

async function* slicesOf(blob: Blob, size: number): AsyncGenerator<ArrayBuffer> {
  for (let at = 0; at < blob.size; at += size) yield blob.slice(at, at + size).arrayBuffer();
}

function* chunksOf(bytes: ArrayBuffer | ArrayBufferView, size: number): Generator<ArrayBuffer | ArrayBufferView> {
  if (bytes.byteLength <= size) {
    if (bytes.byteLength > 0) yield bytes;
    return;
  }
  const all = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

function isBytes(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/** Bytes as every generation of the client sends them: 2.x takes a typed array for an object. */
function asFrame(value: unknown): unknown {
  if (!ArrayBuffer.isView(value) || isNodeBuffer(value)) return value;
  const { buffer, byteOffset, byteLength } = value;
  return byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
}

function isNodeBuffer(value: unknown): boolean {
  const { Buffer } = globalThis as { Buffer?: { isBuffer(value: unknown): boolean } };
  return Buffer?.isBuffer(value) === true;
}

/** Does what may fail where nobody waits for it any more. */
function quietly(act: () => Promise<void>): void {
  act().catch(() => undefined);
}
