/** Which chunks of a file are there: a bit each, chunk 0 the lowest bit of byte 0. */
import { checkBytes, checkWhole } from '../argument-checks.ts';

export class ChunkSet {
  /** Chunks of the file. */
  readonly count: number;
  private readonly bits: Uint8Array<ArrayBuffer>;
  private members = 0;

  /** Of none; throws RangeError. */
  constructor(count: number) {
    checkWhole('count', count, 0, 2 ** 32);
    this.count = count;
    this.bits = new Uint8Array(Math.ceil(count / 8));
  }

  /** One from its bytes; bits behind the last chunk are not looked at. Throws RangeError. */
  static from(count: number, bytes: Uint8Array): ChunkSet {
    const set = new ChunkSet(count);
    checkBytes('bytes', bytes, set.bits.length);
    for (let index = 0; index < count; index++) {
      if (((bytes[index >> 3] as number) >> (index & 7)) & 1) set.add(index);
    }
    return set;
  }

  get size(): number {
    return this.members;
  }

  get isFull(): boolean {
    return this.members === this.count;
  }

  /** A copy. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.bits.slice();
  }

  has(index: number): boolean {
    return (
      index >= 0 &&
      index < this.count &&
      (((this.bits[index >> 3] as number) >> (index & 7)) & 1) === 1
    );
  }

  /** False: it was there. */
  add(index: number): boolean {
    checkWhole('index', index, 0, this.count - 1);
    if (this.has(index)) return false;
    (this.bits[index >> 3] as number) |= 1 << (index & 7);
    this.members++;
    return true;
  }

  /** False: it was not there. */
  delete(index: number): boolean {
    if (!this.has(index)) return false;
    (this.bits[index >> 3] as number) &= ~(1 << (index & 7));
    this.members--;
    return true;
  }

  /** The first chunk from `from` on that is not there; `count`: there is none. */
  firstMissing(from = 0): number {
    let index = from;
    while (index < this.count && this.has(index)) {
      index += (index & 7) === 0 && this.bits[index >> 3] === 255 ? 8 : 1;
    }
    return Math.min(index, this.count);
  }
}
