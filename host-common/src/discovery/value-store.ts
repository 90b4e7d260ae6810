/**
 * What a node of the DHT keeps for others: sealed values that it cannot read, so that it can tell
 * none from rubbish. What it can tell is who brings them: each peer has one value under a key, and
 * where there is no room, whoever brings most gives way to who brings less.
 */
import { nameOf } from '../transfer/byte-strings.ts';
import { ANNOUNCEMENT_TTL_MS } from './announcement.ts';

/** 16 MB of the largest. */
const VALUES_MAX = 16_384;
/** One answer has them all: 32 KB. */
export const VALUES_OF_KEY_MAX = 32;
/** Of the reference: transfer section 8. */
export const VALUE_BYTES_MAX = 1000;

export interface ValueSource {
  /** The peer that brings it, as libp2p has proved. */
  owner: string;
  /** Its address, or what addresses of one network have in common. */
  from: number;
}

interface Kept extends ValueSource {
  key: string;
  value: Uint8Array;
  untilMs: number;
}

export interface ValueStoreOptions {
  nowMs: () => number;
  valuesMax?: number;
}

export class ValueStore {
  readonly #nowMs: () => number;
  readonly #valuesMax: number;
  /** Of each key those of each owner; the oldest of all is the first of `#order`. */
  readonly #byKey = new Map<string, Map<string, Kept>>();
  readonly #order = new Set<Kept>();
  readonly #countOf = new Map<number, number>();

  constructor({ nowMs, valuesMax = VALUES_MAX }: ValueStoreOptions) {
    this.#nowMs = nowMs;
    this.#valuesMax = valuesMax;
  }

  get size(): number {
    return this.#order.size;
  }

  /** Instead of what the owner had there. False: there is no room for it. Copies the value. */
  put(key: Uint8Array, value: Uint8Array, source: ValueSource): boolean {
    this.#dropOld();
    this.remove(key, source.owner);
    if (!this.#hasRoom(key, source.from)) return false;
    const name = nameOf(key);
    const untilMs = this.#nowMs() + ANNOUNCEMENT_TTL_MS;
    const kept = { ...source, key: name, value: Uint8Array.from(value), untilMs };
    const ofKey = this.#byKey.get(name) ?? new Map<string, Kept>();
    this.#byKey.set(name, ofKey.set(source.owner, kept));
    this.#order.add(kept);
    this.#countOf.set(source.from, (this.#countOf.get(source.from) ?? 0) + 1);
    return true;
  }

  /** What that owner has there. */
  remove(key: Uint8Array, owner: string): void {
    const kept = this.#byKey.get(nameOf(key))?.get(owner);
    if (kept) this.#drop(kept);
  }

  /** The newest first. */
  get(key: Uint8Array): Uint8Array[] {
    this.#dropOld();
    const kept = [...(this.#byKey.get(nameOf(key))?.values() ?? [])];
    return kept.reverse().map(({ value }) => value);
  }

  #hasRoom(key: Uint8Array, from: number): boolean {
    const ofKey = this.#byKey.get(nameOf(key));
    if (ofKey && ofKey.size >= VALUES_OF_KEY_MAX) {
      const counts = new Map<number, number>();
      for (const one of ofKey.values()) counts.set(one.from, (counts.get(one.from) ?? 0) + 1);
      return this.#makeRoom(ofKey.values(), counts, from);
    }
    if (this.#order.size < this.#valuesMax) return true;
    return this.#makeRoom(this.#order, this.#countOf, from);
  }

  /** The oldest of whoever has most gives way, if whoever comes would not have as many then. */
  #makeRoom(kept: Iterable<Kept>, counts: Map<number, number>, from: number): boolean {
    const most = Math.max(...counts.values());
    if ((counts.get(from) ?? 0) + 1 >= most) return false;
    for (const one of kept) {
      if (counts.get(one.from) !== most) continue;
      this.#drop(one);
      return true;
    }
    return false;
  }

  #dropOld(): void {
    const nowMs = this.#nowMs();
    for (const kept of this.#order) {
      // A clock that was set back keeps nothing for ever.
      const isOver = kept.untilMs <= nowMs || kept.untilMs > nowMs + ANNOUNCEMENT_TTL_MS;
      if (!isOver) return;
      this.#drop(kept);
    }
  }

  #drop(kept: Kept): void {
    this.#order.delete(kept);
    const ofKey = this.#byKey.get(kept.key);
    ofKey?.delete(kept.owner);
    if (ofKey?.size === 0) this.#byKey.delete(kept.key);
    const left = (this.#countOf.get(kept.from) ?? 1) - 1;
    if (left > 0) this.#countOf.set(kept.from, left);
    else this.#countOf.delete(kept.from);
  }
}
