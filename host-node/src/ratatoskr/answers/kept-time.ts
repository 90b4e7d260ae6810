/**
 * By what records of a store grow old. It passes while a process uses the store, and stands still
 * between two of them: how long that was only the machine's clock says, and one that was wrong in
 * one of the two would make what was executed a minute ago look a day old.
 */
export class KeptTime {
  #atS: number;
  #steadyS: number | undefined;

  /** @param atS seconds that have passed until now, in all processes */
  constructor(atS = 0) {
    this.#atS = atS;
  }

  /** At least so many have passed: another process says so. */
  reach(atS: number): void {
    this.#atS = Math.max(this.#atS, atS);
  }

  /**
   * Seconds that have passed.
   * @param steadyS by a clock that nobody sets, of any origin; it begins with the first call
   */
  pass(steadyS: number): number {
    this.#atS += Math.max(0, steadyS - (this.#steadyS ?? steadyS));
    this.#steadyS = steadyS;
    return this.#atS;
  }
}

/** Since the start of the process, by a clock that nobody sets. */
export function processSeconds(): number {
  return Math.floor(performance.now() / 1000);
}
