/** What was opened one after the other, to be closed together, the last one first. */
export class Opened {
  readonly #ends: (() => Promise<void> | void)[] = [];
  #closing: Promise<void> | undefined;

  /** `end` closes what was opened just now. */
  add(end: () => Promise<void> | void): void {
    this.#ends.push(end);
  }

  /** Closes all of it, once. What cannot be closed keeps nothing else open; its error is told. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const errors: unknown[] = [];
    for (const end of this.#ends.reverse()) {
      try {
        await end();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
