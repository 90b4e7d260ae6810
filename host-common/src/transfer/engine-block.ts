/**
 * The block by which the transfer machine and its host give each other what is no number of a call,
 * and the time, which the machine has from its host alone. Offsets are those of the block.
 */
import type { Engine, EngineExports } from '../engine/engine.ts';
import { Region } from '../engine/generated/layout.ts';

const TWO_32 = 4294967296;

/** A number of up to 53 bits as two of 32, the low one first. */
export function lowHigh(value: number): [low: number, high: number] {
  return [value >>> 0, (value / TWO_32) >>> 0];
}

export class EngineBlock {
  readonly engine: Engine;
  /** Where the block lies in the engine's memory. */
  readonly address: number;
  private readonly clock: () => number;

  /** `clock`: microseconds that do not run backward. */
  constructor(engine: Engine, clock: () => number) {
    this.engine = engine;
    this.clock = clock;
    this.address = engine.region(Region.TRANSFER);
  }

  /** The time now, for the exports that take it. */
  get time(): [low: number, high: number] {
    return lowHigh(this.clock());
  }

  /** The other exports, which have been told the time. */
  get now(): EngineExports {
    this.engine.exports.transferAt(...this.time);
    return this.engine.exports;
  }

  word(offset: number): number {
    return this.engine.u32[(this.address + offset) >>> 2] ?? 0;
  }

  setWord(offset: number, value: number): void {
    this.engine.u32[(this.address + offset) >>> 2] = value;
  }

  /** A number of 64 bits. */
  long(offset: number): number {
    return this.word(offset) + this.word(offset + 4) * TWO_32;
  }

  setLong(offset: number, value: number): void {
    const [low, high] = lowHigh(value);
    this.setWord(offset, low);
    this.setWord(offset + 4, high);
  }

  /** @throws RangeError: not `length` bytes */
  put(offset: number, bytes: Uint8Array, length = bytes.length): void {
    if (bytes.length !== length) throw new RangeError(`wanted ${length} bytes`);
    this.engine.u8.set(bytes, this.address + offset);
  }
}
