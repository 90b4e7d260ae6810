/** The endpoint of a node over UDP, and a relay if it has one: how all of transfer begins. */
import { CLIENT_IDENTITY, type TransferSizes } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { checkMethods } from '@andvari/host-common/transfer/argument-checks';
import type { Datagram } from '@andvari/host-common/transfer/datagram-transport';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { HOST_FRAMES, transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import type { Identity } from '@andvari/host-common/transfer/identity';
import { DirectAndRelayed } from '@andvari/host-common/transfer/relay/direct-and-relayed';
import { loadNative } from '@andvari/native-io';
import { framesFor, type WantedBackend } from '../io/choose-backend.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { EndpointStun } from './endpoint-stun.ts';
import { nativeTransferOf } from './native-transfer.ts';
import { type NodeIdentity, openIdentity } from './node-identity.ts';
import { NodeRelay } from './node-relay.ts';
import { nodeX25519 } from './node-x25519.ts';
import type { WsRelayOptions } from './relay/ws-relay.ts';
import { UdpTransport } from './udp-transport.ts';

/** Sessions at once, of a node that does not say. */
const SESSIONS = 64;

/** What an endpoint is told besides (endpoint-options.ts). */
type MoreOptions = Omit<
  EndpointOptions,
  | 'engine'
  | 'transport'
  | 'identity'
  | 'x25519'
  | 'trust'
  | 'clock'
  | 'random'
  | 'upgrade'
  | 'unclaimed'
>;

/** Of sessions through the relay: whether they look for a direct way. */
export interface UpgradeServers {
  /** Who tells this machine how it is seen; a host may be a name. */
  stun: readonly SocketAddress[];
}

export interface IdentityInFile {
  identityFile: string;
  /** Of a sealed identity. */
  passphrase?: string | undefined;
}

export type NodeEndpointOptions = NodeOptions & (IdentityInFile | { identity: Identity });

interface NodeOptions extends MoreOptions {
  /** Port 0: any free one. */
  listen: SocketAddress;
  /** Asked before a caller is let in [nobody is]. */
  trust?: EndpointOptions['trust'];
  /** What the engine has room for [64 sessions]. */
  sizes?: TransferSizes;
  /** How datagrams are carried [the best that is there]. */
  backend?: WantedBackend | undefined;
  /** Of af_xdp: where peers come from, and how many of its queues [all]. */
  interface?: string | undefined;
  queues?: number | undefined;
  /** Where peers may meet it besides; the identity signs for it. */
  relay?: WsRelayOptions | undefined;
  /** By what key it is there, of a node that only calls [its identity's]. */
  relayAs?: NodeIdentity | undefined;
  /** Sessions through the relay become direct where they can [they stay]. */
  upgrade?: UpgradeServers | undefined;
}

export interface NodeEndpoint {
  endpoint: TransferEndpoint;
  /** This node's own. */
  peerId: Uint8Array;
  /** Where it listens. */
  bound: SocketAddress;
  /** `mmsg`, `af_xdp` or `portable`. */
  backend: string;
  relay: NodeRelay | undefined;
  /** Of one that looks for direct ways. */
  stun: EndpointStun | undefined;
}

/** Of sessions at the relay, and of the STUN servers that are asked. */
export interface NodeCounts {
  upgrades: TransferEndpoint['upgradeCounts'];
  stun: EndpointStun['counts'];
}

export function countsOf({ endpoint, stun }: NodeEndpoint): NodeCounts {
  const none = { answered: 0, stray: 0, forged: 0, malformed: 0 };
  return { upgrades: endpoint.upgradeCounts, stun: stun?.counts ?? none };
}

/**
 * Opens it; whoever has it closes it.
 * @throws what openIdentity() does; PortInUseError, AddressError, BackendError; RelayError, what
 * WsRelay says (of a certificate, say); TypeError, RangeError: an option that is none
 */
export async function openNodeEndpoint(options: NodeEndpointOptions): Promise<NodeEndpoint> {
  const {
    listen,
    trust = () => false,
    sizes = { sessions: SESSIONS },
    backend = 'auto',
    interface: name,
    queues,
    relay: relayOptions,
    relayAs,
    upgrade,
    ...others
  } = options;
  const udp = new UdpTransport(listen, { backend, interface: name, queues });
  const module = await plainEngine();
  const engine = Engine.create({
    module,
    // Beside a relay datagrams lie in memory of their own.
    sizes: transferSizes(sizes, backend === 'af_xdp' && !relayOptions ? framesFor(backend) : 0),
    identity: CLIENT_IDENTITY,
    hostFrames: HOST_FRAMES,
    nativeTransfer: nativeTransferOf(loadNative()),
  });
  const { identity, more } = await identityIn(others);
  const networkChanged = () => {
    stun?.forget();
    endpoint?.networkChanged();
  };
  const relay =
    relayOptions && new NodeRelay(relayOptions, relayAs ?? signing(identity), networkChanged);
  const transport = relay ? new DirectAndRelayed(udp, relay.datagrams) : udp;
  const stun = upgrade && new EndpointStun(udp, upgrade.stun, () => udp.bound);
  const own = { engine, transport, identity, x25519: nodeX25519, trust };
  const ways = stun && {
    upgrade: stun,
    unclaimed: (datagram: Datagram) => stun.receive(datagram),
  };
  let endpoint: TransferEndpoint | undefined;
  endpoint = await TransferEndpoint.open({ ...more, ...own, ...ways });
  const { bound, backend: carrier } = udp;
  return { endpoint, peerId: identity.peerId, bound, backend: carrier, relay, stun };
}

/** @throws TypeError: it cannot sign */
function signing(identity: Identity & { signer?: unknown }): NodeIdentity {
  checkMethods('identity.signer', identity.signer, ['sign']);
  return identity as NodeIdentity;
}

/** Who it is, and the options besides. */
async function identityIn(
  options: MoreOptions & (IdentityInFile | { identity: Identity }),
): Promise<{ identity: Identity; more: MoreOptions }> {
  if ('identity' in options) {
    const { identity, ...more } = options;
    return { identity, more };
  }
  const { identityFile, passphrase, ...more } = options;
  return { identity: await openIdentity(identityFile, passphrase), more };
}
