/**
 * The peer that somebody wants to call: `PEER@HOST:PORT`, `PEER@wss://HOST:PORT/relay`, or `PEER`
 * at the relay of the node; PEER may be a name of known_peers.
 */
import {
  looksLikePeerId,
  parsePeerId,
  splitPeerAddress,
} from '@andvari/host-common/transfer/peer-id-text';
import { splitPeerAtRelay } from '@andvari/host-common/transfer/relay/relay-address';
import type { SocketAddress } from '../io/packet-io.ts';
import { KnownPeers } from './known-peers.ts';
import type { WsRelayOptions } from './relay/ws-relay.ts';

export interface CalledPeer {
  peerId: Uint8Array;
  /** As the user calls it; undefined: by its peer ID. */
  name?: string;
  /** Undefined: at a relay. */
  address?: SocketAddress | undefined;
  /** Undefined: the node's own. */
  relay?: WsRelayOptions | undefined;
}

/** A name may have an @ in it, but looks like no address behind it. */
const AT_ADDRESS = /@[^@\s]*:\d+$/;

/** No peer that is known has this name. */
export class PeerNameUnknownError extends Error {
  override readonly name = 'PeerNameUnknownError';
  readonly code = 'ANDVARI_PEER_UNKNOWN';
}

/**
 * @param knownPeersFile in which names are looked up
 * @param hasRelay whether a peer may be called without its address
 * @throws PeerAddressError, PeerIdError, RelayAddressError, KnownPeersError, PeerNameUnknownError
 */
export function calledPeer(text: string, knownPeersFile: string, hasRelay = false): CalledPeer {
  const { peer, ...where } = split(text, hasRelay);
  // The list is not asked, and need not be whole: no name looks like a peer ID.
  if (looksLikePeerId(peer)) return { peerId: parsePeerId(peer), ...where };
  const peers = KnownPeers.load(knownPeersFile);
  const peerId = peers.find(peer);
  if (!peerId) {
    const message = `no peer that is known has the name ${peer}: andvari trust list shows them`;
    throw new PeerNameUnknownError(message);
  }
  return { peerId, name: peers.nameOf(peerId) ?? peer, ...where };
}

/**
 * The same without a name: what `andvari send` prints, and `andvari receive` takes.
 * @throws PeerAddressError, PeerIdError, RelayAddressError
 */
export function parseCode(text: string): Omit<CalledPeer, 'name'> {
  const { peer, ...where } = split(text, false);
  return { peerId: parsePeerId(peer), ...where };
}

interface Split extends Pick<CalledPeer, 'address' | 'relay'> {
  peer: string;
}

function split(text: string, hasRelay: boolean): Split {
  const atRelay = splitPeerAtRelay(text);
  if (atRelay) return atRelay;
  if (hasRelay && !AT_ADDRESS.test(text)) return { peer: text };
  const { peer, ...address } = splitPeerAddress(text);
  return { peer, address };
}
