import { isIP } from 'node:net';

/**
 * Whoever asks: a datagram's sender, a TCP connection, a WebSocket. Each request has its own
 * answer, or none.
 */
export interface RequestOrigin {
  readonly address: string;
  /** From this machine itself: admin commands in clear text are taken from here. */
  readonly local: boolean;
  readonly datagram: boolean;
  /**
   * Sends the reply. `bytes` is a view of the engine's memory: copied or sent before this returns.
   */
  reply(bytes: Uint8Array): void;
  /** No reply will come. */
  dropped(): void;
}

/** Where requests go. */
export interface RequestSink {
  /**
   * Takes one request; false: no room now. A datagram is then lost, as on any full path; a stream
   * offers it again.
   */
  submit(message: Uint8Array, origin: RequestOrigin): boolean;
}

/** Loopback addresses, also IPv4 ones in IPv6 form; no name, whatever it begins with. */
export function isLoopback(address: string): boolean {
  if (isIP(address) === 0) return false;
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
