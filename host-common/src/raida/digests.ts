/**
 * MD5 and SHA-256 by the engine's own code, for keys that client and server both compute: the AN of
 * a fixed or created coin, the keys of a locker. One engine for all callers, made when first used.
 */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../engine/configuration.ts';
import { Engine } from '../engine/engine.ts';
import { Region } from '../engine/generated/layout.ts';
import { plainEngine } from '../engine/module.ts';
import { AN_BYTES } from './coin.ts';

const SHA256_BYTES = 32;
/** What goes in are names and keys: longer texts have no use here. */
const TEXT_BYTES_MAX = 4096;

export interface Digests {
  /** 16 bytes. RangeError for more than 4096 bytes in; what went in is wiped. */
  md5(text: Uint8Array): Uint8Array<ArrayBuffer>;
  /** 32 bytes; else as md5. */
  sha256(text: Uint8Array): Uint8Array<ArrayBuffer>;
}

class EngineDigests implements Digests {
  private readonly engine: Engine;
  private readonly frame: number;

  constructor(module: WebAssembly.Module) {
    this.engine = Engine.create({ module, sizes: CLIENT_SIZES, identity: CLIENT_IDENTITY });
    this.frame = this.engine.region(Region.LARGE_FRAMES);
  }

  md5(text: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.digest(text, AN_BYTES, this.engine.exports.digestMd5);
  }

  sha256(text: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.digest(text, SHA256_BYTES, this.engine.exports.digestSha256);
  }

  private digest(
    text: Uint8Array,
    bytes: number,
    run: (source: number, length: number, out: number) => void,
  ): Uint8Array<ArrayBuffer> {
    if (text.length > TEXT_BYTES_MAX) {
      throw new RangeError(`text: wanted at most ${TEXT_BYTES_MAX} bytes, got ${text.length}`);
    }
    const { u8 } = this.engine;
    const source = this.frame + SHA256_BYTES;
    u8.set(text, source);
    run(source, text.length, this.frame);
    const result = new Uint8Array(u8.slice(this.frame, this.frame + bytes));
    u8.fill(0, this.frame, source + text.length);
    return result;
  }
}

let opened: Promise<Digests> | undefined;

export function openDigests(): Promise<Digests> {
  opened ??= plainEngine().then((module) => new EngineDigests(module));
  return opened;
}
