/**
 * The socket of a node that calls and is called: datagrams from and to anywhere, received into an
 * engine's memory and sent from it. Where a packet socket (packet-socket.ts) ties each reply to its
 * request, here whoever has the memory says what goes where: the transfer protocol.
 *
 * Packets are never cut, neither here nor on their way: one that the interface does not take is
 * lost, and counted as `tooLarge`.
 */
import { checkWholeNumber, type SocketOptions } from './port-options.ts';
import {
  checkXdpDatagrams,
  type XdpDatagramOptions,
  type XdpGot,
  type XdpInboxStatistics,
} from './xdp-datagrams.ts';

/** Offsets are bytes from the start of the memory. */
export interface DatagramOptions extends Omit<SocketOptions, 'reusePort'> {
  /** Initial = maximum, shared or not. It is kept alive until close(). */
  memory: WebAssembly.Memory;
  /** Where receive() lays datagrams: 65,536 bytes at the least. */
  incoming: number;
  incomingBytes: number;
  /** Where packets of send() may lie. */
  outgoing: number;
  outgoingBytes: number;
  /** The table of send(): LETTERS entries of TransferPacket. */
  sent: number;
  /** LETTERS letters, in any memory. */
  letters: Uint8Array;
  /** Packets with a listed CID prefix come by AF_XDP, everything else by the socket [all does]. */
  xdp?: XdpDatagramOptions;
}

/** What tells of a datagram received: offset (u32), bytes (u32), the far end (24 bytes). */
export const LETTER_BYTES = 32;
/** Letters of receive(), and packets of send(), at the most. */
export const LETTERS = 64;

/** What the callback of watch() is told, added up. */
export const DatagramEvent = {
  /** receive() may have something. */
  READABLE: 1,
  /** What send() left waiting has gone: packets may be written again. */
  DRAINED: 2,
} as const;

export interface DatagramSocket {
  /** Where it is bound: the address as the kernel has it, and the port. */
  readonly host: string;
  readonly port: number;
  /** Bytes of the largest IP packet that its interface takes. */
  readonly mtu: number;
  /** What AF_XDP got of the wishes; undefined: it is not there. */
  readonly xdp?: XdpGot;

  /**
   * Lays datagrams into `incoming` and their letters into `letters`; gives how many. They stay
   * until the next call. 0: no more have come.
   */
  receive(): number;

  /**
   * Sends the first `count` packets of the table; gives how many the kernel has not taken yet. As
   * long as there are any the memory from `outgoing` on is not to be written, and a further call
   * does nothing; DRAINED tells the end of it.
   */
  send(count: number): number;

  /** Sends bytes to a far end, now or never. */
  sendTo(bytes: Uint8Array, farEnd: Uint8Array): void;

  /**
   * Calls back on the event loop with DatagramEvents. It keeps the process alive until close(). A
   * second call changes nothing.
   */
  watch(callback: (events: number) => void): void;

  /**
   * Packets to the port that begin with these four bytes (a big-endian number) come by AF_XDP from
   * now on. False: 65,536 prefixes are there already, and they go on coming by the socket. Without
   * AF_XDP, and after close(), nothing happens. Throws an IoError.
   */
  addPrefix(prefixU32BE: number): boolean;
  removePrefix(prefixU32BE: number): boolean;
  /** Zeros without AF_XDP; also after close(). */
  xdpStatistics(): XdpInboxStatistics;

  /** What has happened since the socket was opened; also after close(). */
  counters(): DatagramCounters;

  /** Closes the socket and lets go of the memory. Idempotent; then nothing else does a thing. */
  close(): void;
}

export interface DatagramCounters {
  received: number;
  /** Handed to the kernel. */
  sent: number;
  /** Found no room or no way, in or out, or came from where nobody can be answered. */
  dropped: number;
  /** Larger than the interface takes. */
  tooLarge: number;
  /** Packets that lay where none may: a fault of the engine. */
  refused: number;
}

const U32_MAX = 0xffffffff;
const numbers = ['incoming', 'incomingBytes', 'outgoing', 'outgoingBytes', 'sent'] as const;

/** Throws a TypeError or a RangeError that names the argument. */
export function checkDatagramOptions(options: DatagramOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options: wanted an object, got ${typeof options}`);
  }
  for (const name of numbers) checkWholeNumber(name, options[name], U32_MAX);
  if (!(options.memory instanceof WebAssembly.Memory)) {
    throw new TypeError(`memory: wanted a WebAssembly.Memory, got ${typeof options.memory}`);
  }
  if (!(options.letters instanceof Uint8Array)) {
    throw new TypeError(`letters: wanted a Uint8Array, got ${typeof options.letters}`);
  }
  if (options.letters.length !== LETTERS * LETTER_BYTES) {
    throw new RangeError(`letters: wanted ${LETTERS * LETTER_BYTES} bytes`);
  }
  if (typeof options.host !== 'string') {
    throw new TypeError(`host: wanted an IP address, got ${typeof options.host}`);
  }
  checkWholeNumber('port', options.port, 65535);
  if (options.xdp !== undefined) checkXdpDatagrams(options.xdp);
}
