import { expect, test } from 'vitest';
import type { Fold, TopicEvent, TopicFold } from '../src/link';
import { refusalOf } from '../src/link/refusal';
import { Signals, Topic } from '../src/link/topics';
import { visitors } from '../src/presence/presence';

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

const whole: TopicFold<readonly TopicEvent[]> = { ...all, whole: 9 };

test('a topic that is wanted whole is asked for from its beginning, and nothing of the compacted backlog is told', () => {
  const topic = new Topic('board', whole);
  topic.hear(start(0, 9, true));
  expect([topic.wantsWhole, topic.position]).toEqual([true, 'e:0']);
  // What was on its way.
  topic.hear(event(8));
  topic.hear(start(0, 9, false));
  expect(topic.wantsWhole).toBe(false);
  for (const heard of [event(2), event(8), event(9), live(9)]) topic.hear(heard);
  expect(places(topic).map(([seq]) => seq)).toEqual([2, 8, 9]);
  expect((topic.state as TopicEvent[]).some(({ compacted }) => compacted)).toBe(false);
  expect([topic.heard, topic.repeated]).toEqual([3, 0]);
});

test('a topic that is not to be had whole is told as it was compacted, and asked for once', () => {
  for (const answer of ['compacted anew', 'refused']) {
    const topic = new Topic('board', whole);
    for (const heard of [start(0, 9, true), event(8)]) topic.hear(heard);
    expect(places(topic)).toEqual([]);
    if (answer === 'refused') topic.compacted();
    else for (const heard of [start(0, 9, true), event(8)]) topic.hear(heard);
    expect(topic.wantsWhole).toBe(false);
    for (const heard of [event(9), live(9), event(11)]) topic.hear(heard);
    topic.settle();
    expect((topic.state as TopicEvent[]).map(({ seq, compacted }) => [seq, compacted])).toEqual([[8, true], [9, true], [11, false]]);
  }
});

test('a topic that is longer than it is wanted is read compacted', () => {
  const topic = new Topic('board', whole);
  topic.hear(start(0, 10, true));
  expect(topic.wantsWhole).toBe(false);
});

test('what follows half of a compacted backlog is compacted still, until the topic is live', () => {
  const topic = new Topic('board', all);
  for (const heard of [start(0, 5, true), event(2)]) topic.hear(heard);
  topic.disconnected();
  for (const heard of [start(2, 6, false), event(5), event(6), live(6), event(7)]) topic.hear(heard);
  topic.settle();
  expect((topic.state as TopicEvent[]).map(({ compacted }) => compacted)).toEqual([true, true, true, false]);
});

test('a connection that breaks before the whole came begins there again', () => {
  const topic = new Topic('board', whole);
  for (const heard of [start(0, 9, true), event(8)]) topic.hear(heard);
  topic.disconnected();
  expect([topic.wantsWhole, topic.position]).toEqual([false, 'e:0']);
  topic.hear(start(0, 9, true));
  expect(topic.wantsWhole).toBe(true);
});

test('a topic that is refused says why, and keeps its place', () => {
  const topic = new Topic('board', all);
  for (const heard of [start(0, 2, true), event(1), event(2), live(2)]) topic.hear(heard);
  const error = { code: 'forbidden', message: 'no client may read this topic' };
  topic.hear({ event: 'topic.refused', topic: 'board', error });
  expect([topic.refused, topic.position]).toEqual([error, 'e:2']);
  topic.hear(start(2, 2, false));
  expect(topic.refused).toBeUndefined();
});

test('a refusal says what the server said, as far as the browser tells', () => {
  const failed = (message: string, said: object) => refusalOf(Object.assign(new Error(message), said));
  expect(failed('a token is wanted', { data: { code: 'unauthenticated' } })).toEqual({ message: 'a token is wanted', code: 'unauthenticated' });
  const posted = (responseText: string) => failed('xhr post error', { description: 403, context: { responseText } });
  expect(posted('Pages of this origin may not connect here (--allowed-origins).\n')).toEqual({ message: 'Pages of this origin may not connect here (--allowed-origins).' });
  expect(posted('<!doctype html><title>403</title>')).toEqual({ message: 'HTTP status 403' });
  // No server, a WebSocket that failed, a server of another origin.
  for (const description of [0, undefined, {}]) expect(failed('xhr poll error', { description })).toBeUndefined();
});

test('a signal is known for as long as the connection lasts', () => {
  const signals = new Signals({ beat: { initial: 0, fold: (known: number, heard) => known + heard.length } });
  for (const heard of [{ event: 'beat' }, { event: 'other' }, { event: 'beat' }]) signals.hear(heard);
  expect(signals.state['beat']).toBe(2);
  signals.reset();
  expect(signals.state['beat']).toBe(0);
});

test('a visitor is there until its key ends, under the name that it gave last', () => {
  const heard = (key: string, rest: object) => ({ topic: 'visitors', seq: 1, time: 0, live: true, compacted: false, key, ...rest }) as TopicEvent;
  const entered = (key: string, name: string) => heard(key, { event: 'presence.entered', data: { name, color: '#1f6fb2' } });
  const left = (key: string) => heard(key, { event: 'presence.left', deleted: true });
  const names = (events: readonly TopicEvent[]) => [...visitors.fold(visitors.initial, events).values()].map(({ name }) => name);
  expect(names([entered('n.a', 'Ada'), entered('n.b', 'Grace'), entered('n.a', 'Lovelace')])).toEqual(['Lovelace', 'Grace']);
  expect(names([entered('n.a', 'Ada'), entered('m.b', 'Grace'), left('n.a'), left('n.c')])).toEqual(['Grace']);
  expect(visitors.initial.size).toBe(0);
});

test('a topic beside the matter is told like any other', () => {
  const topic = new Topic('board', { ...all, aside: true });
  for (const heard of [start(0, 1, true), event(1), live(1)]) topic.hear(heard);
  expect([topic.isAside, new Topic('board', all).isAside]).toEqual([true, false]);
  expect(places(topic)).toEqual([[1, false]]);
});
