/** A node of the DHT as Node has it: over TCP. */

import { isPrivateAddress } from '@andvari/host-common/discovery/dht-address';
import { DhtError, KadNode } from '@andvari/host-common/discovery/kad-node';
import { libp2pKey } from '@andvari/host-common/peer/open-libp2p';
import { tcp } from '@libp2p/tcp';

export interface NodeKadOptions {
  /** 32 bytes: the key that libp2p proves, and that gives the peer id; it is not kept. */
  seed: Uint8Array;
  /** Multiaddrs (/ip4/0.0.0.0/tcp/4003): it is a node for others too. [none: it only asks] */
  listen?: readonly string[];
  /** Multiaddrs of nodes to begin with. [none: it is the first] */
  bootstrap?: readonly string[];
  /**
   * Whether the DHT is one of private addresses [where all of `bootstrap` are such, or, without
   * any, all of `listen`]. Else none is dialled that others tell of: a stranger could have this
   * node knock at doors of its own network.
   */
  isPrivate?: boolean | undefined;
  /** Connections from one address in a second [5]. */
  arrivalsMax?: number;
}

/** Not started. Rejects with Errors of libp2p for addresses that are none. */
export async function openKadNode(options: NodeKadOptions): Promise<KadNode> {
  const { seed, listen = [], bootstrap = [], arrivalsMax } = options;
  if (listen.length + bootstrap.length === 0) {
    throw new DhtError('a node that only asks wants others to begin with');
  }
  const known = bootstrap.length > 0 ? bootstrap : listen;
  const { isPrivate = known.every(isPrivateAddress) } = options;
  const { privateKey } = await libp2pKey(seed);
  const transports = [tcp()];
  return KadNode.open({ privateKey, transports, listen, bootstrap, isPrivate, arrivalsMax });
}
