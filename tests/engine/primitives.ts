/**
 * The engine's primitives by value instead of address, for checks against published vectors.
 * Web-standard only.
 */
import { CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { check, Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';

export class Primitives {
  private readonly engine: Engine;
  private readonly base: number;

  constructor(module: WebAssembly.Module, nativeCtr?: NativeCtr) {
    this.engine = Engine.create({
      module,
      nativeCtr,
      sizes: CLIENT_SIZES,
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
}
