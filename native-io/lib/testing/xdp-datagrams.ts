/** A datagram socket with AF_XDP over a memory of its own, and how to open one apart. */
import type { DatagramOptions, DatagramSocket } from '../datagram-socket.ts';
import { loadNative } from '../index.ts';
import type { XdpDatagramOptions } from '../xdp-datagrams.ts';

const PAGE = 65_536;
const PAGES = 4;
const FRAME_BYTES = 4096;

export interface XdpDatagramWishes extends Partial<Omit<XdpDatagramOptions, 'frames'>> {
  host: string;
  port?: number;
  interface: string;
}

export interface OpenedXdpDatagrams {
  socket: DatagramSocket;
  bytes: Uint8Array;
  letters: Uint8Array;
  /** Where frames begin. */
  frames: number;
}

/** Throws what openDatagrams() does. */
export function openXdpDatagrams(wishes: XdpDatagramWishes): OpenedXdpDatagrams {
  const native = loadNative();
  if ('missing' in native) throw new Error(native.missing);
  const { host, port = 0, frameCount = 256, ...xdp } = wishes;
  const pages = PAGES + Math.ceil((frameCount * FRAME_BYTES) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const letters = new Uint8Array(2048);
  const frames = PAGES * PAGE;
  const options: DatagramOptions = {
    ...{ memory, letters, host, port, incoming: 0, incomingBytes: 2 * PAGE },
    ...{ outgoing: 2 * PAGE, outgoingBytes: PAGE, sent: 3 * PAGE },
    xdp: { ...xdp, frames, frameCount },
  };
  const socket = native.openDatagrams(options);
  return { socket, bytes: new Uint8Array(memory.buffer), letters, frames };
}
