/**
 * The native addon as the host sees it. It is optional: where it is not there, loadNative() says
 * why, and the host goes on without it.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CryptAddon, cryptFace } from './crypt.ts';
import {
  checkDatagramOptions,
  type DatagramOptions,
  type DatagramSocket,
} from './datagram-socket.ts';
import type { FileRingAddon } from './file-ring.ts';
import { BORDER_HASH } from './generated/border.ts';
import type { PacketSocket } from './packet-socket.ts';
import { checkOpenOptions, checkWholeNumber, type OpenOptions } from './port-options.ts';
import { type TransferCryptAddon, transferCryptFace } from './transfer-crypt.ts';
import { checkUringOptions, type UringOptions } from './uring.ts';
import { isWholeBinary } from './whole-binary.ts';
import { attachXdp, openXdp, type XdpAddon } from './xdp.ts';

export type { DatagramCounters, DatagramOptions, DatagramSocket } from './datagram-socket.ts';
export { DatagramEvent, LETTER_BYTES, LETTERS } from './datagram-socket.ts';
export type { FileRingOptions, FileTransfer } from './file-ring.ts';
export { FileRing } from './file-ring.ts';
export type { LargeDatagram, PacketCounters, PacketSocket } from './packet-socket.ts';
export { PEER_BIT, TURN_BITS_SHIFT, TurnBits } from './packet-socket.ts';
export type { OpenOptions, PortOptions, SocketOptions } from './port-options.ts';
export type { UringOptions } from './uring.ts';
export { URING_FRAMES_PER_BUFFER } from './uring.ts';
export type {
  AttachOptions,
  OpenXdpOptions,
  XdpAttachment,
  XdpMode,
  XdpSocket,
  XdpStatistics,
} from './xdp.ts';
export type { XdpDatagramOptions, XdpGot, XdpInboxStatistics } from './xdp-datagrams.ts';

/** What this process may use, found out by trying. */
export interface Probe {
  /** recvmmsg and sendmmsg, both called. */
  mmsg: Probed;
  uring: Probed;
  /** The capabilities and a socket of AF_XDP, and a map; an interface is not tried. */
  xdp: Probed;
  bpf: Probed;
  /** `bytes`: how much this process may pin, Infinity where there is no limit. */
  memlock: Probed & { bytes: number };
}

export interface Probed {
  /** 0: it works. */
  errno: number;
  /** Why not, and what mends it, in one sentence; '' when it works. */
  why: string;
  /** As IoError's; '' when it works. */
  code: string;
}

/** What the kernel refused: one line that names the cause, and what mends it. */
export interface IoError extends Error {
  /** ANDVARI_PORT_IN_USE, ANDVARI_ADDRESS or ANDVARI_IO_...; src/io-error.h lists them. */
  code: string;
  syscall: string;
  /** Positive; 0 when the kernel was not asked. */
  errno: number;
  /** A clause that a user can act on; may be empty. */
  mend: string;
}

/** openXdp() and attachXdp() are described in xdp.ts, openFileRing() is for FileRing. */
export interface NativeAddon extends XdpAddon, FileRingAddon, CryptAddon, TransferCryptAddon {
  /** recvmmsg and sendmmsg: no privilege, any kernel. Throws an IoError. */
  openMmsg(options: OpenOptions): PacketSocket;
  /** Multishot receive and batched sends by io_uring. Throws an IoError. */
  openUring(options: UringOptions): PacketSocket;
  /** Datagrams from and to anywhere, by recvmmsg and sendmmsg. Throws an IoError. */
  openDatagrams(options: DatagramOptions): DatagramSocket;
  probe(): Probe;
  /**
   * The calling thread runs on one core from now on: the `index`th of those that it may use,
   * counted round and round. Gives the core's number. Throws an IoError.
   */
  pinThread(index: number): number;
}

/** What the addon exports: the same, trusting its arguments. */
interface Binding extends NativeAddon {
  border: string;
}

const require = createRequire(import.meta.url);
const place = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Compiled here first: it is there only when the prebuilt one was not of these sources. */
const binaries = [
  place('build/andvari_native.node'),
  place(`prebuilds/${process.platform}-${process.arch}/node.napi.node`),
];

let loaded: NativeAddon | { missing: string } | undefined;

/**
 * The addon, or in one line why it is missing. ANDVARI_NATIVE=off turns it off, ANDVARI_NATIVE=PATH
 * names another binary (a sanitizer build).
 */
export function loadNative(): NativeAddon | { missing: string } {
  loaded ??= load(process.env['ANDVARI_NATIVE'] ?? '');
  return loaded;
}

/** Answers where there is no addon, too. */
export function probe(): Probe | { missing: string } {
  const native = loadNative();
  return 'missing' in native ? native : native.probe();
}

function load(wanted: string): NativeAddon | { missing: string } {
  if (wanted === 'off') return { missing: 'ANDVARI_NATIVE=off' };
  const paths = wanted === '' ? binaries : [resolve(wanted)];
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      if (!isWholeBinary(path)) throw new Error(`${path} is cut short`);
      const binding = require(path) as Binding;
      if (binding.border === BORDER_HASH) return faceOf(binding);
      reasons.push('it was built for another engine (`npm run build` makes it anew)');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  const missing = reasons.join('; ').replaceAll('\n', ' ');
  return { missing: missing || `there is no binary for ${process.platform}-${process.arch}` };
}

function faceOf(binding: Binding): NativeAddon {
  return {
    ...cryptFace(binding),
    ...transferCryptFace(binding),
    openMmsg(options) {
      checkOpenOptions(options);
      return binding.openMmsg(options);
    },
    openUring(options) {
      checkUringOptions(options);
      return binding.openUring(options);
    },
    openDatagrams(options) {
      checkDatagramOptions(options);
      return binding.openDatagrams(options);
    },
    attachXdp: (options) => attachXdp(binding, options),
    openXdp: (options) => openXdp(binding, options),
    openFileRing: (options, callback) => binding.openFileRing(options, callback),
    probe: () => binding.probe(),
    pinThread(index) {
      checkWholeNumber('index', index, 0xffff);
      return binding.pinThread(index);
    },
  };
}
