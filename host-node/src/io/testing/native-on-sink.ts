/**
 * A native socket as a PacketIo for the compliance suite: in place of the engine a few lines take
 * what lies in the receive ring to the sink, and put the sink's replies into READY, each in its
 * request's frame, or in a reply frame when it is longer.
 */
import { Engine } from '@andvari/host-common/engine/engine';
import { Descriptor, Flag, Region, Ring } from '@andvari/host-common/engine/generated/layout';
import { FRAME_BYTES, REPLY_FRAME_BYTES } from '@andvari/host-common/engine/generated/limits';
import { plainEngine } from '@andvari/host-common/engine/module';
import {
  type NativeAddon,
  type PacketSocket,
  TURN_BITS_SHIFT,
  TurnBits,
  type XdpAttachment,
} from '@andvari/native-io';
import type { RequestOrigin, RequestSink } from '../../raida/origin.ts';
import type { Backend } from '../choose-backend.ts';
import { nativeError, openNative, type PacketRequest } from '../open-packets.ts';
import type { PacketIo, SocketAddress } from '../packet-io.ts';

const REPLY_FRAMES = 16;
const HOST_FRAMES = 8;
const ROUNDS_MAX = 8;
const identity = { raidaId: 0, coinId: 6, wire: 'spec', version: '20260101' } as const;

/** Where a request came from and lies: its peer, its frame (0: none), and its first byte. */
interface Place {
  peer: number;
  frame: number;
  offset: number;
  /** Of a datagram that was longer than a frame. */
  large: boolean;
}

export interface NativePlace {
  /** Runs what opens sockets of the server, in a network namespace. */
  inside<T>(work: () => T): T;
  /** What stands for every sender in IPv6: the engine knows a hash of it. */
  senderV6: string;
  /** For af_xdp: the interface, and a port when any will do. */
  interface?: string;
  anyPort?(): number;
}

export class NativeOnSink implements PacketIo {
  readonly backend: Backend;
  readonly #addon: NativeAddon;
  #engine: Engine | undefined;
  #socket: PacketSocket | undefined;
  #sink: RequestSink | undefined;
  readonly #replyFrames: number[] = [];
  #immediate: NodeJS.Immediate | undefined;
  /** What the sink had no room for. */
  #refused = 0;
  #attachment: XdpAttachment | undefined;
  readonly #place: NativePlace;

  constructor(addon: NativeAddon, backend: Backend, place: Partial<NativePlace> = {}) {
    this.#addon = addon;
    this.backend = backend;
    this.#place = { inside: (work) => work(), senderV6: '::1', ...place };
  }

  get received(): number {
    return this.#socket?.counters().received ?? 0;
  }
  get dropped(): number {
    return this.#refused + (this.#socket?.counters().dropped ?? 0);
  }

  async open(address: SocketAddress, sink: RequestSink): Promise<SocketAddress> {
    const frames = HOST_FRAMES + 17 * 256;
    const engine = Engine.create({
      module: await plainEngine(),
      sizes: { pagesPerDenomination: 1, frames, largeFrames: 64, replyFrames: REPLY_FRAMES },
      ...{ identity, hostFrames: HOST_FRAMES },
    });
    const request = { ...address, backend: this.backend, reusePort: false };
    this.#socket = this.#place.inside(() => this.#openSocket(request, engine));
    this.#engine = engine;
    this.#sink = sink;
    const first = engine.region(Region.REPLY_FRAMES);
    for (let i = 0; i < REPLY_FRAMES; i++) this.#replyFrames.push(first + i * REPLY_FRAME_BYTES);
    this.#socket.watch(() => this.#run());
    return { host: this.#socket.host, port: this.#socket.port };
  }

  close(): Promise<void> {
    this.#sink = undefined;
    clearImmediate(this.#immediate);
    this.#socket?.close();
    this.#attachment?.close();
    return Promise.resolve();
  }

  /** As ServerPackets does it for one thread. */
  #openSocket(request: PacketRequest, engine: Engine): PacketSocket {
    const { interface: name, anyPort } = this.#place;
    if (name === undefined) return openNative(this.#addon, request, engine);
    // The program has to know the port before there is a socket.
    const { host, port = anyPort?.() ?? 0 } = { ...request, port: request.port || undefined };
    try {
      this.#attachment = this.#addon.attachXdp({ interface: name, host, port });
      const { mapFd, mode } = this.#attachment;
      const xdp = { interface: name, queue: 0, mapFd, mode };
      return openNative(this.#addon, { ...request, port, xdp }, engine);
    } catch (error) {
      this.#attachment?.close();
      throw nativeError(error, request);
    }
  }

  #run(): void {
    const { rx, ready } = this.#engine as Engine;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (!this.#sink || !this.#socket) return;
      const turned = this.#socket.turn(0, 0);
      const bits = turned >>> TURN_BITS_SHIFT;
      if (bits & TurnBits.RELEASES) this.#replyFrames.push(...this.#socket.releases());
      if (bits & TurnBits.LARGE) this.#takeLarge(this.#socket);
      while (rx.used) this.#take();
      if (turned === 0 && ready.used === 0) return;
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#run();
    });
  }

  #take(): void {
    const { rx, u8, u32 } = this.#engine as Engine;
    const at = rx.first();
    const word = (offset: number) => u32[at + (offset >>> 2)] ?? 0;
    const [offset, length] = [word(Descriptor.OFFSET), word(Descriptor.LENGTH)];
    const local = (word(Descriptor.FLAGS) & Flag.LOCAL) !== 0;
    const [peer, frame] = [word(Descriptor.PEER), word(Descriptor.FRAME)];
    const place = { peer, frame, offset, large: false };
    const origin = this.#originOf(place, local, word(Descriptor.ADDRESS));
    rx.shift();
    this.#submit(u8.subarray(offset, offset + length), origin);
  }

  #takeLarge(socket: PacketSocket): void {
    const { largeFrames, u8 } = this.#engine as Engine;
    const offset = largeFrames.take();
    const taken = socket.large(offset);
    if (!taken || offset === 0) {
      if (offset) largeFrames.give(offset);
      return;
    }
    const place = { peer: taken.peer, frame: offset, offset, large: true };
    const origin = this.#originOf(place, (taken.flags & Flag.LOCAL) !== 0, taken.address);
    this.#submit(u8.subarray(offset, offset + taken.length), origin);
  }

  #submit(message: Uint8Array, origin: RequestOrigin): void {
    if (this.#sink?.submit(message, origin)) return;
    this.#refused++;
    origin.dropped();
  }

  #originOf(place: Place, local: boolean, address: number): RequestOrigin {
    const octets = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
    return {
      address: this.#socket?.host.includes(':') ? this.#place.senderV6 : octets.join('.'),
      ...{ local, datagram: true },
      reply: (bytes) => this.#reply(place, bytes),
      dropped: () => this.#end(place, 0, 0, Flag.SILENT),
    };
  }

  #reply(place: Place, bytes: Uint8Array): void {
    const { u8 } = this.#engine as Engine;
    const room = place.large ? bytes.length : FRAME_BYTES - (place.offset - place.frame);
    if (bytes.length <= room) {
      u8.set(bytes, place.offset);
      this.#end(place, place.offset, bytes.length, 0);
      return;
    }
    const frame = this.#replyFrames.pop();
    if (frame === undefined) throw new Error('native on sink: no reply frame');
    u8.set(bytes, frame);
    this.#end(place, frame, bytes.length, Flag.REPLY_FRAME);
  }

  /** As the engine ends a request: the next entry of READY. */
  #end({ peer, frame, large }: Place, offset: number, length: number, flags: number): void {
    const engine = this.#engine as Engine;
    if (large) {
      this.#socket?.sendTo(peer, offset, length);
      engine.largeFrames.give(frame);
      this.#schedule();
      return;
    }
    const { u32, ready } = engine;
    const base = engine.region(Region.READY) >>> 2;
    const head = u32[base] ?? 0;
    const index = head & (ready.entries - 1);
    const at = base + ((Ring.ENTRIES + index * Ring.ENTRY_BYTES) >>> 2);
    u32[at + (Descriptor.FRAME >>> 2)] = frame;
    u32[at + (Descriptor.OFFSET >>> 2)] = offset;
    u32[at + (Descriptor.LENGTH >>> 2)] = length;
    u32[at + (Descriptor.PEER >>> 2)] = peer;
    u32[at + (Descriptor.FLAGS >>> 2)] = flags;
    u32[base] = head + 1;
    this.#schedule();
  }
}
