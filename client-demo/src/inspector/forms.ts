// The forms in which data travels.

/** How data is written on the wire. */
export const FORMS = {
  json: 'JSON',
  buffer: 'Buffer',
  gzip: 'base64 of gzip',
} as const;

export type Form = keyof typeof FORMS;

/** What of a call depends on the form of its data. */
export interface Written {
  readonly data?: unknown;
  readonly encoding?: string;
}

/**
 * Writes a JSON text in a form. An empty text is no data.
 *
 * Throws a SyntaxError where the text is no JSON.
 */
export async function write(text: string, form: Form): Promise<Written> {
  if (text.trim() === '') return {};
  const data = JSON.parse(text) as unknown;
  switch (form) {
    case 'json': return { data };
    case 'buffer': return { data: bytesOf(data).buffer };
    case 'gzip': return { data: base64(await gzip(bytesOf(data))), encoding: 'gzip+base64' };
  }
}

function bytesOf(data: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(data));
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** What came, for people to read: Buffers as the text in them where they hold one. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (part instanceof ArrayBuffer ? { Buffer: textIn(part) } : part), 2);
}

function textIn(buffer: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer);
  } catch {
    return `${String(buffer.byteLength)} bytes`;
  }
}
