// Ending by an AbortSignal.

/** Calls `act` with the signal's reason once it aborts, also where it has. The answer takes this back. */
export function onAbort(signal: AbortSignal | undefined, act: (reason: unknown) => void): () => void {
  if (!signal) return () => undefined;
  const aborted = (): void => { act(signal.reason); };
  if (signal.aborted) aborted();
  else signal.addEventListener('abort', aborted, { once: true });
  return () => { signal.removeEventListener('abort', aborted); };
}
