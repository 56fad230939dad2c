// What waits outlives the page: it is kept with the tab, until it is answered.

import type { KeyedCall } from './events';

/** A call as it is kept. */
export interface KeptCall {
  readonly call: KeyedCall;
  readonly acked: boolean;
}

export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * The waiting calls of one link, in the tab's storage under one key. What is no JSON (Buffers, typed arrays) is not
 * kept, and where the storage is full or forbidden nothing is: the page goes on without.
 */
export class Kept {
  readonly #key: string;
  readonly #texts = new WeakMap<KeptCall, string>();

  constructor(name: string, private readonly store: Store | undefined = storageOfThisTab()) {
    this.#key = `updraft-calls:${name}`;
  }

  /** What was kept, in its order. */
  read(): readonly KeptCall[] {
    try {
      const kept = JSON.parse(this.store?.getItem(this.#key) ?? '[]') as unknown;
      return Array.isArray(kept) ? kept.filter(isKeptCall) : [];
    } catch {
      return [];
    }
  }

  /** These are what waits now. */
  write(calls: Iterable<KeptCall>): void {
    const texts = [...calls].map((kept) => this.#textOf(kept)).filter((text) => text !== '');
    try {
      if (texts.length > 0) this.store?.setItem(this.#key, `[${texts.join(',')}]`);
      else this.store?.removeItem(this.#key);
    } catch {
      this.#forget();
    }
  }

  /** Rather nothing than what may be answered by now. */
  #forget(): void {
    try {
      this.store?.removeItem(this.#key);
    } catch {
      // It is forbidden altogether.
    }
  }

  /** As JSON, written once; empty where it is none. */
  #textOf(kept: KeptCall): string {
    const known = this.#texts.get(kept);
    if (known !== undefined) return known;
    const text = jsonOf({ call: kept.call, acked: kept.acked });
    this.#texts.set(kept, text);
    return text;
  }
}

function jsonOf(kept: KeptCall): string {
  let isJson = true;
  try {
    const text = JSON.stringify(kept, function (this: Readonly<Record<string, unknown>>, name, value: unknown) {
      // As it is, and not as it would write itself.
      if (isBinary(this[name])) isJson = false;
      return value;
    });
    return isJson ? text : '';
  } catch {
    return '';
  }
}

function isBinary(value: unknown): boolean {
  return value instanceof ArrayBuffer || value instanceof Blob || ArrayBuffer.isView(value);
}

function isKeptCall(kept: unknown): kept is KeptCall {
  const { call, acked } = (kept ?? {}) as { call?: Partial<KeyedCall>; acked?: unknown };
  return typeof call?.id === 'string' && typeof call.event === 'string' && typeof acked === 'boolean';
}

/** Where it is forbidden, to look is an error. */
function storageOfThisTab(): Store | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
