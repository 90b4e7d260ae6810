/**
 * Who is asked for which chunk of a file that has several sources: each takes the next one that
 * nobody works on, so that a fast one takes more. When none is left, a source that has nothing to
 * do is asked for what another one has been asked for longest, so that a slow one, or one that has
 * died without a word, holds up nobody; what comes twice is thrown away.
 */
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
  /** No chunk before it is missing and not asked for, but for the returned ones. */
  private next = 0;

  constructor(have: ChunkSet) {
    this.have = have;
  }

  get isDone(): boolean {
    return this.have.isFull;
  }

  /** A chunk for this source, which is to be asked for it; undefined: there is none now. */
  take(source: Source): number | undefined {
    const index = this.fresh() ?? this.again(source);
    if (index === undefined) return undefined;
    const asked = this.asked.get(index) ?? new Set<Source>();
    this.asked.set(index, asked.add(source));
    return index;
  }

  private fresh(): number | undefined {
    for (let index = this.returned.pop(); index !== undefined; index = this.returned.pop()) {
      if (!this.have.has(index) && !this.asked.has(index)) return index;
    }
    let index = this.have.firstMissing(this.next);
    while (this.asked.has(index)) index = this.have.firstMissing(index + 1);
    this.next = index;
    return index < this.have.count ? index : undefined;
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
  }

  /** The source is gone, or lies: what it was asked for is free. */
  left(source: Source): void {
    for (const [index, asked] of this.asked) if (asked.has(source)) this.giveBack(source, index);
  }

  private giveBack(source: Source, index: number): void {
    const asked = this.asked.get(index);
    if (!asked?.delete(source) || asked.size > 0) return;
    this.asked.delete(index);
    this.returned.push(index);
  }
}
