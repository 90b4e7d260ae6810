/**
 * What a packet socket is told when it is opened: one engine instance's place in the memory, and
 * where to listen. The addon checks every range against the memory; here the arguments are checked
 * for what they are, so that a mistake gets a message that names it.
 */

/** Offsets are bytes from the start of the memory. */
export interface PortOptions {
  /** Initial = maximum, shared or not. It is kept alive until close(). */
  memory: WebAssembly.Memory;
  /** The rings: Region.RX, READY and HELD of the instance. */
  rx: number;
  ready: number;
  held: number;
  /** Entries of each ring, a power of two. */
  ringEntries: number;
  /** Region.CONTROL + Control.COMMITTED. */
  committed: number;
  /** Frames of 4096 bytes, aligned to 4096, that are this socket's from now on. */
  frames: number;
  frameCount: number;
  /** Replies of this instance lie in [replyLow, replyEnd), or in the frame of their request. */
  replyLow: number;
  replyEnd: number;
  /** The host's frames of LARGE_FRAME_BYTES, to which large() may copy. */
  largeFrames: number;
  largeFrameCount: number;
  /** 16 bytes, the key under which IPv6 addresses are hashed. */
  hashKey: number;
  /** Requests under way at once, at most 262,144. */
  peers: number;
}

export interface SocketOptions {
  /** An IPv4 or IPv6 address of this machine, or a wildcard; `::` hears IPv4 too. */
  host: string;
  /** 0: the kernel chooses. */
  port: number;
  /** Several sockets, one a worker, share the port. */
  reusePort?: boolean;
}

export type OpenOptions = PortOptions & SocketOptions;

const U32_MAX = 0xffffffff;

const numbers = [
  ...['rx', 'ready', 'held', 'ringEntries', 'committed', 'frames', 'frameCount'],
  ...['replyLow', 'replyEnd', 'largeFrames', 'largeFrameCount', 'hashKey', 'peers'],
];
const known = new Set([...numbers, 'memory', 'host', 'port', 'reusePort']);

/**
 * Throws a TypeError for an argument of the wrong type or a name that does not exist, a RangeError
 * for a number that is none. `own`: options of this backend besides the common ones.
 */
export function checkOpenOptions(options: OpenOptions, own: readonly string[] = []): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options: wanted an object, got ${typeof options}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.has(name) && !own.includes(name)) throw new TypeError(`${name}: no such option`);
  }
  const values = options as unknown as Record<string, unknown>;
  for (const name of numbers) checkWholeNumber(name, values[name], U32_MAX);
  if (!(options.memory instanceof WebAssembly.Memory)) {
    throw new TypeError(`memory: wanted a WebAssembly.Memory, got ${typeof options.memory}`);
  }
  if (typeof options.host !== 'string') {
    throw new TypeError(`host: wanted an IP address, got ${typeof options.host}`);
  }
  checkWholeNumber('port', options.port, 65535);
  const { reusePort } = options;
  if (reusePort !== undefined && typeof reusePort !== 'boolean') {
    throw new TypeError(`reusePort: wanted true or false, got ${typeof reusePort}`);
  }
}

/** A whole number from 0 to `max`; the message names the argument and what came. */
export function checkWholeNumber(name: string, value: unknown, max: number): void {
  if (typeof value !== 'number') {
    throw new TypeError(`${name}: wanted a number, got ${typeof value}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name}: wanted a whole number from 0 to ${max}, got ${value}`);
  }
}
