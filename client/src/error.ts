// Why something failed, in the server's codes.

/** An error as the server sends it. */
export interface ErrorBody {
  /** One of the server's closed list: `unavailable`, `forbidden`, `overloaded`, … */
  readonly code: string;
  readonly message: string;
  /** Whether the same may succeed later. */
  readonly retry?: boolean;
  readonly details?: unknown;
}

/**
 * What a stream, an upload or a topic throws: what the server said, or what this client found. Of its own it says
 * `unavailable` where the connection ended, `bad_call` where packets do not follow the protocol, or where a function streams
 * otherwise than it is asked to, and `conflict` where a
 * topic is read twice over one socket.
 */
export class CallError extends Error implements ErrorBody {
  override readonly name = 'CallError';
  readonly code: string;
  readonly retry: boolean;
  readonly details: unknown;

  constructor({ code, message, retry = false, details }: ErrorBody) {
    super(message);
    this.code = code;
    this.retry = retry;
    this.details = details;
  }
}

/** The error that a packet says, whatever its form. */
export function errorOf(said: unknown): CallError {
  const { code, message, retry, details } = (said ?? {}) as Partial<ErrorBody>;
  return new CallError({
    code: typeof code === 'string' ? code : 'internal',
    message: typeof message === 'string' ? message : String(said),
    retry: retry === true,
    details,
  });
}

export function badCall(message: string, details?: unknown): CallError {
  return new CallError({ code: 'bad_call', message, details });
}

export function disconnected(): CallError {
  return new CallError({ code: 'unavailable', message: 'the connection ended', retry: true });
}
