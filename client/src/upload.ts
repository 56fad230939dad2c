// What a function takes as a stream, and answers once.

import { onAbort } from './abort.js';
import { Channel } from './channel.js';
import type { Ack, Named, Packet } from './dialect.js';
import { badCall, disconnected, errorOf } from './error.js';
import { Sender } from './sender.js';
import type { ClientSocket } from './socket.js';
import { framesOf, type Source } from './source.js';

export interface UploadOptions {
  /** The call's data. */
  readonly data?: unknown;
  /** Ends it: the signal's reason is thrown, and the server drops what it has. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a chunk where the source is bytes: 64 KiB, unless given. */
  readonly chunkSize?: number | undefined;
  /** For a namespace of events of any name: `true`, or `'node'` where its acks are `(err, …)`. */
  readonly named?: Named | undefined;
}

/**
 * Sends what the source gives, within the server's credit, to a function that takes it as a stream, and gives its answer.
 * The source is asked for no more than may go at once, and stopped where the answer comes early.
 *
 *     const { size } = await upload(socket, 'api.stream.upload', file);
 *
 * @throws {CallError} what the server refuses or fails with; `unavailable` where the connection ends; `bad_call` where
 * the function takes no frames, with its answer as `details`. What the source throws is thrown as it is.
 */
export function upload<R = unknown>(
  socket: ClientSocket,
  event: string,
  source: Source,
  options: UploadOptions = {},
): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    const { data, signal, chunkSize, named = false } = options;
    const frames = framesOf(source, chunkSize);
    if (signal?.aborted === true) {
      frames.stop();
      throw signal.reason;
    }
    const fields = data === undefined ? {} : { data };
    const channel = opened();
    const sender = new Sender(channel, frames, fail);
    const forget = onAbort(signal, cancel);

    function opened(): Channel {
      try {
        return new Channel(socket, named, event, fields, {
          acked: (ack) => { acked(ack); },
          heard: (packet) => { heard(packet); },
          disconnected: () => { fail(disconnected()); },
        });
      } catch (error) {
        frames.stop();
        throw error;
      }
    }

    function acked(ack: Ack): void {
      if ('error' in ack) fail(errorOf(ack.error));
      else if (channel.isNamedIn(ack.data)) cancel(badCall(streams(sender.isTaken)));
      else if (!sender.isTaken) fail(badCall(`${event} takes no frames: it has answered, and nothing was sent`, ack.data));
      else {
        close();
        resolve(ack.data as R);
      }
    }

    function streams(isTaken: boolean): string {
      return isTaken ? `${event} streams its answer: duplex reads it` : `${event} streams, and takes no frames: stream reads it`;
    }

    function heard({ kind, fields: { n, window, error } }: Packet): void {
      if (kind === 'stream.error') fail(errorOf(error));
      else if (kind === 'stream.credit') {
        const fault = sender.credit(n, window);
        if (fault !== undefined) cancel(badCall(fault));
      }
    }

    function cancel(reason: unknown): void {
      channel.cancel();
      fail(reason);
    }

    function fail(reason: unknown): void {
      close();
      reject(reason as Error);
    }

    function close(): void {
      forget();
      channel.close();
      sender.stop();
    }
  });
}
