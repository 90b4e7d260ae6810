/**
 * The committer's view of the engine's journal ring (assembly/core/layout.ts: Journal, Control).
 * Groups are read where the engine wrote them, in shared memory. A position counts records and is
 * never used again; it fits a number (2^53) for longer than any disk lasts, and crosses borders as
 * a bigint.
 */
import { Control, Journal, JournalKind } from '@andvari/host-common/engine/generated/layout';
import { GROUP_RECORDS_MAX } from '@andvari/host-common/engine/generated/limits';
import type { CellChange, CoinChange } from './coin-store.ts';

/** Where the journal lies in a shared memory; offsets in bytes, from Engine's regions. */
export interface JournalPlace {
  memory: WebAssembly.Memory;
  /** Region.JOURNAL. */
  journalOffset: number;
  /** A power of two. */
  journalRecords: number;
  /** Region.CONTROL. */
  controlOffset: number;
}

export interface JournalGroup {
  /** Records behind the head that count. */
  used: number;
  /** Position of the next group. */
  end: number;
}

/** What a record of a group changes. */
export type JournalChange = { kind: 'coin'; coin: CoinChange } | { kind: 'cell'; cell: CellChange };

/**
 * The journal holds what no engine writes: the memory is damaged, or the wrong place is being read.
 */
export class JournalError extends Error {
  readonly code = 'ANDVARI_JOURNAL';
}

export class JournalReader {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #longs: BigUint64Array;
  readonly #place: JournalPlace;
  readonly #committedAt: number;
  /** Lent out by record(); one object for all, since a transaction has up to thousands. */
  readonly #coin = {
    denominationIndex: 0,
    serialNumber: 0,
    newAn: new Uint8Array(16),
    newMfs: 0,
    oldAn: new Uint8Array(16),
    oldMfs: 0,
  } satisfies CoinChange;
  readonly #newAnWords = new Uint32Array(this.#coin.newAn.buffer);
  readonly #oldAnWords = new Uint32Array(this.#coin.oldAn.buffer);
  /** A cell's bytes stand in the places of the ANs. */
  readonly #cell = {
    index: 0,
    newBytes: this.#coin.newAn,
    oldBytes: this.#coin.oldAn,
  } satisfies CellChange;
  readonly #coinChange = { kind: 'coin', coin: this.#coin } as const;
  readonly #cellChange = { kind: 'cell', cell: this.#cell } as const;

  /** Throws TypeError for memory that is not shared, RangeError for a place outside it. */
  constructor(place: JournalPlace) {
    checkPlace(place);
    const { buffer } = place.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#longs = new BigUint64Array(buffer);
    this.#place = place;
    this.#committedAt = (place.controlOffset + Control.COMMITTED) / 8;
  }

  /** First position not committed, as the engine sees it. */
  committed(): number {
    return Number(Atomics.load(this.#longs, this.#committedAt));
  }

  /** Tells the engine, which may use the records before `position` again. */
  setCommitted(position: number): void {
    Atomics.store(this.#longs, this.#committedAt, BigInt(position));
  }

  /**
   * The group that starts at `position`, or nothing if it is not published yet. Throws
   * JournalError.
   */
  group(position: number): JournalGroup | undefined {
    const head = this.#recordAt(position);
    const published = Atomics.load(this.#words, (head + Journal.PUBLISHED) / 4);
    if (published !== (position + 1) % 4294967296) return undefined;
    const used = this.#words[(head + Journal.USED) / 4] ?? 0;
    const size = this.#words[(head + Journal.SIZE) / 4] ?? 0;
    const isHead = this.#bytes[head + Journal.KIND] === JournalKind.HEAD;
    if (!isHead || size <= used || size > GROUP_RECORDS_MAX || size > this.#place.journalRecords) {
      throw new JournalError(`position ${position} is no group: ${used} of ${size} records used`);
    }
    return { used, end: position + size };
  }

  /**
   * What the record at `position` changes; undefined for a pad. The object is valid until the next
   * call. Throws JournalError.
   */
  record(position: number): JournalChange | undefined {
    const record = this.#recordAt(position);
    const kind = this.#bytes[record + Journal.KIND];
    if (kind === JournalKind.PAD) return undefined;
    if (kind !== JournalKind.COIN && kind !== JournalKind.CELL) {
      throw new JournalError(`position ${position}: record of kind ${kind} inside a group`);
    }
    for (let i = 0; i < 4; i++) {
      this.#oldAnWords[i] = this.#words[(record + Journal.OLD_AN) / 4 + i] ?? 0;
      this.#newAnWords[i] = this.#words[(record + Journal.NEW_AN) / 4 + i] ?? 0;
    }
    if (kind === JournalKind.CELL) {
      this.#cell.index = this.#words[(record + Journal.CELL) / 4] ?? 0;
      return this.#cellChange;
    }
    const coin = this.#coin;
    coin.oldMfs = this.#bytes[record + Journal.OLD_MFS] ?? 0;
    coin.newMfs = this.#bytes[record + Journal.NEW_MFS] ?? 0;
    coin.denominationIndex = this.#bytes[record + Journal.DENOMINATION] ?? 0;
    coin.serialNumber = this.#words[(record + Journal.SERIAL) / 4] ?? 0;
    return this.#coinChange;
  }

  /** The change of a coin in the record at `position`; undefined for any other record. */
  change(position: number): CoinChange | undefined {
    const change = this.record(position);
    return change?.kind === 'coin' ? change.coin : undefined;
  }

  #recordAt(position: number): number {
    const { journalOffset, journalRecords } = this.#place;
    return journalOffset + (position % journalRecords) * Journal.RECORD_BYTES;
  }
}

/** Throws TypeError or RangeError as the constructor of JournalReader. */
export function checkPlace(place: JournalPlace): void {
  const { memory, journalOffset, journalRecords, controlOffset } = place;
  const buffer = memory.buffer as ArrayBufferLike;
  if (!(buffer instanceof SharedArrayBuffer)) {
    throw new TypeError('memory: wanted a shared memory, which a second thread can read');
  }
  const bytes = buffer.byteLength;
  const fits = (start: number, length: number, alignment: number) =>
    Number.isInteger(start / alignment) && start >= 0 && start + length <= bytes;
  if (!(journalRecords > 0) || !Number.isInteger(Math.log2(journalRecords))) {
    throw new RangeError(`journalRecords: wanted a power of two, got ${journalRecords}`);
  }
  if (!fits(journalOffset, journalRecords * Journal.RECORD_BYTES, 8)) {
    throw new RangeError(`journalOffset: ${journalOffset} does not fit ${bytes} bytes`);
  }
  if (!fits(controlOffset, Control.COMMITTED + 8, 8)) {
    throw new RangeError(`controlOffset: ${controlOffset} does not fit ${bytes} bytes`);
  }
}
