/** A DatagramIo with a memory in place of an engine, and what came to it: for its tests. */
import {
  PacketFlag,
  PathField,
  TransferPacket,
} from '@andvari/host-common/engine/generated/transfer';
import type { Datagram, PacketPlaces } from '@andvari/host-common/transfer/datagram-transport';
import { farEndOf } from '../../transfer/socket-address.ts';
import type { DatagramIo } from '../datagram-io.ts';
import type { SocketAddress } from '../packet-io.ts';

const PAGE_BYTES = 65_536;
const PAGES = 20;
/** Frames behind all else, for af_xdp. */
const FRAMES = 256;
const FRAME_PAGES = (FRAMES * 4096) / PAGE_BYTES;
const AREA_BYTES = 9 * PAGE_BYTES;

export interface Placed {
  bytes: Uint8Array;
  farEnd: Uint8Array;
  probe?: boolean;
  /** Where it says that it lies [where it does]. */
  offset?: number;
  length?: number;
}

function isForPackets({ byteOffset }: Uint8Array): boolean {
  return byteOffset < AREA_BYTES || byteOffset >= PAGES * PAGE_BYTES;
}

export class DatagramPlace {
  readonly io: DatagramIo;
  readonly memory = new WebAssembly.Memory({
    initial: PAGES + FRAME_PAGES,
    maximum: PAGES + FRAME_PAGES,
  });
  readonly bytes = new Uint8Array(this.memory.buffer);
  /** Copies of what came, in order. */
  readonly arrived: Datagram[] = [];
  /** Datagrams that lay in the memory when they were handed over. */
  placed = 0;
  drained = 0;
  private readonly view = new DataView(this.memory.buffer);

  constructor(io: DatagramIo) {
    this.io = io;
  }

  readonly places: PacketPlaces = {
    memory: this.memory,
    incoming: 0,
    incomingBytes: AREA_BYTES,
    outgoing: AREA_BYTES,
    outgoingBytes: AREA_BYTES,
    sent: 2 * AREA_BYTES,
    frames: { offset: PAGES * PAGE_BYTES, count: FRAMES },
    drained: () => {
      this.drained++;
    },
  };

  async open(): Promise<void> {
    await this.io.open((datagrams) => {
      for (const { bytes, farEnd } of datagrams) {
        if (bytes.buffer === this.memory.buffer && isForPackets(bytes)) this.placed++;
        this.arrived.push({ bytes: Uint8Array.from(bytes), farEnd: Uint8Array.from(farEnd) });
      }
    }, this.places);
  }

  /** Sends packets in the way that the io has: from the memory, or by send(). */
  send(packets: readonly Placed[]): boolean {
    if (!this.io.sendPlaced) {
      this.io.send(packets);
      return true;
    }
    return this.io.sendPlaced(this.lay(packets));
  }

  /** Lays packets one behind the other, and their entries; gives how many. */
  lay(packets: readonly Placed[]): number {
    let at = this.places.outgoing;
    packets.forEach(({ bytes, farEnd, probe, offset = at, length = bytes.length }, i) => {
      const entry = this.places.sent + i * TransferPacket.BYTES;
      this.bytes.set(bytes, at);
      this.view.setUint32(entry + TransferPacket.OFFSET, offset, true);
      this.view.setUint32(entry + TransferPacket.LENGTH, length, true);
      this.bytes.set(farEnd.subarray(0, PathField.BYTES), entry + TransferPacket.PATH);
      this.view.setUint32(entry + TransferPacket.FLAGS, probe ? PacketFlag.MTU_PROBE : 0, true);
      at += bytes.length;
    });
    return packets.length;
  }

  get farEnd(): Uint8Array {
    return farEndOf(this.io.bound);
  }

  get address(): SocketAddress {
    return this.io.bound;
  }
}

/** Bytes that tell their number. */
export function numbered(number: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length).map((_, i) => (number * 31 + i * 7) & 255);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

export function numberOf({ bytes }: Datagram): number {
  return new DataView(bytes.buffer).getUint32(0);
}
