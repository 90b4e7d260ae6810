/** Fills the engine's pool of random bytes from the host's CSPRNG. */
import { Random } from './generated/layout.ts';

/** getRandomValues refuses more than this in one call. */
const CALL_BYTES_MAX = 65536;

export class RandomPool {
  private readonly u8: Uint8Array;
  private readonly u32: Uint32Array;
  private readonly base: number;
  private readonly bytes: number;
  private readonly fresh: Uint8Array<ArrayBuffer>;

  constructor(u8: Uint8Array, u32: Uint32Array, offset: number, bytes: number) {
    this.u8 = u8;
    this.u32 = u32;
    this.base = offset;
    this.bytes = bytes;
    this.fresh = new Uint8Array(Math.min(bytes, CALL_BYTES_MAX));
  }

  /** Random bytes that the engine has not taken yet. */
  get left(): number {
    return (this.word(Random.FILLED) - this.word(Random.TAKEN)) >>> 0;
  }

  /** Fills the pool when less than half of it is left; cheap enough to call after every batch. */
  top(): void {
    if (this.left < this.bytes >>> 1) this.fill();
  }

  /** Fills the pool to the brim. */
  fill(): void {
    const filled = this.word(Random.FILLED);
    const wanted = this.bytes - this.left;
    // A view of shared memory is not accepted by getRandomValues everywhere, so the bytes take one
    // step in between.
    const fresh = crypto.getRandomValues(this.fresh).subarray(0, wanted);
    const from = filled & (this.bytes - 1);
    const first = Math.min(wanted, this.bytes - from);
    this.u8.set(fresh.subarray(0, first), this.base + Random.BYTES + from);
    this.u8.set(fresh.subarray(first), this.base + Random.BYTES);
    this.fresh.fill(0);
    this.u32[(this.base + Random.FILLED) >>> 2] = filled + wanted;
  }

  private word(offset: number): number {
    return this.u32[(this.base + offset) >>> 2] ?? 0;
  }
}
