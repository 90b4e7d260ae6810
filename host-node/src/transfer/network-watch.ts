/**
 * Notices that this machine has other addresses than before. The kernel would tell at once, but
 * Node has no way to hear it; a look costs some 0.1 ms.
 */
import { networkInterfaces } from 'node:os';
import { ownAddresses } from './own-addresses.ts';

/** A relay that is silent since then is left 2 s later: well below a session's idle time. */
const LOOK_MS = 2_000;

export class NetworkWatch {
  readonly #look: () => string;
  readonly #changed: () => void;
  #known = '';
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param changed told of each change while it is started
   * @param look what is compared [the addresses of this machine]
   */
  constructor(changed: () => void, look: () => string = addressesHere) {
    this.#changed = changed;
    this.#look = look;
  }

  start(): void {
    if (this.#timer) return;
    this.#known = this.#look();
    this.#timer = setInterval(() => this.#compare(), LOOK_MS);
    // Whoever waits for nothing else ends.
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #compare(): void {
    const now = this.#look();
    if (now === this.#known) return;
    this.#known = now;
    this.#changed();
  }
}

function addressesHere(): string {
  const all = ownAddresses({ host: '::', port: 0 }, networkInterfaces());
  return all
    .map(({ host }) => host)
    .sort()
    .join();
}
