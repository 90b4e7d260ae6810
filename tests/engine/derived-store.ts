/**
 * A store in memory that knows nothing but the journal: coin pages, and from them alone the counts,
 * the in-use map, the lockers and the cells. What an engine holds has to equal it whenever all is
 * committed. Web-standard only.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Journal, JournalKind, Region } from '@andvari/host-common/engine/generated/layout';
import {
  CELL_BYTES,
  DENOMINATIONS,
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import {
  CELL_ROW_BYTES,
  IN_USE_ROW_BYTES,
  LOCKER_ROW_BYTES,
  type StoreTables,
} from '@andvari/host-common/engine/store-tables';

/** Bytes of a page, or undefined: there is no such page. */
export type PageSource = (denomination: number, page: number) => Uint8Array | undefined;

const MAP_BYTES = PAGE_RECORDS / 8;

/** Has a coin in use with this AN a place in the locker index? */
export function isKept(an: Uint8Array): boolean {
  // By hand: it is asked of every coin of every store that a test makes.
  const kind = an[13] ?? 0xff;
  const [last, first] = [an[15] ?? 0xff, an[14] ?? 0xff];
  const isTail = (byte: number) => first === byte && last === byte;
  const locker = an[12] === 0xff && kind === 0xff && isTail(0xff);
  return locker || (kind <= 2 && isTail(0xee));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** Value of a coin in units of 1e-8. */
export function coinValue(denominationIndex: number): bigint {
  return 10n ** BigInt(denominationIndex);
}

/** A coin as one number: denomination index << 20 | serial number. */
export const coinNumber = (index: number, serial: number) => index * 0x100000 + serial;

interface JournalRecord {
  kind: number;
  bytes: Uint8Array;
  word(offset: number): number;
  an(offset: number): Uint8Array;
}

export class DerivedStore {
  readonly perDenomination: number;
  readonly counts = new Uint32Array(DENOMINATIONS);
  /** As Region.IN_USE. */
  readonly inUse: Uint8Array;
  /** AN (hex) of each coin in a locker, by coinNumber(), in the order in which they came. */
  readonly lockers = new Map<number, string>();
  readonly cells = new Map<number, Uint8Array>();
  /** Journal position up to which everything has been taken. */
  position = 0;
  /** Keys of the pages that were ever changed. */
  readonly changed = new Set<number>();
  readonly #pages = new Map<number, Uint8Array>();
  readonly #inPlace: boolean;

  /** `inPlace`: changes are written to the source's own pages, for others to see. */
  constructor(source: PageSource, perDenomination: number, inPlace = false) {
    this.perDenomination = perDenomination;
    this.#inPlace = inPlace;
    this.inUse = new Uint8Array(DENOMINATIONS * perDenomination * MAP_BYTES);
    for (let key = 0; key < DENOMINATIONS * perDenomination; key++) {
      const index = Math.floor(key / perDenomination);
      const page = source(index - 8, key % perDenomination);
      if (!page) continue;
      this.#pages.set(key, page);
      for (let record = 0; record < PAGE_RECORDS; record++) {
        if (page[record * RECORD_BYTES + 16] !== 0) this.#derive(index, key, record);
      }
    }
  }

  page(denomination: number, page: number): Uint8Array | undefined {
    return this.#pages.get((denomination + 8) * this.perDenomination + page);
  }

  /** The 17 bytes of a coin; undefined: on no page. */
  record(denomination: number, serialNumber: number): Uint8Array | undefined {
    const at = (serialNumber & 1023) * RECORD_BYTES;
    if (serialNumber >>> 10 >= this.perDenomination) return undefined;
    return this.page(denomination, serialNumber >>> 10)?.subarray(at, at + RECORD_BYTES);
  }

  /** Sum of all coins in use, in units of 1e-8. */
  value(): bigint {
    return this.counts.reduce((sum, count, index) => sum + BigInt(count) * coinValue(index), 0n);
  }

  /** Takes every group of the journal up to `end`. Throws when one does not follow. */
  take(engine: Engine, end: number): void {
    while (this.position < end) {
      const head = this.#recordOf(engine, this.position);
      if (head.kind !== JournalKind.HEAD) throw new Error(`no head at ${this.position}`);
      for (let i = 1; i <= head.word(Journal.USED); i++) {
        this.#apply(this.#recordOf(engine, this.position + i));
      }
      this.position += head.word(Journal.SIZE);
    }
    if (this.position !== end) throw new Error(`a group ends at ${this.position}, not at ${end}`);
  }

  /** The engine has taken everything behind `this.position` back; its positions go on. */
  skip(engine: Engine): void {
    this.position = engine.committed();
  }

  /** Serves another engine, whose journal begins anew. */
  restart(): void {
    this.position = 0;
  }

  tables(): StoreTables {
    return {
      counts: this.counts.slice(),
      inUse: this.#inUseRows(),
      lockers: this.#lockerRows(),
      cells: this.#cellRows(),
    };
  }

  #recordOf(engine: Engine, position: number): JournalRecord {
    const slot = position % engine.journalRecords;
    const at = engine.region(Region.JOURNAL) + slot * Journal.RECORD_BYTES;
    const bytes = engine.u8.slice(at, at + Journal.RECORD_BYTES);
    const view = new DataView(bytes.buffer);
    return {
      kind: bytes[Journal.KIND] ?? 0,
      bytes,
      word: (offset: number) => view.getUint32(offset, true),
      an: (offset: number) => bytes.subarray(offset, offset + 16),
    };
  }

  #apply(change: JournalRecord): void {
    if (change.kind === JournalKind.PAD) return;
    const [before, after] = [change.an(Journal.OLD_AN), change.an(Journal.NEW_AN)];
    if (change.kind === JournalKind.CELL) {
      const index = change.word(Journal.CELL);
      const known = this.cells.get(index) ?? new Uint8Array(CELL_BYTES);
      if (hexOf(known) !== hexOf(before)) throw new Error(`cell ${index}: another value before`);
      this.cells.set(index, after.slice());
      return;
    }
    if (change.kind !== JournalKind.COIN) throw new Error(`record of kind ${change.kind}`);
    const index = change.bytes[Journal.DENOMINATION] ?? 0;
    const serial = change.word(Journal.SERIAL);
    const record = this.#writable(index, serial);
    const name = `coin (${index - 8}, ${serial})`;
    if (hexOf(record.subarray(0, 16)) !== hexOf(before)) throw new Error(`${name}: another AN`);
    if (record[16] !== change.bytes[Journal.OLD_MFS]) throw new Error(`${name}: another MFS`);
    record.set(after);
    record[16] = change.bytes[Journal.NEW_MFS] ?? 0;
    const key = index * this.perDenomination + (serial >>> 10);
    this.#derive(index, key, serial & 1023);
  }

  #writable(index: number, serial: number): Uint8Array {
    const key = index * this.perDenomination + (serial >>> 10);
    const page = this.#pages.get(key);
    if (!page) throw new Error(`page ${key}: a change of a page that is not there`);
    const isFirst = !this.changed.has(key);
    if (isFirst && !this.#inPlace) this.#pages.set(key, page.slice());
    this.changed.add(key);
    const at = (serial & 1023) * RECORD_BYTES;
    return (this.#pages.get(key) ?? page).subarray(at, at + RECORD_BYTES);
  }

  /** What follows from one record: its bit, its denomination's count, its place in a locker. */
  #derive(index: number, key: number, number: number): void {
    const page = this.#pages.get(key) ?? new Uint8Array(PAGE_BYTES);
    const record = page.subarray(number * RECORD_BYTES, (number + 1) * RECORD_BYTES);
    const isInUse = record[16] !== 0;
    const at = key * MAP_BYTES + (number >>> 3);
    const bit = 1 << (number & 7);
    const was = ((this.inUse[at] ?? 0) & bit) !== 0;
    if (was !== isInUse) {
      this.inUse[at] = (this.inUse[at] ?? 0) ^ bit;
      this.counts[index] = (this.counts[index] ?? 0) + (isInUse ? 1 : -1);
    }
    const coin = coinNumber(index, (key % this.perDenomination) * PAGE_RECORDS + number);
    const an = record.subarray(0, 16);
    const kept = isInUse && isKept(an) ? hexOf(an) : undefined;
    if (this.lockers.get(coin) === kept) return;
    this.lockers.delete(coin);
    if (kept !== undefined) this.lockers.set(coin, kept);
  }

  #inUseRows(): Uint8Array {
    const keys = this.inUse.length / MAP_BYTES;
    const rows = new Uint8Array(keys * IN_USE_ROW_BYTES);
    const view = new DataView(rows.buffer);
    for (let key = 0; key < keys; key++) {
      const index = Math.floor(key / this.perDenomination);
      const row = key * IN_USE_ROW_BYTES;
      view.setUint32(row, (index << 16) | (key % this.perDenomination), true);
      rows.set(this.inUse.subarray(key * MAP_BYTES, (key + 1) * MAP_BYTES), row + 4);
    }
    return rows;
  }

  #lockerRows(): Uint8Array {
    const rows = new Uint8Array(this.lockers.size * LOCKER_ROW_BYTES);
    const view = new DataView(rows.buffer);
    [...this.lockers].forEach(([coin, an], i) => {
      view.setUint32(i * LOCKER_ROW_BYTES, coin >>> 20, true);
      view.setUint32(i * LOCKER_ROW_BYTES + 4, coin & 0xfffff, true);
      rows.set(fromHex(an), i * LOCKER_ROW_BYTES + 8);
    });
    return rows;
  }

  #cellRows(): Uint8Array {
    const rows = new Uint8Array(this.cells.size * CELL_ROW_BYTES);
    const view = new DataView(rows.buffer);
    [...this.cells].forEach(([index, bytes], i) => {
      view.setUint32(i * CELL_ROW_BYTES, index, true);
      rows.set(bytes, i * CELL_ROW_BYTES + 4);
    });
    return rows;
  }
}
