import { expect, test } from 'vitest';
import type { Fold, TopicEvent } from '../src/link';
import { Signals, Topic } from '../src/link/topics';
import { presence } from '../src/presence/presence';

const all: Fold<readonly TopicEvent[], TopicEvent> = { initial: [], fold: (known, fresh) => [...known, ...fresh] };

const start = (seq: number, head: number, reset: boolean) =>
  ({ event: 'topic.start', topic: 'board', epoch: 'e', seq, head, reset }) as const;
const live = (seq: number) => ({ event: 'topic.live', topic: 'board', epoch: 'e', seq }) as const;
const event = (seq: number) => ({ event: 'card.added', topic: 'board', seq, time: 0, key: String(seq) });

function places(topic: Topic): readonly [number, boolean][] {
  topic.settle();
  return (topic.state as TopicEvent[]).map(({ seq, live: isLive }) => [seq, isLive]);
}

test('a topic goes on where it was', () => {
  const topic = new Topic('board', all);
  expect(topic.position).toBeNull();
  for (const heard of [start(0, 2, true), event(1), event(2), live(2), event(5)]) topic.hear(heard);
  expect(topic.position).toBe('e:5');
  expect(places(topic)).toEqual([[1, false], [2, false], [5, true]]);

  for (const heard of [start(5, 7, false), event(7), live(7)]) topic.hear(heard);
  expect(places(topic).map(([seq]) => seq)).toEqual([1, 2, 5, 7]);
  expect(topic.isLive).toBe(true);
});

test('a topic begins anew where the server says so', () => {
  const topic = new Topic('board', all);
  for (const heard of [start(0, 9, true), event(8), event(9)]) topic.hear(heard);
  topic.hear(start(0, 3, true));
  expect(places(topic)).toEqual([]);
  topic.hear(event(3));
  expect(places(topic)).toEqual([[3, false]]);
});

test('an event that comes twice is counted, and not told twice', () => {
  const topic = new Topic('board', all);
  for (const heard of [start(0, 2, true), event(1), event(1), event(2)]) topic.hear(heard);
  expect(places(topic).map(([seq]) => seq)).toEqual([1, 2]);
  expect(topic.repeated).toBe(1);
});

test('a topic that goes on before its place tells nothing twice', () => {
  const topic = new Topic('board', all);
  for (const heard of [start(0, 2, true), event(1), event(2), live(2), event(5)]) topic.hear(heard);
  for (const heard of [start(2, 7, false), event(5), event(7), live(7)]) topic.hear(heard);
  expect(places(topic).map(([seq]) => seq)).toEqual([1, 2, 5, 7]);
  expect(topic.repeated).toBe(1);
});

test('of lists of who is here the newest counts, since the connection began', () => {
  const signals = new Signals({ 'presence.list': presence });
  const list = (revision: number) => ({ event: 'presence.list', data: { revision, count: 0, visitors: [] } });
  const revision = () => (signals.state['presence.list'] as { revision: number }).revision;
  for (const heard of [list(3), list(5), list(4), { event: 'other' }]) signals.hear(heard);
  expect(revision()).toBe(5);
  signals.reset();
  signals.hear(list(1));
  expect(revision()).toBe(1);
});
