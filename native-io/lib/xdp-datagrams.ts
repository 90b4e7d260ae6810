/**
 * AF_XDP beside a datagram socket (datagram-socket.ts): a program on an interface gives packets of
 * sessions, which it knows by the first four bytes of their CIDs, to sockets of its queues, and the
 * kernel lays them into frames of the engine's memory. Handshakes, fragments, VLANs and whatever
 * else the program does not know come by the datagram socket, and all that is sent goes by it.
 */
import { checkWholeNumber } from './port-options.ts';
import { checkChoice, checkInterface, type XdpMode } from './xdp.ts';

export interface XdpDatagramOptions {
  interface: string;
  /** Queues of the interface that get a socket, from 0; at most 64 [all, as far as frames go]. */
  queues?: number;
  /** `auto` tries native, then generic [auto]. */
  mode?: XdpMode | 'auto';
  /** First byte of the frames, on a page of 4096, and how many of 4096 bytes: 64 for a queue. */
  frames: number;
  frameCount: number;
}

export interface XdpGot {
  readonly mode: XdpMode;
  readonly queues: number;
  /** The driver writes to the frames itself; else the kernel copies. */
  readonly zeroCopy: boolean;
  /** Bytes of the frames that lie in huge pages. */
  readonly hugePageBytes: number;
}

export interface XdpInboxStatistics {
  /** Packets that came by AF_XDP; in `received` too. */
  packets: number;
  /** Packets with headers that contradict themselves or a wrong checksum; in `dropped` too. */
  malformed: number;
  /** What the kernel dropped, in `dropped` too: the ring was full; no frame was there; in all. */
  ringFull: number;
  framesMissing: number;
  kernelDropped: number;
}

const U32_MAX = 0xffffffff;
const QUEUES_MAX = 64;
const names = new Set(['interface', 'queues', 'mode', 'frames', 'frameCount']);

/** Throws a TypeError or a RangeError that names the argument. */
export function checkXdpDatagrams(options: XdpDatagramOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`xdp: wanted an object, got ${typeof options}`);
  }
  for (const name of Object.keys(options)) {
    if (!names.has(name)) throw new TypeError(`${name}: no such option`);
  }
  checkInterface(options.interface);
  const { queues, mode } = options;
  if (queues !== undefined) checkWholeNumber('queues', queues, QUEUES_MAX);
  if (mode !== undefined) checkChoice('mode', mode, ['auto', 'native', 'generic']);
  checkWholeNumber('frames', options.frames, U32_MAX);
  checkWholeNumber('frameCount', options.frameCount, U32_MAX);
}
