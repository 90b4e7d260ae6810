/**
 * Who is asked for which chunk of a file that has several sources: each takes the next one that
 * nobody works on, so that a fast one takes more. What a source lets wait too long is asked of
 * another one too, before anything else. When none is left, a source that has nothing to do is
 * asked for what another one has been asked for longest, so that a slow one, or one that has died
 * without a word, holds up nobody; what comes twice is thrown away.
 */
import { checkWhole } from '../argument-checks.ts';
import type { ChunkSet } from './chunk-set.ts';

/** Sources that may work on one chunk at once, near the end. */
const AT_ONCE = 2;

/** Who has been asked for a chunk, the first first. */
type Asked<Source> = Set<Source>;

export class ChunkPlan<Source> {
  private readonly have: ChunkSet;
  /** Chunks that somebody works on, in the order in which they were asked for. */
  private readonly asked = new Map<number, Asked<Source>>();
  /** Chunks that came back before their turn, to be asked for again. */
  private readonly returned: number[] = [];
  /** Chunks that those who were asked let wait too long. */
  private readonly late = new Set<number>();
  /** Where the chunks lie that are wanted first. */
  private start = 0;
  /** No chunk from `start` to it is missing and not asked for, but for the returned ones. */
  private next = 0;

  constructor(have: ChunkSet) {
    this.have = have;
  }

  get isDone(): boolean {
    return this.have.isFull;
  }

  /** Chunks from there on are asked for first, then those before it. Throws RangeError. */
  seek(index: number): void {
    checkWhole('index', index, 0, Math.max(0, this.have.count - 1));
    this.start = index;
    this.next = index;
    // They are missing like all others, and their turn is where they lie.
    this.returned.length = 0;
  }

  /** A chunk for this source, which is to be asked for it; undefined: there is none now. */
  take(source: Source): number | undefined {
    const index = this.overdue(source) ?? this.fresh() ?? this.again(source);
    if (index === undefined) return undefined;
    this.late.delete(index);
    const asked = this.asked.get(index) ?? new Set<Source>();
    this.asked.set(index, asked.add(source));
    return index;
  }

  private fresh(): number | undefined {
    for (let index = this.returned.pop(); index !== undefined; index = this.returned.pop()) {
      if (!this.have.has(index) && !this.asked.has(index)) return index;
    }
    const index = this.firstFree(this.next);
    this.next = index;
    if (index < this.have.count) return index;
    // All from the start on are there or asked for: now those before it.
    if (this.start === 0) return undefined;
    this.start = 0;
    this.next = 0;
    return this.fresh();
  }

  /** From there on; `count`: there is none. */
  private firstFree(from: number): number {
    let index = this.have.firstMissing(from);
    while (this.asked.has(index)) index = this.have.firstMissing(index + 1);
    return index;
  }

  /** One that others let wait, and that this one was not asked for. */
  private overdue(source: Source): number | undefined {
    for (const index of this.late) if (!this.asked.get(index)?.has(source)) return index;
    return undefined;
  }

  /** One that somebody else was asked for, longest ago. */
  private again(source: Source): number | undefined {
    for (const [index, asked] of this.asked) {
      if (asked.size < AT_ONCE && !asked.has(source)) return index;
    }
    return undefined;
  }

  /** It came, and is what it should be. */
  came(index: number): void {
    this.asked.delete(index);
    this.late.delete(index);
  }

  /** What the source was asked for waits too long: others are asked too, it may still bring it. */
  isLate(source: Source): void {
    for (const [index, asked] of this.asked) if (asked.has(source)) this.late.add(index);
  }

  /** The source is gone, or lies: what it was asked for is free. */
  left(source: Source): void {
    for (const [index, asked] of this.asked) if (asked.has(source)) this.giveBack(source, index);
  }

  private giveBack(source: Source, index: number): void {
    const asked = this.asked.get(index);
    if (!asked?.delete(source) || asked.size > 0) return;
    this.asked.delete(index);
    this.late.delete(index);
    this.returned.push(index);
  }
}
