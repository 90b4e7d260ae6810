/**
 * AF_XDP: the engine's frames as the UMEM of a socket on one queue of an interface. The main thread
 * attaches the program once (attachXdp); each worker opens the socket of its queue (openXdp).
 */
import type { PacketSocket } from './packet-socket.ts';
import { checkOpenOptions, checkWholeNumber, type OpenOptions } from './port-options.ts';

/** How the program is attached: by the driver, or by the kernel before its own stack. */
export type XdpMode = 'native' | 'generic';

export interface AttachOptions {
  interface: string;
  /**
   * An IP address of the interface, or a wildcard: then those of its family that the interface has
   * now. What comes to others, or to later ones, is served by the kernel's sockets.
   */
  host: string;
  /** Not 0. */
  port: number;
  /** Queues that may get a socket, from 0 [all that the interface has]. */
  queues?: number;
  /** `auto` tries native, then generic [auto]. */
  mode?: XdpMode | 'auto';
  /** Datagrams to other ports are taken too if they begin with a prefix of addPrefix() [false]. */
  cidPrefixes?: boolean;
}

/**
 * The program on its interface. It stays until close(), until the thread that attached it ends, or
 * until the object is collected: keep it.
 */
export interface XdpAttachment {
  readonly interface: string;
  /** For openXdp() in every thread of this process. */
  readonly mapFd: number;
  readonly mode: XdpMode;
  readonly queues: number;
  /**
   * Datagrams that begin with these four bytes (a big-endian number) go to the engine, whatever
   * their port. Throws an IoError when 65,536 are there already, without `cidPrefixes`, or after
   * close() (ANDVARI_IO_CLOSED); then there is nothing left for removePrefix() to do.
   */
  addPrefix(prefixU32BE: number): void;
  removePrefix(prefixU32BE: number): void;
  /** Takes the program off. Idempotent. Sockets stay open and get nothing by AF_XDP any more. */
  close(): void;
}

export interface OpenXdpOptions extends OpenOptions {
  interface: string;
  queue: number;
  /** Of the attachment, which must be alive. */
  mapFd: number;
  mode: XdpMode;
  /** Entries of each of the four rings, a power of two [4096]. */
  ring?: number;
  /** Asks for transparent huge pages under the frames [true]. */
  hugePages?: boolean;
}

export interface XdpStatistics {
  /** Packets with headers that contradict themselves or a wrong checksum; in `dropped` too. */
  malformed: number;
  /** Datagrams that came by the kernel's socket: fragments, VLANs, other interfaces. */
  byKernel: number;
  /** Replies that left by the kernel's socket: too large for a packet, or no frame was free. */
  repliesByKernel: number;
  /** Replies that did not lie in their request's frame. */
  copied: number;
  /** What the kernel dropped: the receive ring was full; no frame was there; anything else. */
  ringFull: number;
  framesMissing: number;
  kernelDropped: number;
  /** Descriptors that the kernel did not take: a fault of ours. */
  refusedByKernel: number;
}

export interface XdpSocket extends PacketSocket {
  readonly queue: number;
  /** The driver reads and writes the frames itself; else the kernel copies. */
  readonly zeroCopy: boolean;
  /** Bytes of the frames that lie in huge pages. */
  readonly hugePageBytes: number;
  /** The node that the frames were put on, the network card's; -1: left where they were. */
  readonly numaNode: number;
  /** Also after close(). */
  statistics(): XdpStatistics;
}

/** What the addon exports; it trusts its arguments. */
export interface XdpAddon {
  attachXdp(options: AttachOptions): XdpAttachment;
  openXdp(options: OpenXdpOptions): XdpSocket;
}

const U32_MAX = 0xffffffff;
const FD_MAX = 0x7fffffff;
/** IFNAMSIZ, with its closing zero. */
const INTERFACE_BYTES_MAX = 15;
const RING_MIN = 64;
const RING_MAX = 65536;
const attachNames = new Set(['interface', 'host', 'port', 'queues', 'mode', 'cidPrefixes']);
const openNames = ['interface', 'queue', 'mapFd', 'mode', 'ring', 'hugePages'];

/** Throws a TypeError. */
export function checkInterface(name: unknown): void {
  if (typeof name !== 'string' || name === '' || name.length > INTERFACE_BYTES_MAX) {
    throw new TypeError(`interface: wanted a name of 1 to 15 characters, got ${name}`);
  }
}

/** Throws a TypeError. */
export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'string' && choices.includes(value)) return;
  throw new TypeError(`${name}: wanted ${choices.join(' or ')}, got ${value}`);
}

function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new TypeError(`${name}: wanted true or false, got ${typeof value}`);
}

/**
 * Puts the program on an interface. Throws a TypeError or RangeError for a wrong argument, and an
 * IoError: ANDVARI_IO_INTERFACE, ANDVARI_IO_QUEUE, ANDVARI_ADDRESS, ANDVARI_IO_PERMISSION,
 * ANDVARI_IO_QUEUE_BUSY (another program is there), ANDVARI_IO_UNSUPPORTED, ANDVARI_IO_SYSTEM.
 */
export function attachXdp(addon: XdpAddon, options: AttachOptions): XdpAttachment {
  for (const name of Object.keys(options)) {
    if (!attachNames.has(name)) throw new TypeError(`${name}: no such option`);
  }
  checkInterface(options.interface);
  if (typeof options.host !== 'string') {
    throw new TypeError(`host: wanted an IP address, got ${typeof options.host}`);
  }
  checkWholeNumber('port', options.port, 65535);
  if (options.port === 0)
    throw new RangeError('port: wanted a whole number from 1 to 65535, got 0');
  if (options.queues !== undefined) checkWholeNumber('queues', options.queues, 65535);
  if (options.mode !== undefined) {
    checkChoice('mode', options.mode, ['auto', 'native', 'generic']);
  }
  checkFlag('cidPrefixes', options.cidPrefixes);
  const attachment = addon.attachXdp(options);
  const { addPrefix, removePrefix } = attachment;
  return Object.assign(attachment, {
    addPrefix(prefixU32BE: number) {
      checkWholeNumber('prefixU32BE', prefixU32BE, U32_MAX);
      addPrefix(prefixU32BE);
    },
    removePrefix(prefixU32BE: number) {
      checkWholeNumber('prefixU32BE', prefixU32BE, U32_MAX);
      removePrefix(prefixU32BE);
    },
  });
}

/**
 * Opens the socket of one queue, and a kernel socket on the same port beside it. Throws a TypeError
 * or RangeError for a wrong argument, and an IoError: those of attachXdp(), ANDVARI_IO_MEMLOCK (the
 * frames are more than may be locked), ANDVARI_IO_QUEUE_BUSY (another socket has the queue),
 * ANDVARI_PORT_IN_USE.
 */
export function openXdp(addon: XdpAddon, options: OpenXdpOptions): XdpSocket {
  checkOpenOptions(options, openNames);
  checkInterface(options.interface);
  checkWholeNumber('queue', options.queue, 65535);
  checkWholeNumber('mapFd', options.mapFd, FD_MAX);
  checkChoice('mode', options.mode, ['native', 'generic']);
  const { ring } = options;
  if (ring !== undefined) {
    checkWholeNumber('ring', ring, RING_MAX);
    if (ring < RING_MIN || (ring & (ring - 1)) !== 0) {
      throw new RangeError(`ring: wanted a power of two from 64 to 65536, got ${ring}`);
    }
  }
  checkFlag('hugePages', options.hugePages);
  return addon.openXdp(options);
}
