/**
 * Watches that an engine which asks to be woken then has something to do: a wake-up time that is
 * over although everything has been done, or one after the other without anything that comes of it,
 * would keep a host busy for nothing.
 */

/**
 * Wake-ups in a row from which nothing came and that are close together, at the most. Whoever waits
 * for room in a pool looks again every 10 ms, which is not meant here.
 */
const IDLE_WAKES_MAX = 64;
const CLOSE_US = 5000;
/** Times in a row that a wake-up may be wanted for a moment that has passed. */
const LATE_MAX = 8;

export class WakeWatch {
  private wasWoken = false;
  private idle = 0;
  private late = 0;
  private work = 0;
  private lastUs = 0;

  /** An alarm has rung. */
  woken(): void {
    this.wasWoken = true;
  }

  /** After everything was done: `wakeUs` is wanted next; `work` counts packets and events. */
  look(nowUs: number, wakeUs: number, work: number): void {
    const worked = work !== this.work;
    this.work = work;
    this.late = wakeUs <= nowUs && !worked ? this.late + 1 : 0;
    if (worked) this.idle = 0;
    else if (this.wasWoken) {
      this.idle = nowUs - this.lastUs < CLOSE_US ? this.idle + 1 : 0;
      this.lastUs = nowUs;
    }
    this.wasWoken = false;
    if (this.late > LATE_MAX) throw new Error(`a wake-up in the past, ${this.late} times`);
    if (this.idle > IDLE_WAKES_MAX) throw new Error(`${this.idle} wake-ups for nothing`);
  }
}
