/**
 * Datagrams of a node by the addon: the kernel lays them into the engine's memory, where the engine
 * opens them, and takes those that go from where the engine has sealed them. With an interface
 * (`af_xdp`) the packets of sessions come past the kernel's network stack; the rest comes by the
 * socket still, and all that goes.
 */
import { isIPv6 } from 'node:net';
import {
  FRAME_BYTES,
  TRANSFER_PACKET_BYTES_MAX,
} from '@andvari/host-common/engine/generated/limits';
import type { Datagram, PacketPlaces } from '@andvari/host-common/transfer/datagram-transport';
import {
  DatagramEvent,
  type DatagramSocket,
  LETTER_BYTES,
  LETTERS,
  type NativeAddon,
  type XdpGot,
  type XdpInboxStatistics,
} from '@andvari/native-io';
import { framesFor } from './choose-backend.ts';
import { CidPrefixes } from './cid-prefixes.ts';
import { type DatagramIo, headerBytes } from './datagram-io.ts';
import { nativeError } from './open-packets.ts';
import type { SocketAddress } from './packet-io.ts';

/** Batches handed over in one turn: then others have theirs. */
const ROUNDS_MAX = 16;
const U32_BYTES = 4;
const FAR_END_AT = 8;
const WASM_PAGE_BYTES = 65_536;

/**
 * For whoever has no engine, or one without frames: room for one message, a table in which nothing
 * is, and frames.
 */
function ownPlaces(count: number): PacketPlaces {
  const pages = 2 + Math.ceil((count * FRAME_BYTES) / WASM_PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const outgoing = WASM_PAGE_BYTES;
  return {
    ...{ memory, incoming: 0, incomingBytes: WASM_PAGE_BYTES },
    ...{ outgoing, outgoingBytes: 0, sent: outgoing },
    frames: { offset: 2 * WASM_PAGE_BYTES, count },
    drained() {},
  };
}

/** Where packets of sessions come past the network stack. */
export interface XdpPlace {
  interface: string;
  /** [all that the interface has] */
  queues?: number | undefined;
}

/** How that goes. */
export interface XdpFigures extends XdpGot, XdpInboxStatistics {
  /** CID prefixes that the program finds; how often two sessions had one; what found no room. */
  prefixes: number;
  collisions: number;
  refusedPrefixes: number;
}

export class NativeDatagrams implements DatagramIo {
  readonly backend: 'mmsg' | 'af_xdp';
  prefixChanged?: (place: number, prefix: number) => void;
  private readonly xdpPlace: XdpPlace | undefined;
  private prefixes: CidPrefixes | undefined;
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

  /** Binds to this address when it is opened; port 0: any. `xdp`: it is `af_xdp`. */
  constructor(addon: NativeAddon, address: SocketAddress, xdp?: XdpPlace) {
    this.addon = addon;
    this.backend = xdp ? 'af_xdp' : 'mmsg';
    this.xdpPlace = xdp;
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

  /** Of af_xdp, once it is open. */
  get xdp(): XdpFigures | undefined {
    const { socket, prefixes } = this;
    if (!socket?.xdp || !prefixes) return undefined;
    const { listed, collisions, refused } = prefixes;
    const own = { prefixes: listed, collisions, refusedPrefixes: refused };
    return { ...socket.xdp, ...socket.xdpStatistics(), ...own };
  }

  async open(sink: (datagrams: readonly Datagram[]) => void, given?: PacketPlaces): Promise<void> {
    const { letters, xdpPlace } = this;
    const places = given ?? ownPlaces(xdpPlace ? framesFor('af_xdp') : 0);
    const { drained, frames, ...where } = places;
    const xdp = xdpPlace && { xdp: this.xdpOptions(xdpPlace, frames) };
    try {
      this.socket = this.addon.openDatagrams({ ...where, letters, ...this.address, ...xdp });
    } catch (error) {
      throw nativeError(error, { backend: this.backend, ...this.address });
    }
    if (xdpPlace) this.follow(this.socket);
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

  /** @throws RangeError: the engine has no frames */
  private xdpOptions({ interface: name, queues }: XdpPlace, frames: PacketPlaces['frames']) {
    const { offset, count } = frames ?? { offset: 0, count: 0 };
    if (count === 0) throw new RangeError('engine: wanted one with nativeFrames, for af_xdp');
    return { interface: name, frames: offset, frameCount: count, ...(queues && { queues }) };
  }

  private follow(socket: DatagramSocket): void {
    const prefixes = new CidPrefixes(socket);
    this.prefixes = prefixes;
    this.prefixChanged = (place, prefix) => prefixes.change(place, prefix);
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
