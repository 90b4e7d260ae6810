/** Free serial numbers as 3/120 and 10/172 answer them (reference: RAIDA section 9). */
import { DENOMINATION_MAX, DENOMINATION_MIN, isDenomination } from './coin.ts';
import { FieldReader } from './fields.ts';

/** Serial numbers of one denomination: `first` to `last`, both included. */
export interface SerialRange {
  first: number;
  last: number;
}

export interface FreeSerials {
  denomination: number;
  /** In the server's order; a single number is a range of one. */
  ranges: SerialRange[];
}

const FLAG_BYTES = 16;

/** 16 flag bytes: 1 at denomination + 8 for each that is wanted. RangeError outside -8..6. */
export function denominationFlags(denominations: readonly number[]): Uint8Array<ArrayBuffer> {
  const flags = new Uint8Array(FLAG_BYTES);
  for (const denomination of denominations) {
    if (!isDenomination(denomination)) {
      const wanted = `wanted ${DENOMINATION_MIN} to ${DENOMINATION_MAX}`;
      throw new RangeError(`denomination: ${wanted}, got ${denomination}`);
    }
    flags[denomination - DENOMINATION_MIN] = 1;
  }
  return flags;
}

/** Per denomination: counts of ranges and singles (a byte each), ranges, singles. */
export function readFreeSerials(payload: Uint8Array): FreeSerials[] | undefined {
  const reader = new FieldReader(payload);
  const list: FreeSerials[] = [];
  while (!reader.whole) {
    const denomination = reader.denomination();
    const rangeCount = reader.u8();
    const singleCount = reader.u8();
    const ranges: SerialRange[] = [];
    for (let index = 0; index < rangeCount; index++) {
      const first = reader.u32BE();
      ranges.push({ first, last: reader.u32BE() });
    }
    for (let index = 0; index < singleCount; index++) {
      const serialNumber = reader.u32BE();
      ranges.push({ first: serialNumber, last: serialNumber });
    }
    if (ranges.some(({ first, last }) => last < first)) return undefined;
    if (list.some((other) => other.denomination === denomination)) return undefined;
    list.push({ denomination, ranges });
  }
  return list;
}

/** The numbers one by one, at most `max`: a server could claim 2^32 of them in 11 bytes. */
export function* serialNumbers(ranges: readonly SerialRange[], max: number): Generator<number> {
  let left = max;
  for (const { first, last } of ranges) {
    for (let number = first; number <= last && left > 0; number++, left--) yield number;
  }
}
