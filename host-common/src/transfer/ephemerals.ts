/**
 * Keys drawn in advance: how often one had to be drawn again must not show in the time of an answer
 * (transfer, section 2). The host fills up when it has nothing else to do.
 */
import type { RandomBytes } from './byte-strings.ts';
import { drawEphemeral, type Ephemeral } from './elligator2.ts';

/** Enough for a burst of calls; each key costs about half a millisecond. */
export const EPHEMERALS_MAX = 16;

export class Ephemerals {
  private readonly random: RandomBytes;
  private readonly ready: Ephemeral[] = [];

  constructor(random: RandomBytes) {
    this.random = random;
  }

  take(): Ephemeral {
    return this.ready.shift() ?? drawEphemeral(this.random);
  }

  get isFull(): boolean {
    return this.ready.length >= EPHEMERALS_MAX;
  }

  /** Draws one more. */
  fill(): void {
    if (!this.isFull) this.ready.push(drawEphemeral(this.random));
  }

  /** Wipes what was not used. */
  drop(): void {
    for (const { secret } of this.ready.splice(0)) secret.fill(0);
  }
}
