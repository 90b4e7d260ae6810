/**
 * A journal in shared memory, written as assembly/core/journal.ts writes it, for tests of the
 * committer alone.
 */
import { Control, Journal, JournalKind } from '@andvari/host-common/engine/generated/layout';
import { type CellChange, type CoinChange, PAGE_BYTES } from '../coin-store.ts';
import type { JournalPlace } from '../journal-reader.ts';

const CONTROL_BYTES = 1024;

type Change = CoinChange | CellChange;

export class WrittenJournal implements JournalPlace {
  readonly memory: WebAssembly.Memory;
  readonly controlOffset = 0;
  readonly journalOffset = CONTROL_BYTES;
  readonly journalRecords: number;
  readonly #view: DataView;
  readonly #pageSlotsOffset: number;
  head = 0;

  constructor(journalRecords = 8192, pageSlots = 16) {
    this.journalRecords = journalRecords;
    this.#pageSlotsOffset = CONTROL_BYTES + journalRecords * Journal.RECORD_BYTES;
    const bytes = this.#pageSlotsOffset + pageSlots * PAGE_BYTES;
    const pages = Math.ceil(bytes / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#view = new DataView(this.memory.buffer);
  }

  pageOffset(slot: number): number {
    return this.#pageSlotsOffset + slot * PAGE_BYTES;
  }

  page(slot: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.pageOffset(slot), PAGE_BYTES);
  }

  committed(): number {
    return Number(Atomics.load(new BigUint64Array(this.memory.buffer), Control.COMMITTED / 8));
  }

  setCommitted(position: number): void {
    const longs = new BigUint64Array(this.memory.buffer);
    Atomics.store(longs, Control.COMMITTED / 8, BigInt(position));
  }

  /** Claims and fills a group, but does not publish it; gives its position. */
  fill(changes: readonly Change[], pads = 0): number {
    const start = this.head;
    const size = 1 + changes.length + pads;
    if (start + size - this.committed() > this.journalRecords) throw new Error('journal full');
    this.head += size;
    for (const [index, change] of changes.entries()) {
      if ('index' in change) this.#writeCell(start + 1 + index, change);
      else this.#writeCoin(start + 1 + index, change);
    }
    for (let pad = changes.length + 1; pad < size; pad++) {
      const at = this.#recordAt(start + pad);
      this.#view.setUint32(at, JournalKind.PAD, true);
      this.#view.setUint32(at + Journal.PUBLISHED, 0, true);
    }
    const at = this.#recordAt(start);
    this.#view.setUint32(at, JournalKind.HEAD, true);
    this.#view.setUint32(at + Journal.USED, changes.length, true);
    this.#view.setUint32(at + Journal.SIZE, size, true);
    return start;
  }

  publish(start: number): void {
    const words = new Uint32Array(this.memory.buffer);
    Atomics.store(words, (this.#recordAt(start) + Journal.PUBLISHED) / 4, start + 1);
  }

  /** A whole group; gives the position behind it. */
  write(changes: readonly Change[], pads = 0): number {
    this.publish(this.fill(changes, pads));
    return this.head;
  }

  #recordAt(position: number): number {
    return this.journalOffset + (position % this.journalRecords) * Journal.RECORD_BYTES;
  }

  #writeCell(position: number, { index, oldBytes, newBytes }: CellChange): void {
    const at = this.#recordAt(position);
    const bytes = new Uint8Array(this.memory.buffer);
    this.#view.setUint32(at, JournalKind.CELL, true);
    this.#view.setUint32(at + Journal.CELL, index, true);
    bytes.set(oldBytes, at + Journal.OLD_AN);
    bytes.set(newBytes, at + Journal.NEW_AN);
    this.#view.setUint32(at + Journal.PUBLISHED, 0, true);
  }

  #writeCoin(position: number, change: CoinChange): void {
    const at = this.#recordAt(position);
    const bytes = new Uint8Array(this.memory.buffer);
    bytes[at + Journal.KIND] = JournalKind.COIN;
    bytes[at + Journal.OLD_MFS] = change.oldMfs;
    bytes[at + Journal.NEW_MFS] = change.newMfs;
    bytes[at + Journal.DENOMINATION] = change.denominationIndex;
    this.#view.setUint32(at + Journal.SERIAL, change.serialNumber, true);
    bytes.set(change.oldAn, at + Journal.OLD_AN);
    bytes.set(change.newAn, at + Journal.NEW_AN);
    this.#view.setUint32(at + Journal.PUBLISHED, 0, true);
  }
}
