// A server that is killed again and again while stock clients publish and read: kills.mjs KILLS SEED PROGRAM FLAG…

import assert from 'node:assert/strict';
import { kill, onOwnPort, startBy } from './server.mjs';
import { connected, leaveBehind, lots, open, shown, soon } from './support.mjs';

const [kills, seed, ...command] = process.argv.slice(2);
const random = lots(Number(seed));
const begin = (port) => startBy(command, { UPDRAFT_PORT: port });
let server = await onOwnPort(begin);
const { url } = server;

const PUBLISHERS = 4;

/** Cards that each publisher changes at once, and those that stay when it is done with them. */
const LANES = 8;
const STAYING = 5;

/**
 * Clients come back at any moment after the server did. One that was about to upgrade when it was killed notices only
 * by its heartbeat, which fails after 45 s: waits are longer than that.
 */
const COMING_BACK = { reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 40 };

let wake = () => {};

function until(what, holds) {
  return soon(what, (done) => {
    wake = () => holds() && done();
    wake();
  });
}

/** What is the same of an event wherever it is seen. */
const shape = ({ event, key, data, deleted }) => [event, key, deleted ? null : data.title].join(' ');

/** How often a change was tried; where the acked ones stand. Nothing is tried again that may have happened. */
const tried = new Map();
const acked = new Map();
let isOver = false;

const EVENTS = { add: 'card.added', edit: 'card.edited', remove: 'card.removed' };

/** Tries one change: whether it happened, or `undefined` where nobody knows. */
async function change(socket, name, data) {
  if (!socket.connected) await soon('the server again', (done) => socket.once('connect', done));
  const told = shape({ event: EVENTS[name], key: data.id, data, deleted: name === 'remove' });
  tried.set(told, (tried.get(told) ?? 0) + 1);
  // It fails when the connection is lost.
  const answer = await socket.emitWithAck('event', { event: `api.board.${name}`, data }).catch(() => undefined);
  if (!answer) return undefined;
  if (answer.error) {
    assert.equal(answer.error.code, 'conflict', shown(answer));
    return false;
  }
  assert.ok(!acked.has(answer.data), `two events at ${answer.data}`);
  acked.set(answer.data, told);
  wake();
  return true;
}

/** Cards are added, edited and removed, one after the other. */
async function publish(socket, lane) {
  let staying = 0;
  for (let card = 0; !isOver; card += 1) {
    const id = `${lane}-${card}`;
    const edits = random(6);
    let isKnown = await change(socket, 'add', { id, title: `${id}/0`, column: 'todo' });
    for (let edit = 1; isKnown && edit <= edits; edit += 1) {
      isKnown = await change(socket, 'edit', { id, title: `${id}/${edit}` });
    }
    // What nobody refuses, and whose outcome is known, happened.
    assert.notEqual(isKnown, false);
    if (isKnown && staying < STAYING) staying += 1;
    else await remove(socket, id);
  }
}

/** Until it is known to be gone: `false` where it was not there. */
async function remove(socket, id) {
  while ((await change(socket, 'remove', { id })) === undefined);
}

class Subscriber {
  position = null;
  epoch;
  heard = [];
  starts = [];
  /** How many events had come when the backlog was over for the first time. */
  live;
  cards = new Map();
  connections = 0;

  constructor(transports, position = null) {
    this.position = position;
    this.socket = open(url, '4', 'websocket', {
      ...COMING_BACK,
      transports,
      auth: (give) => {
        leaveBehind(this.socket);
        give({ topics: { board: this.position } });
      },
    });
    this.socket.on('connect', () => (this.connections += 1));
    this.socket.on('event', (event) => this.hear(event));
  }

  hear(event) {
    assert.equal(event.topic, 'board');
    if (event.event === 'topic.start') this.start(event);
    else if (event.event === 'topic.live') this.live ??= this.heard.length;
    else this.fold(event);
    this.position = `${this.epoch}:${event.seq}`;
    wake();
  }

  start({ epoch, reset, seq }) {
    assert.equal(this.epoch ?? epoch, epoch);
    this.epoch = epoch;
    this.starts.push(reset);
    if (reset) this.cards.clear();
    else assert.equal(`${epoch}:${seq}`, this.position, 'it goes on where it was');
  }

  fold(event) {
    this.heard.push({ seq: event.seq, told: shape(event) });
    if (event.deleted) this.cards.delete(event.key);
    else this.cards.set(event.key, event.data.title);
  }

  get seq() {
    return this.heard.at(-1)?.seq ?? 0;
  }
}

const STOCK = ['polling', 'websocket'];
const whole = [['websocket'], ['websocket'], STOCK, ['polling']].map((one) => new Subscriber(one));
const late = [];
await until('the subscribers', () => whole.every(({ live }) => live === 0));

const lanes = [];
for (let publisher = 0; publisher < PUBLISHERS; publisher += 1) {
  const socket = open(url, '4', 'websocket', COMING_BACK);
  await connected(socket);
  for (let lane = 0; lane < LANES; lane += 1) lanes.push(publish(socket, `${publisher}-${lane}`));
}
const publishing = Promise.all(lanes);
// What fails meanwhile ends the script at once.
publishing.catch((error) => {
  throw error;
});

const startsOfAll = () => whole.map(({ starts }) => starts.length);

/**
 * When the next kill comes: after so many acks, so many events to a subscriber, or when that one is back. It began so often before the last
 * kill: it may be back before the server has said that it listens.
 */
function moment(starts) {
  const more = [0, 1, random(20), random(200)][random(4)];
  const number = random(whole.length);
  const reader = whole[number];
  const [acks, heard] = [acked.size, reader.heard.length];
  return [
    () => acked.size >= acks + more,
    () => reader.heard.length >= heard + more,
    () => reader.starts.length > starts[number],
  ];
}

let starts = startsOfAll();
for (let round = 0; round < Number(kills); round += 1) {
  const kinds = moment(starts);
  // In the first round nobody comes back.
  const comes = kinds[random(round === 0 ? 2 : kinds.length)];
  await until(`kill ${round}`, comes);
  starts = startsOfAll();
  await kill(server);
  late.push(...(round % 5 === 1 ? [new Subscriber(['websocket'])] : []));
  server = await begin(new URL(url).port);
}

const before = acked.size;
await until('the publishers to go on', () => acked.size >= before + 100);
isOver = true;
await publishing;

// Read back from the beginning: every event, and the board as it is now.
const { epoch } = whole[0];
const history = new Subscriber(['websocket'], `${epoch}:0`);
const newcomer = new Subscriber(['websocket']);
await until('the history', () => history.live !== undefined && newcomer.live !== undefined);
assert.deepEqual(history.starts, [false]);
assert.deepEqual(newcomer.starts, [true]);
const readers = [...whole, ...late];
await until('all to have everything', () => readers.every(({ seq }) => seq >= history.seq));

const places = new Map(history.heard.map(({ seq, told }) => [`${epoch}:${seq}`, told]));
assert.equal(places.size, history.heard.length);
for (const [place, told] of acked) assert.equal(places.get(place), told, `acked at ${place}`);
const counts = new Map();
for (const { told } of history.heard) counts.set(told, (counts.get(told) ?? 0) + 1);
for (const [told, count] of counts) assert.ok(count <= (tried.get(told) ?? 0), `${told} is there ${count} times`);
const seqs = history.heard.map(({ seq }) => seq);
assert.ok(seqs.every((seq, index) => index === 0 || seq > seqs[index - 1]), 'the order rises');

for (const reader of whole) assert.deepEqual(reader.heard, history.heard, 'all hear the same');
for (const reader of late) {
  const live = reader.heard.slice(reader.live);
  assert.deepEqual(live, history.heard.slice(history.heard.length - live.length));
}
for (const reader of [...readers, newcomer]) assert.deepEqual(sorted(reader.cards), sorted(history.cards));
for (const reader of readers) {
  const [first, ...others] = reader.starts;
  assert.ok(first && !others.includes(true), 'nobody begins anew');
  assert.ok(reader.connections >= reader.starts.length);
}
for (const reader of whole) assert.ok(reader.starts.length > 1, 'all came back');

console.log(`seed ${seed}: ${kills} kills, ${acked.size} acked of ${history.heard.length} events`);
for (const { socket } of [...readers, history, newcomer]) socket.close();
await kill(server);
process.exit();

function sorted(cards) {
  return [...cards].sort(([one], [other]) => (one < other ? -1 : 1));
}
