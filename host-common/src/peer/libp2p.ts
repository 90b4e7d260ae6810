/**
 * What the peer node uses of js-libp2p 3. The modules are the host's: a browser has other
 * transports than Node, and nothing here loads a runtime. js-libp2p's own objects fit these types.
 */

export interface Libp2pPeerId {
  /** base58: 12D3KooW... */
  toString(): string;
  /** 38 bytes for an Ed25519 key. */
  toMultihash(): { bytes: Uint8Array };
}

interface Chunk {
  byteLength: number;
  /** One array for what may lie in several. */
  subarray(): Uint8Array;
}

export interface Libp2pStream {
  /** As negotiated. */
  readonly protocol: string;
  readonly status: string;
  readonly writeStatus: string;
  readonly readableEnded: boolean;
  send(data: Uint8Array): boolean;
  /** Ends the writing side. */
  close(options?: { signal?: AbortSignal }): Promise<void>;
  abort(error: Error): void;
  addEventListener(type: 'message', listener: (event: { data: Chunk }) => void): void;
  addEventListener(type: 'end', listener: () => void): void;
  addEventListener(type: 'close', listener: (event: { error?: Error }) => void): void;
}

/** A connection on its way: the same `timeline` object is later that of the Libp2pConnection. */
export interface Libp2pRawConnection {
  readonly remoteAddr: { toString(): string };
  readonly timeline: object;
  abort(error: Error): void;
  addEventListener(type: 'close', listener: () => void): void;
}

export interface Libp2pConnection extends Libp2pRawConnection {
  readonly remotePeer: Libp2pPeerId;
  readonly status: string;
  newStream(
    protocols: string[],
    options: { signal?: AbortSignal; maxOutboundStreams?: number },
  ): Promise<Libp2pStream>;
}

/** True: refused. */
export interface Libp2pGater {
  denyDialPeer(peer: Libp2pPeerId): boolean;
  denyInboundConnection(raw: Libp2pRawConnection): boolean;
  denyOutboundConnection(peer: Libp2pPeerId, raw: Libp2pRawConnection): boolean;
  denyInboundEncryptedConnection(peer: Libp2pPeerId, raw: Libp2pRawConnection): boolean;
  denyOutboundEncryptedConnection(peer: Libp2pPeerId, raw: Libp2pRawConnection): boolean;
}

export type Libp2pStreamHandler = (
  stream: Libp2pStream,
  connection: Libp2pConnection,
) => void | Promise<void>;

export interface Libp2pTopology {
  onConnect?(peer: Libp2pPeerId, connection: Libp2pConnection): void | Promise<void>;
  onDisconnect?(peer: Libp2pPeerId): void | Promise<void>;
}

/** Of it what gossipsub uses. */
export interface Libp2pRegistrar {
  handle(protocol: string, handler: Libp2pStreamHandler, options?: object): Promise<void>;
  unhandle(protocol: string): Promise<void>;
  register(protocol: string, topology: Libp2pTopology): Promise<string>;
  unregister(id: string): void;
  getTopologies(protocol: string): Libp2pTopology[];
}

export interface Libp2pGossipMessage {
  type: string;
  from?: Libp2pPeerId;
  topic: string;
  data: Uint8Array;
  sequenceNumber?: bigint;
}

export type GossipVerdict = 'accept' | 'ignore' | 'reject';

export interface Libp2pGossip {
  /** Explicit peers, by the text of their id: they get every message. */
  readonly direct: Set<string>;
  readonly topicValidators: Map<
    string,
    (from: Libp2pPeerId, message: Libp2pGossipMessage) => GossipVerdict
  >;
  subscribe(topic: string): void;
  publish(topic: string, data: Uint8Array): Promise<{ recipients: Libp2pPeerId[] }>;
  addEventListener(
    type: 'message',
    listener: (event: { detail: Libp2pGossipMessage }) => void,
  ): void;
}

/** What a peer told of itself. */
export interface PeerIdentification {
  connection: Libp2pConnection;
  protocolVersion?: string | undefined;
  protocols: string[];
}

/** How the host is to set up libp2p. */
export interface PeerNetworkSetup {
  gater: Libp2pGater;
  /** More connections than the gate lets through: libp2p's own limit is never the one that acts. */
  connectionsMax: number;
  /** Of gossipsub: its options, and the registrar that it is to use instead of libp2p's. */
  gossipOptions: Record<string, unknown>;
  gossipRegistrar(registrar: Libp2pRegistrar): Libp2pRegistrar;
  protocolVersion: string;
  agentVersion: string;
}

/** A libp2p node of the host, not yet started. */
export interface PeerNetwork {
  readonly gossip: Libp2pGossip;
  onConnection(listener: (connection: Libp2pConnection) => void): void;
  onIdentified(listener: (identification: PeerIdentification) => void): void;
  /** Of a host that looks for peers: a multiaddr with a peer id, as anybody may have announced. */
  onDiscovered?(listener: (address: string) => void): void;
  handle(protocol: string, handler: Libp2pStreamHandler, options: object): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Where it listens: multiaddrs with its peer id. */
  addresses(): string[];
  /** `address`: a multiaddr with a peer id. */
  dial(address: string, signal: AbortSignal): Promise<Libp2pConnection>;
}

/** The host's side: who it is (38 bytes), and its libp2p. */
export interface PeerNetworkModules {
  peerId: Uint8Array;
  open(setup: PeerNetworkSetup): Promise<PeerNetwork>;
}
