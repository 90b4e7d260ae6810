/**
 * What the client of a server knows of its coins: the AN that was last acknowledged, and the one
 * that it has asked for when no clear answer came. A server that keeps its word holds one of the
 * two, and the first when there is no second.
 */

export interface Coin {
  denomination: number;
  serialNumber: number;
}

export interface Entry extends Coin {
  an: Uint8Array;
  /** Asked for, and nobody has said whether it was made. */
  doubt: Uint8Array | undefined;
  /** The AN before the last acknowledged change. */
  former: Uint8Array | undefined;
  busy: boolean;
}

export class Ledger {
  readonly entries: Entry[];
  /** Broken promises. */
  readonly errors: string[] = [];
  acknowledged = 0;
  readonly #random: (below: number) => number;

  constructor(coins: Coin[], ans: Uint8Array[], random: (below: number) => number) {
    this.#random = random;
    this.entries = coins.map((coin, i) => ({
      ...coin,
      ...{ an: ans[i] ?? new Uint8Array(16), doubt: undefined, former: undefined, busy: false },
    }));
  }

  /**
   * Up to `count` coins that nobody is changing and about which there is no doubt, each with a new
   * AN to ask for.
   */
  take(count: number): Entry[] {
    const taken: Entry[] = [];
    const { length } = this.entries;
    const first = this.#random(length);
    for (let i = 0; i < length && taken.length < count; i++) {
      const entry = this.entries[(first + i) % length];
      if (!entry || entry.busy || entry.doubt) continue;
      entry.busy = true;
      // Written down before it is sent, as a wallet does.
      entry.doubt = crypto.getRandomValues(new Uint8Array(16));
      taken.push(entry);
    }
    return taken;
  }

  /** The server has acknowledged the change. */
  made(entry: Entry): void {
    if (entry.doubt) {
      entry.former = entry.an;
      entry.an = entry.doubt;
      this.acknowledged++;
    }
    entry.doubt = undefined;
    entry.busy = false;
  }

  /** The server has said that the AN is wrong, which for a coin without doubt is a lie. */
  denied(entry: Entry, what: string): void {
    this.errors.push(`${what}: ${nameOf(entry)} does not have the AN that was acknowledged`);
    entry.doubt = undefined;
    entry.busy = false;
  }

  /** No answer, or 252: the doubt stays until find has told. */
  unanswered(entry: Entry): void {
    entry.busy = false;
  }

  /** What find has told: 1 the AN, 2 the one in doubt, 0 neither. */
  found(entry: Entry, told: number): void {
    if (told === 0) this.errors.push(`find: ${nameOf(entry)} has neither its old nor its new AN`);
    if (told === 2 && !entry.doubt)
      this.errors.push(`find: ${nameOf(entry)} has an AN never asked for`);
    if (told === 2 && entry.doubt) {
      entry.former = entry.an;
      entry.an = entry.doubt;
    }
    entry.doubt = undefined;
  }

  get doubts(): number {
    return this.entries.filter(({ doubt }) => doubt).length;
  }
}

function nameOf({ denomination, serialNumber }: Coin): string {
  return `coin (${denomination}, ${serialNumber})`;
}
