/** What Discovery uses of a DHT; kad-node.ts is one over libp2p. */

/** A node of the DHT that has answered. */
export interface DhtPeer {
  /** Of its libp2p. */
  name: string;
  /** SHA-256 of its peer id, as Kademlia measures distances by. */
  kadId: Uint8Array;
}

export interface DhtNetwork {
  /** Listens, and has met a node of the DHT if there is one to be met. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /** Where it listens: multiaddrs with its peer id; none of a node that only asks. */
  addresses(): string[];
  /**
   * Nodes that are ever closer to a key, as they answer. Ends with the closest, or with the signal,
   * without an error.
   */
  walk(key: Uint8Array, signal: AbortSignal): AsyncIterable<DhtPeer>;
  /** A question (store-messages.ts) and its answer. Rejects when there is none in time. */
  ask(peer: DhtPeer, question: Uint8Array): Promise<Uint8Array>;
  /** What it keeps for others; undefined: it only asks. */
  readonly own: DhtOwn | undefined;
}

/** The node itself, which no walk comes by. */
export interface DhtOwn {
  kadId: Uint8Array;
  answer(question: Uint8Array): Uint8Array;
}
