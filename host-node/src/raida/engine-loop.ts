/**
 * The loop between one engine instance and whoever asks it: requests come in through submit() or
 * a native socket, wait in the receive ring, and are answered in batches; a reply that rests on a
 * change leaves when the store has committed it (docs/architecture.md). It runs on the thread of
 * the instance; what the instance needs of the rest of the server goes through LoopHost.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Descriptor, Effect, EffectKind, Flag } from '@andvari/host-common/engine/generated/layout';
import { type PacketSocket, TURN_BITS_SHIFT, TurnBits } from '@andvari/native-io';
import { AddressNumbers } from './address-numbers.ts';
import type { RequestOrigin, RequestSink } from './origin.ts';

/** What a loop asks of its server; nothing of it answers within the call. */
export interface LoopHost {
  /** Page `pageKey` to `offset` (Effect, LOAD_PAGE); then the engine's resume(slot, 0). */
  load(slot: number, pageKey: number, offset: number): void;
  /** An effect of the kinds 3 to 8, at that word; gone when this returns. */
  effect(at: number): void;
  /** Journal groups may have been published. */
  wake(): void;
  /** The engine has run: there may be new records of requests. */
  ran?(): void;
}

/** Requests of one process() call, and calls before the event loop gets its turn again. */
const BATCH = 256;
const ROUNDS_MAX = 8;
/** Timers of the engine (tickets) are coarse. */
const STEP_MS = 1000;
const HEADER_BYTES_MAX = 48;
const TWO_32 = 4294967296;
/** Set in Descriptor.PEER for requests of a native socket. */
const NATIVE_PEER = 0x80000000;
const WORD = {
  frame: Descriptor.FRAME >>> 2,
  offset: Descriptor.OFFSET >>> 2,
  length: Descriptor.LENGTH >>> 2,
  peer: Descriptor.PEER >>> 2,
  flags: Descriptor.FLAGS >>> 2,
  position: Descriptor.POSITION >>> 2,
} as const;

/** Microseconds since the epoch. */
export function nowUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

export class EngineLoop implements RequestSink {
  readonly engine: Engine;
  readonly addresses: AddressNumbers;
  readonly #host: LoopHost;
  readonly #origins: (RequestOrigin | undefined)[] = [undefined];
  readonly #freePeers: number[] = [];
  readonly #peersMax: number;
  /** A frame kept aside for looking at the first bytes of a stream, and for addresses. */
  readonly #probe: number;
  readonly #timer: NodeJS.Timeout;
  #socket: PacketSocket | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #wokenAt = 0;
  #closing = false;
  #closed = false;

  constructor(engine: Engine, host: LoopHost) {
    this.engine = engine;
    this.#host = host;
    this.#peersMax = 4 * engine.rx.entries;
    this.#probe = engine.frames.take();
    this.addresses = new AddressNumbers((network) => {
      engine.u8.set(network, this.#probe);
      return engine.exports.addressHash(this.#probe);
    });
    engine.random.fill();
    this.#timer = setInterval(() => this.#step(), STEP_MS).unref();
  }

  /** Takes over a native socket on this engine's memory; close() closes it. One at the most. */
  attach(socket: PacketSocket): void {
    if (this.#socket) throw new Error('engine loop: has a socket');
    this.#socket = socket;
    socket.watch(() => this.#run());
    this.schedule();
  }

  /** Closes the socket; what it has taken gets no reply. Another one may be attached. */
  detach(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    const { engine } = this;
    const pool = message.length <= engine.frames.frameBytes ? engine.frames : engine.largeFrames;
    if (this.#closing || engine.rx.room === 0 || message.length > pool.frameBytes) return false;
    const peer = this.#takePeer();
    if (peer === 0) return false;
    const frame = pool.take();
    if (frame === 0) {
      this.#freePeers.push(peer);
      return false;
    }
    this.#origins[peer] = origin;
    const { number, isIPv6 } = this.addresses.of(origin.address);
    engine.u8.set(message, frame);
    const flags =
      (origin.datagram ? Flag.DATAGRAM : 0) |
      (origin.local ? Flag.LOCAL : 0) |
      (isIPv6 ? Flag.IPV6 : 0);
    engine.rx.push(frame, frame, message.length, peer, flags, nowUs(), number);
    // The first datagram of a turn is answered at once, so that a lone client does not wait for a
    // batch; the rest of the turn makes one.
    const alone = origin.datagram && this.#immediate === undefined;
    this.schedule();
    if (alone) this.#run();
    return true;
  }

  /**
   * Bytes of the request that begins with `head`, as far as its first bytes tell
   * (assembly/index.ts, requestLength).
   */
  requestLength(head: Uint8Array): number {
    const bytes = head.subarray(0, HEADER_BYTES_MAX);
    this.engine.u8.set(bytes, this.#probe);
    return this.engine.exports.requestLength(this.#probe, bytes.length);
  }

  /** Runs the engine when everything that has arrived in this turn of the event loop is here. */
  schedule(): void {
    if (this.#closed) return;
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#run();
    });
  }

  /** An effect has ended (Effect, kinds 3 to 7). */
  complete(slot: number, status: number, bytes: number): void {
    if (this.#closed) return;
    this.engine.exports.complete(slot, status, bytes);
    this.schedule();
  }

  /** The engine was rolled back: the journal's head is not where groups were published last. */
  restarted(committed: number): void {
    this.#wokenAt = committed;
    this.schedule();
  }

  /** Nothing new is taken from origins; what was taken is still answered. */
  stop(): void {
    this.#closing = true;
    this.#socket?.pause();
  }

  /** After stop(): answers what was taken, for that long at the most. */
  async drain(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!this.#closed && this.#busy() && Date.now() < deadline) {
      this.schedule();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** The engine is not called any more. */
  close(): void {
    this.#closing = true;
    this.#closed = true;
    clearInterval(this.#timer);
    clearImmediate(this.#immediate);
    this.detach();
  }

  /** Requests that wait: to be read, for a page, or for a commit. */
  #busy(): boolean {
    const parked = this.engine.step(nowUs());
    this.#after();
    const { rx, ready, held } = this.engine;
    return parked > 0 || rx.used > 0 || ready.used > 0 || held.used > 0;
  }

  #takePeer(): number {
    const free = this.#freePeers.pop();
    if (free !== undefined) return free;
    if (this.#origins.length > this.#peersMax) return 0;
    return this.#origins.push(undefined) - 1;
  }

  #run(): void {
    if (this.#closed) return;
    const { engine } = this;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      engine.random.top();
      const now = nowUs();
      let moved = this.#socket ? this.#turn(this.#socket, now) : 0;
      moved += engine.process(BATCH, now);
      moved += this.#after();
      // A full ring stops the engine wherever it is, so it is asked again until nothing moves; what
      // is left in READY is the socket's.
      if (moved === 0 && engine.ready.used === 0) return;
    }
    this.schedule();
  }

  /** The socket's turn; returns whether something has moved. */
  #turn(socket: PacketSocket, now: number): number {
    const turned = socket.turn(now >>> 0, (now / TWO_32) >>> 0);
    const bits = turned >>> TURN_BITS_SHIFT;
    if (bits & TurnBits.RELEASES) {
      for (const frame of socket.releases()) this.engine.exports.release(frame);
    }
    if (bits & TurnBits.LARGE) this.#takeLarge(socket, now);
    return turned;
  }

  /** What is longer than a native frame is a request of this side, in a large frame. */
  #takeLarge(socket: PacketSocket, now: number): void {
    const { engine } = this;
    const peer = engine.rx.room > 0 && !this.#closing ? this.#takePeer() : 0;
    const frame = peer ? engine.largeFrames.take() : 0;
    const taken = socket.large(frame);
    if (!taken || frame === 0) {
      if (frame) engine.largeFrames.give(frame);
      if (peer) this.#freePeers.push(peer);
      return;
    }
    this.#origins[peer] = new LargeOrigin(socket, taken.peer);
    const flags = Flag.DATAGRAM | taken.flags;
    engine.rx.push(frame, frame, taken.length, peer, flags, now, taken.address);
  }

  #step(): void {
    this.engine.step(nowUs());
    this.#after();
    if (this.#socket) this.schedule();
  }

  /**
   * What every call into the engine leaves behind: effects, replies, journal groups. Returns how
   * many descriptors came out.
   */
  #after(): number {
    this.#serveEffects();
    const out = this.#sendReady() + this.#sendHeld();
    const head = this.engine.journalHead();
    if (head !== this.#wokenAt) {
      this.#wokenAt = head;
      this.#host.wake();
    }
    this.#host.ran?.();
    return out;
  }

  #serveEffects(): void {
    const { engine } = this;
    const { u32, effects } = engine;
    while (effects.used) {
      const at = effects.first();
      const kind = u32[at + (Effect.KIND >>> 2)];
      if (kind === EffectKind.LOAD_PAGE) {
        const slot = u32[at + (Effect.SLOT >>> 2)] ?? 0;
        const pageKey = u32[at + (Effect.KEY >>> 2)] ?? 0;
        this.#host.load(slot, pageKey, u32[at + (Effect.OFFSET >>> 2)] ?? 0);
      } else if (kind === EffectKind.FILL_RANDOM) {
        engine.random.fill();
      } else {
        this.#host.effect(at);
      }
      effects.shift();
    }
  }

  #sendReady(): number {
    const { ready } = this.engine;
    let out = 0;
    for (; ready.used; out++) {
      const at = ready.first();
      if (this.#isOurs(at)) this.#send(at);
      else if (this.#socket) break;
      ready.shift();
    }
    return out;
  }

  #sendHeld(): number {
    const { held, u32 } = this.engine;
    if (held.used === 0) return 0;
    const committed = this.engine.committed();
    let out = 0;
    for (; held.used; out++) {
      const at = held.first();
      const position = (u32[at + WORD.position] ?? 0) + (u32[at + WORD.position + 1] ?? 0) * TWO_32;
      if (position > committed) break;
      if (this.#isOurs(at)) this.#send(at);
      else if (this.#socket) break;
      held.shift();
    }
    return out;
  }

  /** Does the entry answer a request of submit(), or give back a frame of ours? */
  #isOurs(at: number): boolean {
    const { u32, frames, largeFrames } = this.engine;
    const ends = u32[at + WORD.length] || (u32[at + WORD.flags] ?? 0) & Flag.SILENT;
    if (ends) return (u32[at + WORD.peer] ?? 0) < NATIVE_PEER;
    const frame = u32[at + WORD.frame] ?? 0;
    return frames.owns(frame) || largeFrames.owns(frame);
  }

  /** One descriptor that came out: its reply leaves, its frame returns. */
  #send(at: number): void {
    const { engine } = this;
    const { u32 } = engine;
    const offset = u32[at + WORD.offset] ?? 0;
    const length = u32[at + WORD.length] ?? 0;
    const flags = u32[at + WORD.flags] ?? 0;
    const frame = u32[at + WORD.frame] ?? 0;
    const peer = u32[at + WORD.peer] ?? 0;
    if (length || flags & Flag.SILENT) {
      const origin = this.#origins[peer];
      this.#origins[peer] = undefined;
      this.#freePeers.push(peer);
      if (length) origin?.reply(engine.u8.subarray(offset, offset + length));
      else origin?.dropped();
    }
    if (flags & Flag.REPLY_FRAME) engine.exports.release(offset);
    if (frame) (engine.frames.owns(frame) ? engine.frames : engine.largeFrames).give(frame);
  }
}

/** The sender of a datagram that came through a native socket and was too long for its frames. */
class LargeOrigin implements RequestOrigin {
  /** The socket knows it. */
  readonly address = '';
  readonly local = false;
  readonly datagram = true;
  readonly #socket: PacketSocket;
  readonly #peer: number;

  constructor(socket: PacketSocket, peer: number) {
    this.#socket = socket;
    this.#peer = peer;
  }

  /** `bytes` is a view of the engine's memory, where the socket finds them. */
  reply(bytes: Uint8Array): void {
    this.#socket.sendTo(this.#peer, bytes.byteOffset, bytes.length);
  }
  dropped(): void {
    this.#socket.sendTo(this.#peer, 0, 0);
  }
}
