/** Keeps a peer node connected to those that it is to be connected to, few dials at a time. */
import type { PeerNode } from '@andvari/host-common/peer/peer-node';

/** Between two looks at who is missing. */
const LOOK_MS = 3000;

/** Lets so many dials run at once, of all diallers that share it. */
export class DialLimit {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  async run(dial: () => Promise<void>): Promise<void> {
    while (this.#running >= this.#max) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      await dial();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

export class PeerDialler {
  readonly #node: PeerNode;
  readonly #addresses: readonly string[];
  readonly #limit: DialLimit;
  readonly #failed: (address: string, error: Error) => void;
  readonly #dialling = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  /**
   * Begins at once. `addresses`: multiaddrs with /p2p/PEER; `failed` is told of each dial that
   * came to nothing, after which the next is made.
   */
  constructor(
    node: PeerNode,
    addresses: readonly string[],
    options: { limit?: DialLimit; failed?: (address: string, error: Error) => void } = {},
  ) {
    this.#node = node;
    this.#addresses = addresses;
    this.#limit = options.limit ?? new DialLimit(4);
    this.#failed = options.failed ?? (() => {});
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  /** No dial is begun any more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const verified = new Set(
      this.#node.peers().flatMap(({ isVerified, peerId }) => (isVerified ? [peerId] : [])),
    );
    for (const address of this.#addresses) {
      const isThere = verified.has(address.split('/').at(-1) ?? '');
      if (isThere || this.#dialling.has(address)) continue;
      this.#dialling.add(address);
      void this.#dial(address);
    }
  }

  async #dial(address: string): Promise<void> {
    try {
      await this.#limit.run(async () => {
        await this.#node.connect(address);
      });
    } catch (error) {
      this.#failed(address, error as Error);
    } finally {
      this.#dialling.delete(address);
    }
  }
}
