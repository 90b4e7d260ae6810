/**
 * A socket of the native addon as the loop of an engine sees it (native-io/src/packet-socket.h): it
 * receives into the engine's frames and rings and sends the engine's replies; JavaScript calls
 * turn() before the engine, and sees no packet.
 */
export interface PacketSocket {
  /** `mmsg`, `io_uring`, `af_xdp`. */
  readonly backend: string;
  readonly host: string;
  readonly port: number;
  /**
   * Sends what may leave, then receives: datagrams handed to the engine, and above them PacketBits
   * << 16. Now in microseconds since the epoch, two words.
   */
  turn(nowLow: number, nowHigh: number): number;
  /** Reply frames that have been sent, to be released. */
  releases(): Uint32Array;
  /**
   * Copies the oldest datagram that was longer than a frame to `offset`, one of the host's large
   * frames, and tells of it; undefined: there is none. 0 drops it.
   */
  large(offset: number): LargeDatagram | undefined;
  /** The reply to a large datagram; length 0: there is none. turn() has to follow. */
  sendTo(peer: number, offset: number, length: number): boolean;
  /** Calls back whenever there is something to receive. */
  watch(callback: () => void): void;
  close(): void;
  counters(): PacketCounters;
}

export interface PacketCounters {
  received: number;
  sent: number;
  /** Found no room, in or out. */
  dropped: number;
  /** Descriptors that named what they cannot have. */
  refused: number;
  silent: number;
}

export interface LargeDatagram {
  /** For sendTo(). */
  peer: number;
  length: number;
  local: boolean;
  /** As Descriptor.ADDRESS. */
  address: number;
}

/** What turn() leaves to its caller. */
export const PacketBits = {
  /** The next entry of READY or HELD is not the socket's. */
  HOST_READY: 1,
  HOST_HELD: 2,
  RELEASES: 4,
  /** large() has something. */
  LARGE: 8,
} as const;
