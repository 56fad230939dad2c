// What the browser remembers of the page, in a tab or for all of them. Where it forbids that, nothing is remembered.

type Memory = 'sessionStorage' | 'localStorage';

export function recall(memory: Memory, key: string): string | undefined {
  try {
    return globalThis[memory].getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is remembered now. */
export function remember(memory: Memory, key: string, text: string): boolean {
  try {
    globalThis[memory].setItem(key, text);
    return true;
  } catch {
    return false;
  }
}
