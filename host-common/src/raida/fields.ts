/** Payload bytes, written and read in order. Numbers are big-endian unless the name says LE. */

import { RequestError } from './codec.ts';
import { AN_BYTES, type Coin, isDenomination } from './coin.ts';

/** Bytes of a coin's name in a payload: denomination, serial number. */
export const COIN_BYTES = 5;

/** Writes a payload of a size that is known before. RangeError past its end. */
export class FieldWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly view: DataView;
  private at = 0;

  /** `into`: where to write; new memory if left out. */
  constructor(size: number, into: Uint8Array = new Uint8Array(size)) {
    this.bytes = into.subarray(0, size) as Uint8Array<ArrayBuffer>;
    this.view = new DataView(into.buffer, into.byteOffset, size);
  }

  u8(value: number): this {
    this.view.setUint8(this.step(1), value);
    return this;
  }

  i8(value: number): this {
    this.view.setInt8(this.step(1), value);
    return this;
  }

  u16BE(value: number): this {
    this.view.setUint16(this.step(2), value);
    return this;
  }

  u32BE(value: number): this {
    this.view.setUint32(this.step(4), value);
    return this;
  }

  u64BE(value: bigint): this {
    this.view.setBigUint64(this.step(8), value);
    return this;
  }

  block(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.step(bytes.length));
    return this;
  }

  coin({ denomination, serialNumber }: Coin): this {
    return this.i8(denomination).u32BE(serialNumber);
  }

  coins(coins: readonly Coin[]): this {
    for (const coin of coins) this.coin(coin);
    return this;
  }

  skip(count: number): this {
    this.step(count);
    return this;
  }

  private step(count: number): number {
    const { at } = this;
    this.at += count;
    return at;
  }
}

/** Reads a reply's payload. RangeError past its end; `whole` says that nothing is left. */
export class FieldReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  get whole(): boolean {
    return this.left === 0;
  }

  u8(): number {
    return this.view.getUint8(this.step(1));
  }

  i8(): number {
    return this.view.getInt8(this.step(1));
  }

  u16BE(): number {
    return this.view.getUint16(this.step(2));
  }

  u32BE(): number {
    return this.view.getUint32(this.step(4));
  }

  u64BE(): bigint {
    return this.view.getBigUint64(this.step(8));
  }

  u64LE(): bigint {
    return this.view.getBigUint64(this.step(8), true);
  }

  /** A copy. */
  block(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.left) throw new RangeError('past the end of the payload');
    const start = this.step(length);
    return new Uint8Array(this.bytes.slice(start, start + length));
  }

  /** RangeError for a denomination that does not exist. */
  denomination(): number {
    const denomination = this.i8();
    if (!isDenomination(denomination)) throw new RangeError(`denomination ${denomination}`);
    return denomination;
  }

  private step(count: number): number {
    const { at } = this;
    this.at += count;
    return at;
  }
}

/** 16 bytes (a key, an AN, a receipt); throws RequestError for another length. */
export function want16(bytes: Uint8Array, what: string): Uint8Array {
  return wantBytes(bytes, AN_BYTES, what);
}

export function wantBytes(bytes: Uint8Array, length: number, what: string): Uint8Array {
  if (bytes.length === length) return bytes;
  throw new RequestError(`${what}: wanted ${length} bytes, got ${bytes.length}`);
}

/** The XOR of ANs, by which a list of coins is named with one proof. */
export function sumOf(numbers: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const sum = new Uint8Array(AN_BYTES);
  for (const number of numbers) {
    for (let index = 0; index < AN_BYTES; index++) {
      sum[index] = (sum[index] ?? 0) ^ (number[index] ?? 0);
    }
  }
  return sum;
}
