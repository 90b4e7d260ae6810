/**
 * Large messages of all connections, one after the other, with turns of the event loop for
 * everybody else in between. However many connections a device floods, and although each of its
 * messages has to be decoded, hashed and verified before it can be refused, a small one of another
 * device waits for one large message at the most.
 */
import { TURNS_OF_OTHERS } from './limits.ts';

interface Passage {
  work: () => void;
  /** Others have had their turns. */
  rested: () => void;
}

export class Turnstile {
  readonly #waiting: Passage[] = [];
  #taken = false;

  /** Does the work now, or when those before have passed; then, some turns later, `rested`. */
  pass(work: () => void, rested: () => void): void {
    this.#waiting.push({ work, rested });
    if (!this.#taken) this.#next();
  }

  #next(): void {
    const passage = this.#waiting.shift();
    this.#taken = passage !== undefined;
    if (!passage) return;
    try {
      passage.work();
    } finally {
      this.#rest(passage.rested);
    }
  }

  #rest(rested: () => void): void {
    let turns = TURNS_OF_OTHERS;
    const pass = () => {
      if (--turns > 0) {
        setImmediate(pass);
        return;
      }
      this.#next();
      rested();
    };
    setImmediate(pass);
  }
}
