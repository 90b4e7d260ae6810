/**
 * The BLAKE3 hash of a file by chunks of 256 KiB (reference: transfer section 9.1). A chunk is a
 * whole subtree of BLAKE3, so its value (32 bytes) says whether its bytes are the file's, and all
 * values together are the file's hash: what b3sum prints. Of a file of one chunk the value is the
 * hash; an empty file has no chunk.
 */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../../engine/configuration.ts';
import { Engine } from '../../engine/engine.ts';
import { Region } from '../../engine/generated/layout.ts';
import { LARGE_FRAME_BYTES } from '../../engine/generated/limits.ts';
import type { NativeTransfer } from '../../engine/native-transfer.ts';
import { checkBytes, checkWhole } from '../argument-checks.ts';

export const CHUNK_BYTES = 262_144;
/** Of a chunk's value, and of a file's hash. */
export const HASH_BYTES = 32;
/** 512 GiB: the values of such a file take 64 MiB. */
export const FILE_BYTES_MAX = 2 ** 39;

/** Says of something that it has more bytes than that. */
export function tooLarge(what: string, bytes: number | bigint): string {
  return `${what} of ${bytes} bytes, where ${FILE_BYTES_MAX} (512 GiB) are the most`;
}

/** BLAKE3's own chunks have 1024 bytes. */
const LEAVES = CHUNK_BYTES / 1024;

/** Chunks of a file of so many bytes. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** Bytes of a chunk; all but the last are full. */
export function chunkLength(size: number, index: number): number {
  return Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES);
}

/** What one chunk is to its file. */
export interface ChunkPlace {
  /** From 0 on. */
  index: number;
  /** Chunks of the file. */
  count: number;
}

export class FileHash {
  /** Where a chunk lies while it is hashed: memory of the engine, that a host may read into. */
  readonly chunk: Uint8Array<ArrayBuffer>;
  private readonly engine: Engine;
  private readonly at: number;
  /** Two values, and what becomes of them. */
  private readonly pair: number;

  private constructor(engine: Engine) {
    this.engine = engine;
    this.at = engine.region(Region.LARGE_FRAMES);
    this.chunk = engine.u8.subarray(this.at, this.at + CHUNK_BYTES);
    this.pair = this.at + CHUNK_BYTES;
  }

  /** With an engine of its own. */
  static create(module: WebAssembly.Module, nativeTransfer?: NativeTransfer): FileHash {
    const largeFrames = Math.ceil((CHUNK_BYTES + 3 * HASH_BYTES) / LARGE_FRAME_BYTES);
    const sizes = { ...CLIENT_SIZES, largeFrames };
    return new FileHash(
      Engine.create({ module, sizes, identity: CLIENT_IDENTITY, nativeTransfer }),
    );
  }

  /**
   * The value of a chunk whose bytes are the first `length` of `chunk`.
   * @throws TypeError, RangeError
   */
  value(length: number, { index, count }: ChunkPlace): Uint8Array<ArrayBuffer> {
    checkWhole('length', length, 1, CHUNK_BYTES);
    checkWhole('count', count, 1, chunkCount(FILE_BYTES_MAX));
    checkWhole('index', index, 0, count - 1);
    const { exports } = this.engine;
    if (count === 1) exports.digestBlake3(this.at, length, this.pair, HASH_BYTES);
    // A file has fewer than 2^32 leaves.
    else exports.blake3Part(this.at, length, index * LEAVES, 0, this.pair);
    return this.result();
  }

  /** The same of bytes that lie elsewhere. */
  valueOf(bytes: Uint8Array, place: ChunkPlace): Uint8Array<ArrayBuffer> {
    checkBytes('bytes', bytes);
    checkWhole('bytes.length', bytes.length, 1, CHUNK_BYTES);
    this.chunk.set(bytes);
    return this.value(bytes.length, place);
  }

  /**
   * The hash of a file by the values of all its chunks, one behind the other.
   * @throws TypeError, RangeError
   */
  root(values: Uint8Array): Uint8Array<ArrayBuffer> {
    checkBytes('values', values);
    const count = values.length / HASH_BYTES;
    checkWhole('the count of values', count, 0, chunkCount(FILE_BYTES_MAX));
    if (count === 0) {
      this.engine.exports.digestBlake3(this.at, 0, this.pair, HASH_BYTES);
      return this.result();
    }
    // Left subtrees are complete (BLAKE3 section 2.1): they are joined as a binary counter counts,
    // as soon as it is known that something comes behind them.
    const parts: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      for (let full = i; full > 0 && (full & 1) === 0; full >>>= 1) this.joinLast(parts, false);
      parts.push(values.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
    }
    while (parts.length > 1) this.joinLast(parts, parts.length === 2);
    return Uint8Array.from(parts[0] as Uint8Array);
  }

  private joinLast(parts: Uint8Array[], isRoot: boolean): void {
    const [left, right] = parts.splice(-2) as [Uint8Array, Uint8Array];
    const { u8, exports } = this.engine;
    u8.set(left, this.pair);
    u8.set(right, this.pair + HASH_BYTES);
    const out = this.pair + 2 * HASH_BYTES;
    exports.blake3Parent(this.pair, this.pair + HASH_BYTES, isRoot ? 1 : 0, out);
    parts.push(u8.slice(out, out + HASH_BYTES));
  }

  private result(): Uint8Array<ArrayBuffer> {
    return this.engine.u8.slice(this.pair, this.pair + HASH_BYTES);
  }
}
