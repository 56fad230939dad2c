import { expect, test } from 'vitest';
import { Flow, StreamRun } from '../src/inspector/run';

/** Gives these, and fails where an error is among them. */
async function* items(...all: readonly unknown[]): AsyncGenerator {
  for (const one of all) {
    if (one instanceof Error) throw one;
    yield await Promise.resolve(one);
  }
}

test('frames are counted, their bytes too, and the newest are kept', async () => {
  const run = new StreamRun('a', { to: 100 });
  await run.take(items(...Array.from({ length: 100 }, (_, n) => n)));
  expect(run.ending).toBe('ended');
  expect(run.progress).toEqual({ at: 100, of: 100 });
  expect(run.frames.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => 99 - n));
  const bytes = new StreamRun('a', { bytes: 10 });
  await bytes.take(items(new ArrayBuffer(6), new ArrayBuffer(4), { sha256: '' }));
  expect(bytes.progress).toEqual({ at: 10, of: 10 });
  expect(new StreamRun('a', { topic: 'board' }).progress).toBeUndefined();
});

test('a stream that fails says why, and one that is cancelled was', async () => {
  const failure = new Error('broken');
  const failed = new StreamRun('a', undefined);
  await failed.take(items(1, failure));
  expect([failed.ending, failed.error, failed.down.frames]).toEqual(['failed', failure, 1]);
  const cancelled = new StreamRun('a', undefined);
  cancelled.cancel();
  await cancelled.take(items(cancelled.aborting.signal.reason));
  expect([cancelled.ending, cancelled.error]).toEqual(['cancelled', undefined]);
});

test('a file goes out in chunks, and what is not asked for is not counted', async () => {
  const file = new Blob(['x'.repeat(150)]);
  const run = new StreamRun('a', undefined, file);
  const source = run.source(file, 64);
  expect(await source.next()).toEqual({ done: false, value: new TextEncoder().encode('x'.repeat(64)).buffer });
  expect(run.progress).toEqual({ at: 0, of: 150 });
  await source.next();
  expect(run.progress).toEqual({ at: 64, of: 150 });
  await source.next();
  await source.next();
  expect(run.progress).toEqual({ at: 150, of: 150 });
});

test('a rate is that of the last second, and falls to nothing where nothing comes', () => {
  let now = 0;
  const flow = new Flow(() => now);
  for (; now < 10_000; now += 10) flow.add(now < 5000 ? 100 : 1000);
  expect(flow.rate.frames).toBeGreaterThan(90);
  expect(flow.rate.frames).toBeLessThan(110);
  expect(flow.rate.bytes).toBeGreaterThan(90_000);
  expect(flow.rate.bytes).toBeLessThan(110_000);
  now += 60_000;
  expect(flow.rate.frames).toBeLessThan(1);
});
