/**
 * Which CID prefixes a program in the kernel is to find (af_xdp of transfer), after what the engine
 * tells of the places of its table. Two sessions may share a prefix: it is listed as long as one of
 * them has it. What finds no room in the kernel's map comes by the socket, and has its turn when
 * another one leaves.
 */

/** The kernel's map. False: it is full. */
export interface PrefixMap {
  addPrefix(prefix: number): boolean;
  removePrefix(prefix: number): boolean;
}

export class CidPrefixes {
  private readonly map: PrefixMap;
  /** By place. */
  private readonly places = new Map<number, number>();
  /** How many places have it. */
  private readonly counts = new Map<number, number>();
  /** Found no room. */
  private readonly waiting = new Set<number>();
  /** How often a prefix came that another place had already. */
  collisions = 0;
  /** How often the kernel refused one, for want of room or for another reason. */
  refused = 0;

  constructor(map: PrefixMap) {
    this.map = map;
  }

  /** In the kernel's map now. */
  get listed(): number {
    return this.counts.size - this.waiting.size;
  }

  /** Those in the kernel's map, in no order. */
  get all(): number[] {
    return [...this.counts.keys()].filter((prefix) => !this.waiting.has(prefix));
  }

  /** Place `place` has this prefix from now on; 0: none. Never throws. */
  change(place: number, prefix: number): void {
    const before = this.places.get(place) ?? 0;
    if (before === prefix) return;
    // The new one first: what both are for comes by one way all the time.
    if (prefix !== 0) this.add(prefix);
    if (before !== 0) this.remove(before);
    if (prefix === 0) this.places.delete(place);
    else this.places.set(place, prefix);
  }

  private add(prefix: number): void {
    const count = this.counts.get(prefix) ?? 0;
    this.counts.set(prefix, count + 1);
    if (count > 0) this.collisions++;
    else this.list(prefix);
  }

  private remove(prefix: number): void {
    const count = this.counts.get(prefix) ?? 0;
    if (count > 1) {
      this.counts.set(prefix, count - 1);
      return;
    }
    this.counts.delete(prefix);
    if (this.waiting.delete(prefix)) return;
    this.tried(() => this.map.removePrefix(prefix));
    const [next] = this.waiting;
    if (next === undefined) return;
    this.waiting.delete(next);
    this.list(next);
  }

  private list(prefix: number): void {
    if (this.tried(() => this.map.addPrefix(prefix))) return;
    this.refused++;
    this.waiting.add(prefix);
  }

  /** A kernel that refuses costs speed, and nothing else. */
  private tried(change: () => boolean): boolean {
    try {
      return change();
    } catch {
      return false;
    }
  }
}
