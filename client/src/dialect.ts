// How the packets of streams and topics are called: as `event`, or by their own names.

/**
 * How a namespace answers: `false`, modules by the event `event`; `true`, events of any name; `'node'`, events of any
 * name whose acks are Node's `(err, …)`.
 */
export type Named = boolean | 'node';

export type Fields = Readonly<Record<string, unknown>>;

/** A packet of the server: what it is, and of which stream or topic. */
export interface Packet {
  readonly kind: string;
  readonly fields: Fields;
}

/** What an ack says. */
export type Ack = { readonly data: unknown } | { readonly error: unknown };

export interface Dialect {
  /** The events that the server's packets come as. */
  readonly heard: readonly string[];
  /** What came as one of them. */
  read(event: string, packet: unknown): Packet | undefined;
  /** The arguments of the emit that calls a function. */
  call(event: string, fields: Fields): readonly [string, Fields];
  /** The arguments of the emit of a packet of this protocol. */
  packet(kind: string, fields: Fields): readonly [string, Fields];
}

function fieldsOf(packet: unknown): Fields | undefined {
  return typeof packet === 'object' && packet !== null ? (packet as Fields) : undefined;
}

const MODULES: Dialect = {
  heard: ['event'],
  read(_, packet) {
    const fields = fieldsOf(packet);
    const kind = fields?.['event'];
    return fields && typeof kind === 'string' ? { kind, fields } : undefined;
  },
  call: (event, fields) => ['event', { event, ...fields }],
  packet: (kind, fields) => ['event', { event: kind, ...fields }],
};

const NAMED: Dialect = {
  heard: ['stream.data', 'stream.end', 'stream.error', 'stream.credit'],
  read(kind, packet) {
    const fields = fieldsOf(packet);
    return fields && { kind, fields };
  },
  call: (event, fields) => [event, fields],
  packet: (kind, fields) => [kind, fields],
};

export function dialectOf(named: Named): Dialect {
  return named === false ? MODULES : NAMED;
}

/** What the arguments of an ack say. Several results of an event are an array of them. */
export function readAck(named: Named, args: readonly unknown[]): Ack {
  if (named === 'node') {
    const [error, ...results] = args;
    return error == null ? { data: oneOf(results) } : { error };
  }
  const answer = fieldsOf(args[0]);
  if (answer && 'error' in answer) return { error: answer['error'] };
  return { data: named ? oneOf(args) : answer?.['data'] };
}

function oneOf(results: readonly unknown[]): unknown {
  return results.length > 1 ? results : results[0];
}

