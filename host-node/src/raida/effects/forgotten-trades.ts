/**
 * Addresses of trade lockers that are gone: each is removed when the change that emptied the locker
 * is committed, and kept when that change is taken back (EffectKind.FORGET_TRADE).
 */

/**
 * Removals that wait for a commit or the disk. More are left undone: the file stays until the
 * same offer is made again, and nothing reads it before.
 */
const FORGOTTEN_MAX = 4096;

interface Forgotten {
  name: string;
  position: number;
}

/** The name of an address file: the locker's AN in lower-case hex. */
function nameOf(an: Uint8Array): string {
  return Buffer.from(an).toString('hex');
}

function textOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1');
}

export class ForgottenTrades {
  readonly #remove: (name: Uint8Array) => Promise<void>;
  #waiting: Forgotten[] = [];
  readonly #removing = new Map<string, Promise<void>>();

  /** `remove` takes a file name and does not reject. */
  constructor(remove: (name: Uint8Array) => Promise<void>) {
    this.#remove = remove;
  }

  forget(an: Uint8Array, position: number): void {
    if (this.#waiting.length + this.#removing.size >= FORGOTTEN_MAX) return;
    this.#waiting.push({ name: nameOf(an), position });
  }

  committed(position: number): void {
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter((one) => one.position <= position);
    this.#waiting = this.#waiting.filter((one) => one.position > position);
    for (const { name } of due) {
      const before = this.#removing.get(name) ?? Promise.resolve();
      const removal = before
        .then(() => this.#remove(Buffer.from(name)))
        .finally(() => {
          if (this.#removing.get(name) === removal) this.#removing.delete(name);
        });
      this.#removing.set(name, removal);
    }
  }

  rolledBack(position: number): void {
    this.#waiting = this.#waiting.filter((one) => one.position <= position);
  }

  /**
   * Whether a file of that name may be written: not while it may still have to be kept, and only
   * when a removal that is under way has ended.
   */
  async isFree(name: Uint8Array): Promise<boolean> {
    await this.#removing.get(textOf(name));
    return !this.isNamed(name);
  }

  /** Whether a file of that name is to be removed, now or after a commit. */
  isNamed(name: Uint8Array): boolean {
    const text = textOf(name);
    return this.#removing.has(text) || this.#waiting.some((one) => one.name === text);
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#removing.values());
  }
}
