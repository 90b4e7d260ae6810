/**
 * Datagrams of a node by the addon: the kernel lays them into the engine's memory, where the engine
 * opens them, and takes those that go from where the engine has sealed them.
 */
import { isIPv6 } from 'node:net';
import { TRANSFER_PACKET_BYTES_MAX } from '@andvari/host-common/engine/generated/limits';
import type { Datagram, PacketPlaces } from '@andvari/host-common/transfer/datagram-transport';
import {
  DatagramEvent,
  type DatagramSocket,
  LETTER_BYTES,
  LETTERS,
  type NativeAddon,
} from '@andvari/native-io';
import { type DatagramIo, headerBytes } from './datagram-io.ts';
import { nativeError } from './open-packets.ts';
import type { SocketAddress } from './packet-io.ts';

/** Batches handed over in one turn: then others have theirs. */
const ROUNDS_MAX = 16;
const U32_BYTES = 4;
const FAR_END_AT = 8;
const WASM_PAGE_BYTES = 65_536;

/** For whoever has no engine: room for one message, and a table in which nothing is. */
function ownPlaces(): PacketPlaces {
  const pages = 2;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const outgoing = WASM_PAGE_BYTES;
  return {
    ...{ memory, incoming: 0, incomingBytes: WASM_PAGE_BYTES },
    ...{ outgoing, outgoingBytes: 0, sent: outgoing },
    drained() {},
  };
}

export class NativeDatagrams implements DatagramIo {
  readonly backend = 'mmsg';
  private readonly addon: NativeAddon;
  private readonly address: SocketAddress;
  private readonly letters = new Uint8Array(LETTERS * LETTER_BYTES);
  private readonly words = new Uint32Array(this.letters.buffer);
  /** The far end of each letter. */
  private readonly farEnds: readonly Uint8Array[];
  private memory = new Uint8Array(0);
  private socket: DatagramSocket | undefined;
  private sink: (datagrams: readonly Datagram[]) => void = () => {};
  private again: NodeJS.Immediate | undefined;

  /** Binds to this address when it is opened; port 0: any. */
  constructor(addon: NativeAddon, address: SocketAddress) {
    this.addon = addon;
    this.address = address;
    this.farEnds = Array.from({ length: LETTERS }, (_, i) =>
      this.letters.subarray(i * LETTER_BYTES + FAR_END_AT, (i + 1) * LETTER_BYTES),
    );
  }

  get bound(): SocketAddress {
    const { host = '', port = 0 } = this.socket ?? {};
    return { host, port };
  }

  /** The packets of its interface hold so much; the engine finds out what a path does. */
  get maxDatagramBytes(): number {
    const mtu = this.socket?.mtu ?? 0;
    const most = mtu - headerBytes(isIPv6(this.address.host));
    return Math.min(Math.max(most, 0), TRANSFER_PACKET_BYTES_MAX);
  }

  get received(): number {
    return this.socket?.counters().received ?? 0;
  }
  get sent(): number {
    return this.socket?.counters().sent ?? 0;
  }
  get dropped(): number {
    return this.socket?.counters().dropped ?? 0;
  }
  get tooLarge(): number {
    return this.socket?.counters().tooLarge ?? 0;
  }

  async open(
    sink: (datagrams: readonly Datagram[]) => void,
    places: PacketPlaces = ownPlaces(),
  ): Promise<void> {
    const { drained, ...where } = places;
    const { letters } = this;
    try {
      this.socket = this.addon.openDatagrams({ ...where, letters, ...this.address });
    } catch (error) {
      throw nativeError(error, { backend: 'mmsg', ...this.address });
    }
    this.sink = sink;
    this.memory = new Uint8Array(places.memory.buffer);
    this.socket.watch((events) => {
      if (events & DatagramEvent.DRAINED) drained();
      if (events & DatagramEvent.READABLE) this.receive();
    });
  }

  send(datagrams: readonly Datagram[]): void {
    for (const { bytes, farEnd } of datagrams) this.socket?.sendTo(bytes, farEnd);
  }

  sendPlaced(count: number): boolean {
    return this.socket?.send(count) === 0;
  }

  close(): void {
    clearImmediate(this.again);
    this.socket?.close();
  }

  private receive(): void {
    clearImmediate(this.again);
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const count = this.socket?.receive() ?? 0;
      if (count === 0) return;
      this.sink(this.lettersRead(count));
    }
    // What was read and not told yet makes no socket readable.
    this.again = setImmediate(() => this.receive());
  }

  private lettersRead(count: number): Datagram[] {
    const datagrams: Datagram[] = [];
    const { words, memory } = this;
    for (let i = 0; i < count; i++) {
      const word = (i * LETTER_BYTES) / U32_BYTES;
      const [offset = 0, length = 0] = [words[word], words[word + 1]];
      const bytes = memory.subarray(offset, offset + length);
      datagrams.push({ bytes, farEnd: this.farEnds[i] as Uint8Array });
    }
    return datagrams;
  }
}
