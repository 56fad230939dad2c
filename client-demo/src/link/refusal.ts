// Why a connection did not come about, as far as the browser tells.

import type { ErrorBody } from 'updraft-client';
import type { Refusal } from './state';

/** What socket.io-client says in `connect_error`. */
export type ConnectError = Error & {
  /** What the server says of it, where it answered in Socket.IO. */
  readonly data?: Partial<ErrorBody>;
  /** The HTTP status, where it answered a poll. */
  readonly description?: unknown;
  /** The request of that poll. */
  readonly context?: { readonly responseText?: unknown };
};

/** Longest text of an HTTP answer that is for people: a proxy's page of HTML is not. */
const LONGEST = 300;

/**
 * What the server, or a proxy before it, says against a connection; nothing where none answered. What a failed
 * WebSocket was answered, and what a server of another origin answered, no browser tells.
 */
export function refusalOf({ message, data, description, context }: ConnectError): Refusal | undefined {
  if (data !== undefined) return { message, ...(data.code !== undefined && { code: data.code }) };
  if (typeof description !== 'number' || description < 400) return undefined;
  const text = typeof context?.responseText === 'string' ? context.responseText.trim() : '';
  const isReadable = text !== '' && text.length <= LONGEST && !text.startsWith('<');
  return { message: isReadable ? text : `HTTP status ${String(description)}` };
}
