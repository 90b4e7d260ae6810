/** A process that dies at a chosen moment, for scenarios of what a wallet must survive. */
import type {
  WalletChange,
  WalletState,
  WalletStore,
} from '../../host-common/src/raida/wallet-store.ts';

export interface Death {
  /** Dies at this save or exchange, counted from the start; never: 1000. */
  at: number;
  what: 'before save' | 'after save' | 'exchange';
}

/** From its death on nothing is saved and nothing is sent. */
export class Mortal {
  dead = false;
  private saves = 0;
  private exchanges = 0;
  private readonly death: Death;

  constructor(death: Death) {
    this.death = death;
  }

  store(inner: WalletStore): WalletStore {
    return {
      load: (): Promise<WalletState> => inner.load(),
      save: async (change: WalletChange): Promise<void> => {
        await Promise.resolve();
        const last = this.death.what !== 'exchange' && this.saves++ === this.death.at;
        if (this.dead) throw new Error('dead');
        if (last) this.dead = true;
        if (last && this.death.what === 'before save') throw new Error('died before it was saved');
        await inner.save(change);
        if (last) throw new Error('died after it was saved');
      },
    };
  }

  /** An exchange with a server; false: not any more. */
  mayExchange(): boolean {
    if (this.death.what === 'exchange' && this.exchanges++ === this.death.at) this.dead = true;
    return !this.dead;
  }
}

/** Numbers 0 to 15, the same for the same seed. */
export function* sixteenths(seed: number): Generator<number> {
  let state = seed | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) % 16;
  }
}
