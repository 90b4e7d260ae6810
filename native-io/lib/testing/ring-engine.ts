/**
 * A small engine for tests: rings laid by hand in a WebAssembly.Memory, answered from JavaScript.
 * It takes what a packet socket receives, and says READY or HELD what the test wants, also what no
 * engine may say.
 */
import { Descriptor, Flag, FRAME_BYTES, LARGE_FRAME_BYTES, Ring } from '../generated/border.ts';
import type { LargeDatagram, PacketSocket } from '../packet-socket.ts';
import { TURN_BITS_SHIFT, TurnBits } from '../packet-socket.ts';
import type { PortOptions } from '../port-options.ts';

const PAGE_BYTES = 65536;
/** Frames from here on; the rings are before it. */
const REPLY_BYTES = 16 * PAGE_BYTES;
const REPLY_SLOT_BYTES = PAGE_BYTES;
const LARGE_FRAMES = 8;
/** Turns of serve() at the most: two echoing sockets that have found each other never end. */
const ROUNDS_MAX = 100_000;
const WAIT_MS = 60_000;
const WORDS = Ring.ENTRY_BYTES / 4;

export interface RingEngineOptions {
  shared?: boolean;
  /** Entries of each ring [1024]. */
  ringEntries?: number;
  frameCount?: number;
  peers?: number;
}

/** A descriptor, of either direction. */
export interface DescriptorFields {
  frame: number;
  offset: number;
  length: number;
  peer: number;
  flags: number;
  address: number;
  arrivalUs: number;
  position: number;
}

export class RingEngine {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  /** What a socket is opened with. */
  readonly port: PortOptions;
  /** Host's large frames. */
  readonly largeFrames: readonly number[];
  readonly #words: Uint32Array;
  #replySlot = 0;

  constructor(options: RingEngineOptions = {}) {
    const { shared = false, ringEntries = 1024, frameCount = 512, peers = 4096 } = options;
    const ringBytes = Ring.ENTRIES + ringEntries * Ring.ENTRY_BYTES;
    // Nothing begins at 0, which means none.
    let end = PAGE_BYTES;
    const take = (bytes: number, align: number) => {
      const at = Math.ceil(end / align) * align;
      end = at + bytes;
      return at;
    };
    const [rx, ready, held] = [take(ringBytes, 64), take(ringBytes, 64), take(ringBytes, 64)];
    const committed = take(8, 64);
    const hashKey = take(16, 64);
    const replyLow = take(REPLY_BYTES, 64);
    this.largeFrames = Array.from({ length: LARGE_FRAMES }, () => take(LARGE_FRAME_BYTES, 64));
    const frames = take(frameCount * FRAME_BYTES, FRAME_BYTES);
    const pages = Math.ceil(end / PAGE_BYTES) + 1;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.#words = new Uint32Array(this.memory.buffer);
    const replyEnd = replyLow + REPLY_BYTES;
    const large = { largeFrames: this.largeFrames[0] ?? 0, largeFrameCount: LARGE_FRAMES };
    const places = { rx, ready, held, committed, hashKey, replyLow, replyEnd, frames, ...large };
    this.port = { memory: this.memory, ...places, ringEntries, frameCount, peers };
    for (let i = 0; i < 16; i++) this.bytes[hashKey + i] = i;
  }

  /** Entries that wait in a ring. */
  used(ring: number): number {
    const words = this.#words;
    return ((words[ring / 4] ?? 0) - (words[(ring + Ring.TAIL) / 4] ?? 0)) >>> 0;
  }

  /** Takes the oldest entry of a ring. */
  take(ring: number = this.port.rx): DescriptorFields | undefined {
    if (this.used(ring) === 0) return undefined;
    const tail = this.#words[(ring + Ring.TAIL) / 4] ?? 0;
    const fields = this.#read(this.#entry(ring, tail));
    this.#words[(ring + Ring.TAIL) / 4] = tail + 1;
    return fields;
  }

  /** Everything that has been received. */
  takeAll(): DescriptorFields[] {
    const all: DescriptorFields[] = [];
    for (let next = this.take(); next; next = this.take()) all.push(next);
    return all;
  }

  /** Puts a descriptor into a ring, whatever it says; the words that are not given are 0. */
  put(ring: number, fields: Partial<DescriptorFields>): void {
    const head = this.#words[ring / 4] ?? 0;
    const at = this.#entry(ring, head);
    const words = this.#words;
    words.fill(0, at, at + WORDS);
    words[at + Descriptor.FRAME / 4] = fields.frame ?? 0;
    words[at + Descriptor.OFFSET / 4] = fields.offset ?? 0;
    words[at + Descriptor.LENGTH / 4] = fields.length ?? 0;
    words[at + Descriptor.PEER / 4] = fields.peer ?? 0;
    words[at + Descriptor.FLAGS / 4] = fields.flags ?? 0;
    words[at + Descriptor.POSITION / 4] = fields.position ?? 0;
    words[ring / 4] = head + 1;
  }

  setHead(ring: number, head: number): void {
    this.#words[ring / 4] = head;
  }

  /** The store has committed up to here. */
  commit(position: number): void {
    this.#words[this.port.committed / 4] = position;
  }

  textAt({ offset, length }: { offset: number; length: number }): string {
    return Buffer.from(this.bytes.slice(offset, offset + length)).toString('latin1');
  }

  /** Answers with the request's own bytes, in its own frame. */
  echo(request: DescriptorFields): void {
    const { frame, offset, length, peer } = request;
    this.put(this.port.ready, { frame, offset, length, peer, flags: length ? 0 : Flag.SILENT });
  }

  /** Answers in the request's own frame, which has room behind the request's first byte. */
  answer({ frame, offset, peer }: DescriptorFields, reply: Uint8Array): void {
    this.bytes.set(reply, offset);
    this.put(this.port.ready, { frame, offset, length: reply.length, peer });
  }

  /**
   * Copies a reply to where the engine keeps replies, and says where. The next 15 replies do not
   * touch it.
   */
  keep(reply: Uint8Array): { offset: number; length: number } {
    const slots = REPLY_BYTES / REPLY_SLOT_BYTES;
    const offset = this.port.replyLow + (this.#replySlot++ % slots) * REPLY_SLOT_BYTES;
    this.bytes.set(reply, offset);
    return { offset, length: reply.length };
  }

  /** Gives a request's frame back before its reply. */
  giveFrame(request: DescriptorFields): void {
    this.put(this.port.ready, { frame: request.frame });
  }

  /**
   * Turns until nothing moves, echoing what comes, large datagrams too. Gives how many were echoed.
   */
  serve(socket: PacketSocket): number {
    let echoed = 0;
    const echoAll = () => {
      for (let request = this.take(); request; request = this.take()) {
        this.echo(request);
        echoed++;
      }
    };
    echoAll();
    let rounds = 0;
    for (let turned = this.turn(socket); turned !== 0; turned = this.turn(socket)) {
      if (++rounds > ROUNDS_MAX) throw new Error('the socket does not come to rest');
      echoAll();
      if (!((turned >>> TURN_BITS_SHIFT) & TurnBits.LARGE)) continue;
      for (let large = this.takeLarge(socket); large; large = this.takeLarge(socket)) {
        socket.sendTo(large.peer, large.offset, large.length);
        echoed++;
      }
    }
    return echoed;
  }

  /** Turns until a request has come, and takes it; throws when none comes for a minute. */
  receive(socket: PacketSocket): DescriptorFields {
    for (const end = Date.now() + WAIT_MS; Date.now() < end; ) {
      this.turn(socket);
      const request = this.take();
      if (request) return request;
    }
    throw new Error('no request has come');
  }

  turn(socket: PacketSocket, nowUs = 1_700_000_000_000_000): number {
    return socket.turn(nowUs >>> 0, Math.floor(nowUs / 2 ** 32));
  }

  takeLarge(socket: PacketSocket): (LargeDatagram & { offset: number }) | undefined {
    const offset = this.largeFrames[0] ?? 0;
    const large = socket.large(offset);
    return large && { ...large, offset };
  }

  #entry(ring: number, counter: number): number {
    return (ring + Ring.ENTRIES) / 4 + (counter & (this.port.ringEntries - 1)) * WORDS;
  }

  #read(at: number): DescriptorFields {
    const word = (offset: number) => this.#words[at + offset / 4] ?? 0;
    return {
      frame: word(Descriptor.FRAME),
      offset: word(Descriptor.OFFSET),
      length: word(Descriptor.LENGTH),
      peer: word(Descriptor.PEER),
      flags: word(Descriptor.FLAGS),
      address: word(Descriptor.ADDRESS),
      arrivalUs: word(Descriptor.ARRIVAL) + word(Descriptor.ARRIVAL + 4) * 2 ** 32,
      position: word(Descriptor.POSITION),
    };
  }
}
