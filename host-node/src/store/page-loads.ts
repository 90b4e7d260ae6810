/**
 * The page loads of one store. One load a slot at most: a later one for the same slot takes the
 * place of an earlier one, also of one that failed and waits, which must not write over it. So the
 * queue is no longer than the page slots.
 */
import { LOADS_PER_TURN_MAX } from './limits.ts';
import { RetryTimer } from './retry-timer.ts';
import { LOAD_WORDS, LOADED_WORDS } from './store-messages.ts';

export interface PageLoadsHost {
  /** Reads a page to an offset of the engine's memory, or throws. */
  read(pageKey: number, offset: number): void;
  /** LOADED_WORDS for each load that is done. */
  loaded(loads: Uint32Array): void;
  failed(error: unknown): void;
  /** A load can be tried again: call serve(). */
  busy(): void;
}

interface PageLoad {
  slot: number;
  pageKey: number;
  offset: number;
  sequence: number;
}

export class PageLoads {
  readonly #host: PageLoadsHost;
  readonly #due = new Map<number, PageLoad>();
  readonly #failed = new Map<number, PageLoad>();
  readonly #timer: RetryTimer;

  constructor(host: PageLoadsHost) {
    this.#host = host;
    this.#timer = new RetryTimer(() => {
      for (const [slot, load] of this.#failed) this.#due.set(slot, load);
      this.#failed.clear();
      host.busy();
    });
  }

  /** LOAD_WORDS for each load. */
  add(loads: Uint32Array): void {
    for (let i = 0; i + LOAD_WORDS <= loads.length; i += LOAD_WORDS) {
      const [slot = 0, pageKey = 0, offset = 0, sequence = 0] = loads.subarray(i, i + LOAD_WORDS);
      this.#failed.delete(slot);
      this.#due.set(slot, { slot, pageKey, offset, sequence });
    }
    this.#host.busy();
  }

  /**
   * Reads up to LOADS_PER_TURN_MAX pages. true: there are more. A page that fails waits and is
   * tried again.
   */
  serve(): boolean {
    if (this.#due.size === 0) return false;
    const done: number[] = [];
    let served = 0;
    for (const [slot, load] of this.#due) {
      if (served++ === LOADS_PER_TURN_MAX) break;
      this.#due.delete(slot);
      try {
        this.#host.read(load.pageKey, load.offset);
        done.push(slot, load.sequence);
      } catch (error) {
        this.#failed.set(slot, load);
        this.#host.failed(error);
      }
    }
    if (this.#failed.size > 0) this.#timer.start();
    else this.#timer.reset();
    if (done.length >= LOADED_WORDS) this.#host.loaded(Uint32Array.from(done));
    return this.#due.size > 0;
  }

  stop(): void {
    this.#timer.stop();
    this.#due.clear();
    this.#failed.clear();
  }
}
