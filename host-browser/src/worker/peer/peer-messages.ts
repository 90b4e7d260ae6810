/** What page and worker say to each other about this browser's peer node (../messages.ts). */
import type { PeerNetworkView, PeerStatusView } from '../views.ts';

/** Whom to connect to, as the user typed it; the page's server may offer all of it. */
export interface PeerWords {
  /** Multiaddr of a WebSocket, with the peer id. */
  readonly address: string;
  /** Instance key of the peer, 64 hex digits. */
  readonly key: string;
  /** NETWORK/INSTANCE. */
  readonly network: string;
}

/** How far a peer is that was connected to. */
export type PeerState = 'connecting' | 'verified' | 'failed';

export interface PeerRowView {
  readonly peerId: string;
  readonly address: string;
  readonly state: PeerState;
  /** Of `failed`: one sentence. */
  readonly why: string;
  /** Of a server of the page's network. */
  readonly raidaId?: number;
  /** What it told of itself last. */
  readonly status?: PeerStatusView;
  /** Broadcasts of it. */
  readonly heard: number;
}

export interface PeerPanelView {
  readonly peerId: string;
  /** Instance key, 64 hex digits: what others have on their lists. */
  readonly key: string;
  /** The bytes of the instance key cannot be read by any script. */
  readonly locked: boolean;
  readonly peers: readonly PeerRowView[];
}

export interface PeerMethods {
  /** Tells of every change, first of how things are, until it is cancelled; makes the keys. */
  peerWatch: { params: null; result: null; progress: PeerPanelView };
  /** Resolves when the peer is verified, or is known not to be: the view says which. */
  peerConnect: { params: PeerConnect; result: null; progress: never };
  /** Closes all connections. */
  peerDisconnect: { params: null; result: null; progress: never };
}

export interface PeerConnect {
  /** Each in one network. */
  readonly peers: readonly PeerWords[];
  /** What the page's server has offered, and whether it lets this page in. */
  readonly offered?: PeerNetworkView;
  readonly demo: boolean;
  /** Addresses that the page's policy names. */
  readonly reachable?: readonly string[];
}
