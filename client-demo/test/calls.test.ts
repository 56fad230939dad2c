import { expect, test } from 'vitest';
import { AnswerEvent, CallEvent, type Answer, type KeyedCall } from '../src/link';
import { Calls } from '../src/link/calls';
import { Kept, type Store } from '../src/link/kept';

/** An element of a page, and what it is told. */
class Place extends EventTarget {
  readonly isConnected = true;
  readonly told: Answer[] = [];

  constructor(calls: Calls) {
    super();
    this.addEventListener(CallEvent.type, (event) => { if (event instanceof CallEvent) calls.take(event); });
    this.addEventListener(AnswerEvent.type, (event) => { if (event instanceof AnswerEvent) this.told.push(event.detail); });
  }

  ask(event: string, options?: ConstructorParameters<typeof CallEvent>[1], data?: unknown): void {
    this.dispatchEvent(new CallEvent({ event, data }, options));
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

/** A tab's storage. */
class Tab implements Store {
  readonly #kept = new Map<string, string>();
  constructor(private readonly room = Infinity) {}
  get size(): number { return this.#kept.size; }
  getItem(key: string): string | null { return this.#kept.get(key) ?? null; }
  removeItem(key: string): void { this.#kept.delete(key); }
  setItem(key: string, text: string): void {
    if (text.length > this.room) throw new DOMException('The quota is exceeded', 'QuotaExceededError');
    this.#kept.set(key, text);
  }
}

/** A page that is loaded in a tab. */
function page(tab: Store = new Tab(), name = 'here') {
  const home = new EventTarget();
  const told: Answer[] = [];
  home.addEventListener(AnswerEvent.type, (event) => { if (event instanceof AnswerEvent) told.push(event.detail); });
  const calls = new Calls(() => undefined, home, new Kept(name, tab));
  return { calls, told, place: new Place(calls) };
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

test('what waits is sent after a reload, in its order and under its keys, until it is answered', () => {
  const tab = new Tab();
  const before = page(tab);
  const wire = new Wire();
  before.calls.open(wire.send);
  for (const event of ['answered', 'unanswered']) before.place.ask(event, {}, { title: 'Fly' });
  before.place.ask('volatile', { volatile: true });
  wire.answer('answered', { data: 1 });
  before.calls.close();
  before.place.ask('unacked', { acked: false });

  const { calls, told } = page(tab);
  expect([calls.waiting, calls.taken]).toEqual([2, 2]);
  expect(calls.restored.map(({ call, answer }) => [call.event, answer])).toEqual([['unanswered', undefined]]);
  const next = new Wire();
  calls.open(next.send);
  expect(next.events).toEqual(['unanswered', 'unacked']);
  expect(next.sent[0]?.call).toEqual(wire.sent[1]?.call);
  expect(next.sent[1]?.answered).toBeUndefined();
  next.answer('unanswered', { data: 2 });
  expect(told.map(({ call, data }) => [call.event, data])).toEqual([['unanswered', 2]]);
  expect(calls.restored[0]?.answer?.data).toBe(2);
  expect([calls.waiting, calls.answered]).toEqual([0, 2]);
  expect(tab.size).toBe(0);
});

test('what waits here is not sent elsewhere', () => {
  const tab = new Tab();
  page(tab).place.ask('one');
  expect(page(tab, 'elsewhere').calls.waiting).toBe(0);
  expect(page(tab).calls.waiting).toBe(1);
});

test('a call with bytes waits, but not through a reload', () => {
  const tab = new Tab();
  const { calls, place } = page(tab);
  place.ask('bytes', {}, { deep: [new Uint8Array(3)] });
  place.ask('buffer', {}, new ArrayBuffer(3));
  place.ask('node', {}, Buffer.from('abc'));
  place.ask('endless', {}, 1n);
  place.ask('date', {}, new Date(0));
  expect(calls.waiting).toBe(5);
  expect(page(tab).calls.restored.map(({ call }) => [call.event, call.data])).toEqual([['date', '1970-01-01T00:00:00.000Z']]);
});

test('a storage that is full, forbidden or holds something else stops nothing', () => {
  const no = () => { throw new DOMException('It is forbidden', 'SecurityError'); };
  const odd = new Tab();
  odd.setItem('updraft-calls:here', '[null, 1, {"call": {"id": 1}}, {"call": {"id": "a", "event": "odd"}, "acked": true}]');
  const broken = new Tab();
  broken.setItem('updraft-calls:here', '{no');
  for (const tab of [new Tab(10), { getItem: no, setItem: no, removeItem: no }, odd, broken]) {
    const { calls, place } = page(tab);
    const wire = new Wire();
    calls.open(wire.send);
    place.ask('one');
    wire.answer('one', { data: 1 });
    expect(place.told.length).toBe(1);
    expect(wire.events.filter((event) => event !== 'odd')).toEqual(['one']);
  }
});

test('where not all that waits fits, nothing is kept that may be answered by now', () => {
  const tab = new Tab(200);
  const { place } = page(tab);
  place.ask('one');
  expect(tab.size).toBe(1);
  place.ask('two', {}, 'x'.repeat(200));
  expect(tab.size).toBe(0);
});
