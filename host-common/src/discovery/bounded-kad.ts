/**
 * Kademlia of libp2p as it is used here: for the way to the nodes that are closest to a key, and
 * for nothing else. It stores nothing (its own records hold one value a key, its providers are in
 * clear), and what comes to it is bounded. libp2p does not see it: its peer store would keep all
 * that anybody tells of.
 */
import { type KadDHT, kadDHT } from '@libp2p/kad-dht';

type KadComponents = Parameters<ReturnType<typeof kadDHT>>[0];
type KadStream = Awaited<ReturnType<KadComponents['connectionManager']['openStream']>>;
type KadPeer = KadComponents['peerId'];
type Handle = KadComponents['registrar']['handle'];

const PROTOCOL = '/andvari/kad/1.0.0';
/** An honest answer has 20 peers with their addresses: some 3 KB. */
const STREAM_BYTES_MAX = 65_536;
/** Of one peer that are kept. */
const ADDRESSES_MAX = 4;
/** Nodes that are asked at once in a walk. */
const ALPHA = 5;
/** For one answer: whoever is silent costs a walk no more. */
const ANSWER_MS = 3000;
/** Peers that somebody has told of and that wait to be looked at. */
const UPDATES_MAX = 256;
const PINGS_MAX = 32;
const PINGS_AT_ONCE = 4;
/** The first look for its own neighbours. */
const SELF_QUERY_MS = 200;

export interface KadOptions {
  isServer: boolean;
  /** Whether a multiaddr may be dialled, and passed on. */
  mayDial(address: string): boolean;
  /** A peer was told of, by anybody. */
  onPeer(peer: KadPeer): void;
}

export class BoundedKad {
  readonly dht: KadDHT;

  constructor(components: KadComponents, { isServer, mayDial, onPeer }: KadOptions) {
    const make = kadDHT({
      protocol: PROTOCOL,
      clientMode: !isServer,
      alpha: ALPHA,
      allowQueryWithZeroPeers: true,
      initialQuerySelfInterval: SELF_QUERY_MS,
      networkDialTimeout: { minTimeout: ANSWER_MS, maxTimeout: ANSWER_MS },
      routingTableUpdateMaxQueueSize: UPDATES_MAX,
      pingNewContactConcurrency: PINGS_AT_ONCE,
      pingNewContactMaxQueueSize: PINGS_MAX,
      pingOldContactConcurrency: PINGS_AT_ONCE,
      pingOldContactMaxQueueSize: PINGS_MAX,
      peerInfoMapper: (peer) => ({
        ...peer,
        multiaddrs: peer.multiaddrs
          .filter((address) => mayDial(address.toString()))
          .slice(0, ADDRESSES_MAX),
      }),
    });
    const { peerId, privateKey, addressManager, peerStore, events, logger, ping } = components;
    this.dht = make({
      ...{ peerId, privateKey, addressManager, peerStore, events, logger, ping },
      registrar: boundedRegistrar(components.registrar),
      connectionManager: boundedConnections(components.connectionManager),
      datastore: nothing,
    });
    const told = this.dht as unknown as PeerEvents;
    told.addEventListener('peer', ({ detail: { id, multiaddrs } }) => {
      const own = multiaddrs.filter((address) => mayDial(address.toString()));
      if (own.length === 0) return;
      // At once: a walk dials it next.
      peerStore.merge(id, { multiaddrs: own.slice(0, ADDRESSES_MAX) }).catch(() => {});
      onPeer(id);
    });
  }

  start(): Promise<void> {
    return (this.dht as unknown as Lifetime).start();
  }

  stop(): Promise<void> {
    return (this.dht as unknown as Lifetime).stop();
  }
}

interface Lifetime {
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface PeerEvents {
  addEventListener(
    type: 'peer',
    listener: (event: {
      detail: Awaited<ReturnType<KadComponents['peerStore']['getInfo']>>;
    }) => void,
  ): void;
}

function bounded(stream: KadStream): KadStream {
  let length = 0;
  stream.addEventListener('message', ({ data }) => {
    length += data.byteLength;
    if (length > STREAM_BYTES_MAX) stream.abort(new Error('more than an answer of Kademlia'));
  });
  return stream;
}

function boundedRegistrar(registrar: KadComponents['registrar']): KadComponents['registrar'] {
  const handle: Handle = (protocol, handler, options) =>
    registrar.handle(protocol, (stream, from) => handler(bounded(stream), from), options);
  const own: Partial<KadComponents['registrar']> = {
    handle,
    unhandle: (...protocol) => registrar.unhandle(...protocol),
    register: (...topology) => registrar.register(...topology),
    unregister: (id) => registrar.unregister(id),
  };
  return own as KadComponents['registrar'];
}

function boundedConnections(
  connections: KadComponents['connectionManager'],
): KadComponents['connectionManager'] {
  const own: Partial<KadComponents['connectionManager']> = {
    openStream: async (...to) => bounded(await connections.openStream(...to)),
    isDialable: (...addresses) => connections.isDialable(...addresses),
  };
  return own as KadComponents['connectionManager'];
}

/** Where Kademlia would put records and providers, also those of strangers. */
const nothing = {
  get: () => Promise.reject(Object.assign(new Error('not found'), { name: 'NotFoundError' })),
  has: () => Promise.resolve(false),
  put: () => Promise.reject(new Error('Kademlia stores nothing here')),
  delete: () => Promise.resolve(),
  query: async function* () {},
  queryKeys: async function* () {},
} as unknown as KadComponents['datastore'];
