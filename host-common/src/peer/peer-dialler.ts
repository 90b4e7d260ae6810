/**
 * Keeps a peer node connected to those that it is to be connected to: whoever is lost, or was not
 * there, is dialled again after a pause that grows with each dial in vain. Few dials at a time.
 */
import type { RandomBytes } from '../transfer/byte-strings.ts';
import type { PeerClock } from './peer-clock.ts';

/** The pause before the second dial; each is twice the one before, and half of it is chance. */
const PAUSE_MS = 2000;
const PAUSE_MS_MAX = 60_000;
const DIALS_MAX = 4;

/** Lets so many dials run at once, of all diallers that share it. */
export class DialLimit {
  private readonly max: number;
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(max: number) {
    this.max = max;
  }

  async run(dial: () => Promise<void>): Promise<void> {
    while (this.running >= this.max) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.running++;
    try {
      await dial();
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }
}

/** How long to wait after so many dials in vain; `chance`: 0 to below 1. */
export function pauseMs(failures: number, chance: number): number {
  const whole = Math.min(PAUSE_MS * 2 ** Math.min(failures, 10), PAUSE_MS_MAX);
  return whole / 2 + (whole / 2) * chance;
}

interface Wanted {
  address: string;
  peerId: string;
  /** Dials in vain since it was last verified. */
  failures: number;
  isDialling: boolean;
  cancelPause: (() => void) | undefined;
}

/** Of a PeerNode what is needed here. */
export interface DiallingNode {
  connect(address: string): Promise<string>;
  peers(): readonly { peerId: string; isVerified: boolean }[];
  on(name: 'closed', listener: (event: { peerId: string }) => void): () => void;
}

export interface PeerDiallerOptions {
  node: DiallingNode;
  /** Multiaddrs with /p2p/PEER. */
  addresses: readonly string[];
  clock: PeerClock;
  random: RandomBytes;
  /** [one of its own, of 4] */
  limit?: DialLimit;
  /** Told of each dial that came to nothing, after which there will be another one. */
  failed?: (address: string, error: Error) => void;
}

export class PeerDialler {
  private readonly options: PeerDiallerOptions;
  private readonly limit: DialLimit;
  private readonly wanted: Wanted[];
  private readonly endListening: () => void;
  private isStopped = false;

  /** Begins at once. */
  constructor(options: PeerDiallerOptions) {
    const { node, addresses, limit = new DialLimit(DIALS_MAX) } = options;
    this.options = options;
    this.limit = limit;
    const none = { failures: 0, isDialling: false, cancelPause: undefined };
    this.wanted = [...new Set(addresses)].map((address) => {
      return { address, peerId: address.split('/').at(-1) ?? '', ...none };
    });
    this.endListening = node.on('closed', ({ peerId }) => {
      for (const one of this.wanted) if (one.peerId === peerId) this.pause(one);
    });
    for (const one of this.wanted) void this.dial(one);
  }

  /** No dial is begun any more. */
  stop(): void {
    this.isStopped = true;
    this.endListening();
    for (const { cancelPause } of this.wanted) cancelPause?.();
  }

  private pause(one: Wanted): void {
    if (this.isStopped || one.isDialling || one.cancelPause) return;
    const { clock, random } = this.options;
    const chance = new DataView(random(4).buffer).getUint32(0) / 2 ** 32;
    one.cancelPause = clock.after(pauseMs(one.failures, chance), () => {
      one.cancelPause = undefined;
      void this.dial(one);
    });
  }

  private async dial(one: Wanted): Promise<void> {
    const { node, failed } = this.options;
    one.isDialling = true;
    try {
      await this.limit.run(async () => {
        if (!this.isStopped) await node.connect(one.address);
      });
      one.failures = 0;
    } catch (error) {
      one.failures++;
      if (!this.isStopped) failed?.(one.address, error as Error);
    }
    one.isDialling = false;
    // It may have gone in the moment in which it came.
    if (!this.isThere(one)) this.pause(one);
  }

  private isThere({ peerId }: Wanted): boolean {
    return this.options.node.peers().some((peer) => peer.isVerified && peer.peerId === peerId);
  }
}
