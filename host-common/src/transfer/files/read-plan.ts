/**
 * Who is asked for which chunk of a file that is read here and there: only for those that somebody
 * waits for, in the order in which they began to be waited for, each from one source at a time, and
 * few from each, so that whoever reads elsewhere does not wait behind what nobody wants any more.
 */

/** Chunks that a source owes at once: reference 9.3 (a megabyte). */
export const IN_FLIGHT = 4;

/** A chunk that readers wait for. */
interface Wanted {
  readers: number;
  arrival: PromiseWithResolvers<Uint8Array>;
}

/** A chunk that a reader waits for. */
export interface Coming {
  /** Its bytes, which are not the reader's own. Rejects with what failAll() is given. */
  chunk: Promise<Uint8Array>;
  /** It waits no longer; once. */
  release(): void;
}

export class ReadPlan<Source> {
  /** By chunk, the longest wanted first. */
  private readonly wanted = new Map<number, Wanted>();
  /** What each source was asked for and has not brought; also what nobody wants any more. */
  private readonly owed = new Map<Source, Set<number>>();
  /** Sources that let wait: what they owe is asked of others too. */
  private readonly late = new Set<Source>();

  /** One more waits for the chunk. */
  want(index: number): Coming {
    const wanted = this.wanted.get(index) ?? newWanted();
    this.wanted.set(index, wanted);
    wanted.readers++;
    const release = () => {
      if (--wanted.readers > 0 || this.wanted.get(index) !== wanted) return;
      this.wanted.delete(index);
    };
    return { chunk: wanted.arrival.promise, release };
  }

  /** A chunk for this source, which is to be asked for it; undefined: there is none now. */
  take(source: Source): number | undefined {
    const owed = this.owed.get(source) ?? new Set<number>();
    if (owed.size >= IN_FLIGHT) return undefined;
    for (const index of this.wanted.keys()) {
      if (owed.has(index) || this.isUnderWay(index)) continue;
      this.owed.set(source, owed.add(index));
      return index;
    }
    return undefined;
  }

  private isUnderWay(index: number): boolean {
    for (const [source, owed] of this.owed) {
      if (owed.has(index) && !this.late.has(source)) return true;
    }
    return false;
  }

  /** The source has brought it, and it is what it should be; whether somebody has waited for it. */
  came(source: Source, index: number, bytes: Uint8Array): boolean {
    this.owed.get(source)?.delete(index);
    this.late.delete(source);
    const wanted = this.wanted.get(index);
    this.wanted.delete(index);
    wanted?.arrival.resolve(bytes);
    return wanted !== undefined;
  }

  isLate(source: Source): void {
    this.late.add(source);
  }

  /** The source is gone, or lies. */
  left(source: Source): void {
    this.owed.delete(source);
    this.late.delete(source);
  }

  /** Nothing comes any more. */
  failAll(error: unknown): void {
    for (const { arrival } of this.wanted.values()) arrival.reject(error);
    this.wanted.clear();
  }
}

function newWanted(): Wanted {
  const arrival = Promise.withResolvers<Uint8Array>();
  arrival.promise.catch(() => {}); // whoever still waits is told
  return { readers: 0, arrival };
}
