// What a user writes compiles, with the types of socket.io-client.

import { io, type Socket } from 'socket.io-client';
import { CallError, duplex, stream, topic, upload, type ClientSocket, type TopicEvent } from '../src/index.js';

interface Events {
  event: (packet: { event: string }) => void;
}

export const socket = io();
export const typed: Socket<Events, Events> = io();
export const sockets: ClientSocket[] = [socket, typed];

function seqOf({ seq, live, compacted }: TopicEvent): number {
  return live || compacted ? seq : 0;
}

export async function uses(file: Blob, aborting: AbortController): Promise<number> {
  let sum = 0;
  for await (const number of stream<number>(socket, 'count', { to: 3 }, { signal: aborting.signal, window: 4, resume: true })) sum += number;
  for await (const answer of duplex<string>(typed, 'ask', ['why?'], { data: 1, named: 'node' })) sum += answer.length;
  const { size } = await upload<{ size: number }>(socket, 'upload', file, { signal: undefined, chunkSize: 1024 });
  for await (const item of topic(socket, 'board', { since: null })) {
    if (item.reset) sum += item.head;
    if (item.event === 'card.added') sum += seqOf(item);
  }
  // @ts-expect-error: a number is nothing to send.
  await upload(socket, 'upload', 7).catch((error: unknown) => error instanceof CallError && error.retry);
  return sum + size;
}
