// The socket.

/** What is used of a socket of `socket.io-client`: every generation from 2.x on has it. */
export interface ClientSocket {
  readonly connected: boolean;
  emit(event: string, ...args: any[]): unknown;
  on(event: string, listener: (...args: any[]) => void): unknown;
  off(event?: string, listener?: (...args: any[]) => void): unknown;
}
