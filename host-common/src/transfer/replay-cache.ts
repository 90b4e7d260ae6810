/**
 * Messages 1 that were answered, by their representative: a second one draws no answer. An entry is
 * of use until its own timestamp has left the window, up to twice the window after it came.
 * Reference: transfer, section 2.
 */
import { nameOf } from './byte-strings.ts';
import { TIMESTAMP_WINDOW_US } from './handshake-outcome.ts';

/** Entries, as the reference has it; the oldest gives way. Some 6 MB when full. */
export const REPLAYS_MAX = 65536;
/** Old entries looked at with each new one: more than one goes for each that comes. */
const SWEPT = 4;

export class ReplayCache {
  /** Timestamp by name, oldest entry first. */
  private readonly entries = new Map<string, number>();

  has(representative: Uint8Array): boolean {
    return this.entries.has(ReplayCache.nameOf(representative));
  }

  /** `wallUs`: now. `timestamp`: of the message, within the window. */
  add(representative: Uint8Array, timestamp: number, wallUs: number): void {
    let left = SWEPT;
    for (const [name, other] of this.entries) {
      const stale = other < wallUs - TIMESTAMP_WINDOW_US;
      if (left-- === 0 || !(stale || this.entries.size >= REPLAYS_MAX)) break;
      this.entries.delete(name);
    }
    this.entries.set(ReplayCache.nameOf(representative), timestamp);
  }

  get size(): number {
    return this.entries.size;
  }

  /** The two top bits say nothing: a copy that differs in them is a copy. */
  private static nameOf(representative: Uint8Array): string {
    const last = representative.length - 1;
    return nameOf(representative.with(last, (representative[last] ?? 0) & 0x3f));
  }
}
