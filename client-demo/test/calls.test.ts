import { expect, test } from 'vitest';
import { AnswerEvent, CallEvent, type Answer, type KeyedCall } from '../src/link';
import { Calls } from '../src/link/calls';

/** An element of a page, and what it is told. */
class Place extends EventTarget {
  readonly isConnected = true;
  readonly told: Answer[] = [];

  constructor(calls: Calls) {
    super();
    this.addEventListener(CallEvent.type, (event) => { if (event instanceof CallEvent) calls.take(event); });
    this.addEventListener(AnswerEvent.type, (event) => { if (event instanceof AnswerEvent) this.told.push(event.detail); });
  }

  ask(event: string, options?: ConstructorParameters<typeof CallEvent>[1]): void {
    this.dispatchEvent(new CallEvent({ event }, options));
  }
}

/** A connection: what went over it, and the answers that the server gives. */
class Wire {
  readonly sent: { readonly call: KeyedCall; readonly answered: ((answer: unknown) => void) | undefined }[] = [];
  readonly send = (call: KeyedCall, answered?: (answer: unknown) => void): void => { this.sent.push({ call, answered }); };

  get events(): readonly string[] {
    return this.sent.map(({ call }) => call.event);
  }

  answer(event: string, answer: object): void {
    this.sent.find(({ call }) => call.event === event)?.answered?.(answer);
  }
}

function page() {
  const calls = new Calls(() => undefined);
  return { calls, place: new Place(calls) };
}

test('calls wait for a connection, in their order, and for the next one until they are answered', () => {
  const { calls, place } = page();
  place.ask('one');
  place.ask('two');
  expect(calls.waiting).toBe(2);
  const [first, second] = [new Wire(), new Wire()];
  calls.open(first.send);
  expect(first.events).toEqual(['one', 'two']);
  first.answer('one', { data: 1 });
  calls.close();
  calls.open(second.send);
  expect(second.events).toEqual(['two']);
  expect(second.sent[0]?.call.id).toBe(first.sent[1]?.call.id);
  second.answer('two', { error: { code: 'conflict', message: 'no' } });
  expect([calls.waiting, calls.taken, calls.answered]).toEqual([0, 2, 2]);
  expect(place.told.map(({ call, data, error }) => [call.event, data ?? error?.code])).toEqual([['one', 1], ['two', 'conflict']]);
});

test('what a stopping server still answers is answered', () => {
  const { calls, place } = page();
  const wire = new Wire();
  calls.open(wire.send);
  place.ask('early');
  calls.close();
  place.ask('late');
  wire.answer('early', { data: 1 });
  expect(place.told.map(({ call }) => call.event)).toEqual(['early']);
  expect(calls.waiting).toBe(1);
  expect(wire.events).toEqual(['early']);
});

test('a call without an ack is sent once', () => {
  const { calls, place } = page();
  place.ask('one', { acked: false });
  const [first, second] = [new Wire(), new Wire()];
  calls.open(first.send);
  expect([calls.waiting, calls.taken, calls.answered]).toEqual([0, 1, 1]);
  calls.close();
  calls.open(second.send);
  expect([first.events, second.events]).toEqual([['one'], []]);
});

test('a volatile call is sent now or never', () => {
  const { calls, place } = page();
  place.ask('before', { volatile: true });
  const [first, second] = [new Wire(), new Wire()];
  calls.open(first.send);
  place.ask('now', { volatile: true });
  place.ask('unacked', { volatile: true, acked: false });
  expect(first.events).toEqual(['now', 'unacked']);
  expect(first.sent[1]?.answered).toBeUndefined();
  calls.close();
  place.ask('after', { volatile: true });
  calls.open(second.send);
  expect(second.events).toEqual([]);
  expect([calls.waiting, calls.taken, calls.answered]).toEqual([0, 0, 0]);
});

test('a volatile call is answered, and tells how long the way is, but counts among no calls', () => {
  const { calls, place } = page();
  const wire = new Wire();
  calls.open(wire.send);
  place.ask('now', { volatile: true });
  expect(calls.waiting).toBe(0);
  wire.answer('now', { error: { code: 'unavailable', message: 'later' } });
  expect(place.told.map(({ error }) => error?.code)).toEqual(['unavailable']);
  expect(calls.latency).toBeGreaterThanOrEqual(0);
  expect(wire.events).toEqual(['now']);
  expect([calls.waiting, calls.taken, calls.answered]).toEqual([0, 0, 0]);
});
