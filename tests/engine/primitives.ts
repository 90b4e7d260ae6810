/**
 * The engine's primitives by value instead of address, for checks against published vectors.
 * Web-standard only.
 */
import { CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { check, Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import type { NativeTransfer } from '@andvari/host-common/engine/native-transfer';

export class Primitives {
  private readonly engine: Engine;
  private readonly base: number;

  /** `shared`: `module` is the shared build. */
  constructor(
    module: WebAssembly.Module,
    nativeCtr?: NativeCtr,
    shared = false,
    nativeTransfer?: NativeTransfer,
  ) {
    this.engine = Engine.create({
      module,
      shared,
      nativeCtr,
      nativeTransfer,
      // Room for a part of a file, 256 KiB, and its digests.
      sizes: { ...CLIENT_SIZES, largeFrames: 5, transfer: { sessions: 4 } },
      identity: { raidaId: 0, coinId: 6, wire: 'spec', version: '20261121' },
    });
    this.base = this.engine.region(Region.LARGE_FRAMES);
  }

  /**
   * Puts byte strings one behind the other, `skew` bytes off alignment, and returns their
   * addresses.
   */
  private place(skew: number, ...parts: Uint8Array[]): number[] {
    let at = this.base + skew;
    return parts.map((part) => {
      this.engine.u8.set(part, at);
      at += part.length;
      return at - part.length;
    });
  }

  /** All of the engine's memory. */
  memory(): Uint8Array {
    return this.engine.u8;
  }

  crc32(bytes: Uint8Array): number {
    const [at = 0] = this.place(0, bytes);
    return this.engine.exports.checksumCrc32(at, bytes.length) >>> 0;
  }

  md5(bytes: Uint8Array): Uint8Array {
    const [out = 0, at = 0] = this.place(0, new Uint8Array(16), bytes);
    this.engine.exports.digestMd5(at, bytes.length, out);
    return this.engine.u8.slice(out, out + 16);
  }

  sha256(bytes: Uint8Array): Uint8Array {
    const [out = 0, at = 0] = this.place(0, new Uint8Array(32), bytes);
    this.engine.exports.digestSha256(at, bytes.length, out);
    return this.engine.u8.slice(out, out + 32);
  }

  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array {
    const [out = 0, keyAt = 0, at = 0] = this.place(0, new Uint8Array(32), key, bytes);
    this.engine.exports.digestHmacSha256(keyAt, key.length, at, bytes.length, out);
    return this.engine.u8.slice(out, out + 32);
  }

  /** In place, or from a source to a place of its own; `guards` are the bytes around the result. */
  ctr(
    key: Uint8Array,
    counterBlock: Uint8Array,
    text: Uint8Array,
    options: { skew?: number; inPlace?: boolean } = {},
  ): { bytes: Uint8Array; guards: Uint8Array } {
    const { skew = 0, inPlace = true } = options;
    const guard = new Uint8Array(64).fill(0xa5);
    const [keyAt = 0, counterAt = 0, source = 0, before = 0, own = 0, after = 0] = this.place(
      skew,
      key,
      counterBlock,
      text,
      guard,
      inPlace ? new Uint8Array(0) : new Uint8Array(text.length),
      guard,
    );
    const out = inPlace ? source : own;
    const { exports, u8 } = this.engine;
    check('ctr', exports.cipherCtr(keyAt, key.length, counterAt, source, out, text.length));
    const guards = new Uint8Array(128);
    guards.set(u8.subarray(before, before + 64));
    guards.set(u8.subarray(after, after + 64), 64);
    return { bytes: u8.slice(out, out + text.length), guards };
  }

  /** The plain hash, under a key, or for a context string. */
  blake3(
    bytes: Uint8Array,
    length: number,
    under: { key?: Uint8Array; context?: Uint8Array } = {},
  ): Uint8Array {
    const { key, context } = under;
    const [out = 0, keyAt = 0, at = 0] = this.place(
      0,
      new Uint8Array(length),
      key ?? context ?? new Uint8Array(0),
      bytes,
    );
    const { exports } = this.engine;
    if (key) exports.digestBlake3Keyed(keyAt, at, bytes.length, out, length);
    else if (context) {
      exports.digestBlake3Derive(keyAt, context.length, at, bytes.length, out, length);
    } else exports.digestBlake3(at, bytes.length, out, length);
    return this.engine.u8.slice(out, out + length);
  }

  /**
   * The plain hash in pieces of the given lengths, over and over; of a part that begins with chunk
   * `first` its chaining value.
   */
  blake3Pieces(bytes: Uint8Array, pieces: number[], first?: number): Uint8Array {
    const [state = 0, out = 0, at = 0] = this.place(
      0,
      new Uint8Array(2048),
      new Uint8Array(32),
      bytes,
    );
    const { exports } = this.engine;
    exports.blake3Begin(state, first ?? 0, 0);
    for (let done = 0, i = 0; done < bytes.length; i++) {
      const part = Math.min(pieces[i % pieces.length] ?? 1, bytes.length - done);
      exports.blake3Add(state, at + done, part);
      done += part;
    }
    if (first === undefined) exports.blake3Finish(state, out, 32);
    else exports.blake3FinishPart(state, out);
    return this.engine.u8.slice(out, out + 32);
  }

  /** Chaining value of a part that begins with chunk `first` of its input. */
  blake3Part(bytes: Uint8Array, first: number): Uint8Array {
    const [out = 0, at = 0] = this.place(0, new Uint8Array(32), bytes);
    this.engine.exports.blake3Part(at, bytes.length, first, 0, out);
    return this.engine.u8.slice(out, out + 32);
  }

  blake3Parent(left: Uint8Array, right: Uint8Array, root: boolean): Uint8Array {
    const [out = 0, a = 0, b = 0] = this.place(0, new Uint8Array(32), left, right);
    this.engine.exports.blake3Parent(a, b, root ? 1 : 0, out);
    return this.engine.u8.slice(out, out + 32);
  }

  hchacha20(key: Uint8Array, nonce: Uint8Array): Uint8Array {
    const [out = 0, keyAt = 0, nonceAt = 0] = this.place(0, new Uint8Array(32), key, nonce);
    this.engine.exports.deriveHChaCha20(keyAt, nonceAt, out);
    return this.engine.u8.slice(out, out + 32);
  }

  chacha20(key: Uint8Array, counter: number, nonce: Uint8Array, text: Uint8Array): Uint8Array {
    const [keyAt = 0, nonceAt = 0, at = 0] = this.place(0, key, nonce, text);
    this.engine.exports.cipherChaCha20(keyAt, counter, nonceAt, at, text.length);
    return this.engine.u8.slice(at, at + text.length);
  }

  /** Text and tag of a sealed message; `guard` are the 16 bytes behind both. */
  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    text: Uint8Array,
  ): { text: Uint8Array; tag: Uint8Array; guard: Uint8Array } {
    const room = new Uint8Array(32).fill(0xa5);
    const [k = 0, n = 0, a = 0, at = 0, tag = 0] = this.place(3, key, nonce, aad, text, room);
    const { exports, u8 } = this.engine;
    check('seal', exports.aeadSeal(k, n, nonce.length, a, aad.length, at, text.length, tag));
    return {
      text: u8.slice(at, at + text.length),
      tag: u8.slice(tag, tag + 16),
      guard: u8.slice(tag + 16, tag + 32),
    };
  }

  /** The status, and what the text is then. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: { text: Uint8Array; tag: Uint8Array },
  ): { status: number; text: Uint8Array } {
    const { text, tag } = sealed;
    const [k = 0, n = 0, a = 0, at = 0, t = 0] = this.place(1, key, nonce, aad, text, tag);
    const { exports, u8 } = this.engine;
    const status = exports.aeadOpen(k, n, nonce.length, a, aad.length, at, text.length, t);
    return { status, text: u8.slice(at, at + text.length) };
  }

  /**
   * A block of LZ4 of up to `room` bytes, and how many bytes it holds; undefined: no gain.
   * @throws Error: something was written beyond the room
   */
  lz4Pack(bytes: Uint8Array, room: number): { block: Uint8Array; held: number } | undefined {
    const guard = new Uint8Array(64).fill(0xa5);
    const own = new Uint8Array(room);
    const [source = 0, before = 0, out = 0, after = 0] = this.place(1, bytes, guard, own, guard);
    const { exports, u8, u32 } = this.engine;
    const length = exports.lz4Pack(source, bytes.length, out, room) >>> 0;
    for (const at of [before, after]) {
      const isWhole = u8.subarray(at, at + 64).every((byte) => byte === 0xa5);
      if (!isWhole) throw new Error('written beyond the room');
    }
    const held = u32[this.engine.region(Region.TRANSFER) >>> 2] ?? 0;
    return length ? { block: u8.slice(out, out + length), held } : undefined;
  }

  /** What a block of LZ4 holds; undefined: it is none. */
  lz4Unpack(block: Uint8Array): Uint8Array | undefined {
    const [from = 0, to = 0] = this.place(1, block, new Uint8Array(65536));
    const { exports, u8 } = this.engine;
    const length = exports.lz4Unpack(from, block.length, to);
    return length < 0 ? undefined : u8.slice(to, to + length);
  }

  /** A session of packets alone, from k1, k2 and h; it has to be ended. */
  packets(keys: Uint8Array, initiator: boolean, headerProtection: boolean): PacketEnd {
    const [at = 0] = this.place(0, keys);
    const { exports } = this.engine;
    const session = exports.packetsStart(at, initiator ? 1 : 0, headerProtection ? 1 : 0);
    const wiped = this.engine.u8.subarray(at, at + keys.length).every((byte) => byte === 0);
    if (session === 0 || !wiped) throw new Error('no room for a session, or its keys are left');
    return {
      seal: (frame, total = frame.length + 24) => {
        const [packet = 0] = this.place(0, new Uint8Array(8), frame, new Uint8Array(9000));
        const length = exports.packetsSeal(session, packet, total);
        return this.engine.u8.slice(packet, packet + length);
      },
      open: (packet) => {
        const [packetAt = 0] = this.place(0, packet);
        const verdict = exports.packetsOpen(session, packetAt, packet.length);
        const frame = this.engine.u8.slice(packetAt + 8, packetAt + packet.length - 16);
        return verdict === 0 ? frame : undefined;
      },
      rekey: (dh, epoch) => exports.packetsRekey(session, this.place(0, dh)[0] ?? 0, epoch) !== 0,
      move: (path) => exports.packetsMove(session, path) !== 0,
      end: () => exports.packetsEnd(session) !== 0,
    };
  }
}

export interface PacketEnd {
  /** Seals a frame; the fields that the engine writes may be anything. */
  seal(frame: Uint8Array, total?: number): Uint8Array;
  /** The frame; undefined: it is not this session's. */
  open(packet: Uint8Array): Uint8Array | undefined;
  rekey(dh: Uint8Array, epoch: number): boolean;
  move(path: number): boolean;
  end(): boolean;
}
