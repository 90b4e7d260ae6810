/**
 * The object that a backend's open function gives: datagrams between the kernel and one engine
 * instance. The kernel's datagrams lie in the engine's frames and their descriptors in its receive
 * ring; replies are taken from READY, and from HELD as far as the store has committed. One addon
 * call and one engine call per batch:
 *
 * ```ts
 * socket.watch(() => {
 *   for (let round = 0; round < ROUNDS_MAX; round++) {
 *     const turned = socket.turn(nowLow, nowHigh);
 *     // ... see to the bits (TurnBits) ...
 *     if (turned === 0) return;
 *     engine.process(...);
 *   }
 *   setImmediate(...); // there may be more
 * });
 * ```
 *
 * After whatever lets replies leave (a commit, a page that has come, sendTo()), turn() has to be
 * called too: it sends them, and it is what wakes a socket that had no room to receive into.
 */

export interface PacketSocket {
  /** `mmsg`, `io_uring` or `af_xdp`. */
  readonly backend: string;
  /** Where it listens: the address as the kernel has it, and the port. */
  readonly host: string;
  readonly port: number;

  /**
   * Sends what may leave, then receives at most 256 datagrams. The time (microseconds since the
   * epoch, two words) is the arrival time of what is received. Gives received | bits << 16.
   */
  turn(nowLow: number, nowHigh: number): number;

  /** Reply frames that have been sent, to be given back with the engine's release(). */
  releases(): Uint32Array;

  /**
   * Copies the oldest datagram that was longer than a frame to `offset`, one of the host's large
   * frames, and tells of it; undefined: there is none. Offset 0 drops it, when no large frame is
   * free. Throws a RangeError, counts it as refused and writes nothing when no large frame begins
   * there. The host hands it to the engine as a request of its own, and answers
   * each with one sendTo().
   */
  large(offset: number): LargeDatagram | undefined;

  /**
   * Sends the reply to a large datagram; length 0: there is none. It must lie in the large frame of
   * its request, or where the instance keeps replies; those bytes may be overwritten afterwards.
   * False: refused, because it is not that, or `peer` waits for no reply. turn() has to follow.
   */
  sendTo(peer: number, offset: number, length: number): boolean;

  /**
   * Calls back on the event loop whenever turn() has something to do. It keeps the process alive
   * until close(). A second call changes nothing.
   */
  watch(callback: () => void): void;

  /** From now on turn() receives nothing; replies to what was received still leave. */
  pause(): void;

  /** What has happened since the socket was opened; also after close(). */
  counters(): PacketCounters;

  /**
   * Closes the socket and lets go of the memory. Requests under way get no reply. Idempotent; every
   * other method does nothing afterwards. The end of the thread does the same.
   */
  close(): void;
}

/** What turn() tells besides the number of datagrams: turn() & 0xffff. */
export const TURN_BITS_SHIFT = 16;
export const TurnBits = {
  /** The next entry of READY, or of HELD, is for the host: it is not a request of this socket. */
  READY: 1,
  HELD: 2,
  /** releases() has something. */
  RELEASES: 4,
  /** large() has something. */
  LARGE: 8,
} as const;

/**
 * In Descriptor.PEER: a request of a packet socket. The host's own handles are below, and it leaves
 * the entries of a socket to the socket.
 */
export const PEER_BIT = 0x80000000;

export interface LargeDatagram {
  /** For sendTo(). */
  peer: number;
  length: number;
  /** Flag.LOCAL, Flag.IPV6. */
  flags: number;
  /** As Descriptor.ADDRESS. */
  address: number;
}

export interface PacketCounters {
  /** Handed to the engine. */
  received: number;
  /** Handed to the kernel. */
  sent: number;
  /** Found no room, in the kernel, in or out; no way to their receiver; malformed packets. */
  dropped: number;
  /** Descriptors that named what they cannot have: a fault of the engine. */
  refused: number;
  /** Requests that ended without a reply. */
  silent: number;
}
