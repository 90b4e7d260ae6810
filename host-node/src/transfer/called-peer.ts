/** The peer that somebody wants to call: `PEER@HOST:PORT`, PEER may be a name of known_peers. */
import {
  looksLikePeerId,
  parsePeerId,
  splitPeerAddress,
} from '@andvari/host-common/transfer/peer-id-text';
import type { SocketAddress } from '../io/packet-io.ts';
import { KnownPeers } from './known-peers.ts';

export interface CalledPeer {
  peerId: Uint8Array;
  /** As the user calls it; undefined: by its peer ID. */
  name?: string;
  address: SocketAddress;
}

/** No peer that is known has this name. */
export class PeerNameUnknownError extends Error {
  override readonly name = 'PeerNameUnknownError';
  readonly code = 'ANDVARI_PEER_UNKNOWN';
}

/**
 * @param knownPeersFile in which names are looked up
 * @throws PeerAddressError, PeerIdError, KnownPeersError, PeerNameUnknownError
 */
export function calledPeer(text: string, knownPeersFile: string): CalledPeer {
  const { peer, ...address } = splitPeerAddress(text);
  // The list is not asked, and need not be whole: no name looks like a peer ID.
  if (looksLikePeerId(peer)) return { peerId: parsePeerId(peer), address };
  const peers = KnownPeers.load(knownPeersFile);
  const peerId = peers.find(peer);
  if (!peerId) {
    const message = `no peer that is known has the name ${peer}: andvari trust list shows them`;
    throw new PeerNameUnknownError(message);
  }
  return { peerId, name: peers.nameOf(peerId) ?? peer, address };
}
