/**
 * When a connection is not read: its answers are not taken, it asks faster than it may, it has
 * asked for a session and what comes next depends on that, or it is the turn of others.
 */
import type { MessageChannel } from './channel.ts';
import { UNSENT_CLOSE_BYTES, UNSENT_PAUSE_BYTES, UNSENT_TIMEOUT_MS } from './limits.ts';

/** How often a paused connection's unsent bytes are looked at: a channel does not tell of them. */
const LOOK_MS = 20;

type Hold = 'line' | 'rate' | 'services' | 'session' | 'turn' | 'unsent';

export class Pace {
  readonly #channel: MessageChannel;
  readonly #tooSlow: () => void;
  readonly #holds = new Set<Hold>();
  #look: NodeJS.Timeout | undefined;
  #rest: NodeJS.Timeout | undefined;
  #waitedMs = 0;

  /** @param tooSlow called when a reader has used up its time or its room */
  constructor(channel: MessageChannel, tooSlow: () => void) {
    this.#channel = channel;
    this.#tooSlow = tooSlow;
  }

  /** Something was sent: is there room for more? */
  sent(): void {
    const { bufferedBytes } = this.#channel;
    if (bufferedBytes > UNSENT_CLOSE_BYTES) this.#tooSlow();
    else if (bufferedBytes > UNSENT_PAUSE_BYTES && this.#look === undefined) this.#wait();
  }

  /** Read nothing for so long. @param rested called then; it may ask for more rest */
  rest(ms: number, rested: () => void): void {
    this.hold('rate', true);
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      rested();
      if (this.#rest === undefined) this.hold('rate', false);
    }, ms);
  }

  /** Read nothing as long as one reason holds. */
  hold(reason: Hold, holds: boolean): void {
    const paused = this.#holds.size > 0;
    if (holds) this.#holds.add(reason);
    else this.#holds.delete(reason);
    if (!paused && this.#holds.size > 0) this.#channel.pause();
    else if (paused && this.#holds.size === 0) this.#channel.resume();
  }

  /** The connection ends. */
  stop(): void {
    clearInterval(this.#look);
    clearTimeout(this.#rest);
  }

  #wait(): void {
    this.hold('unsent', true);
    this.#waitedMs = 0;
    this.#look = setInterval(() => {
      this.#waitedMs += LOOK_MS;
      if (this.#channel.bufferedBytes <= UNSENT_PAUSE_BYTES / 2) {
        clearInterval(this.#look);
        this.#look = undefined;
        this.hold('unsent', false);
      } else if (this.#waitedMs >= UNSENT_TIMEOUT_MS) this.#tooSlow();
    }, LOOK_MS);
  }
}
