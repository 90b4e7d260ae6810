/** What a TransferNode is made of, looked at before anything is opened. */
import {
  checkChoice,
  checkFlag,
  checkFunction,
  checkKnown,
  checkMethods,
  checkObject,
  checkText,
  checkWhole,
} from '@andvari/host-common/transfer/argument-checks';
import type { Caller } from '@andvari/host-common/transfer/endpoint-options';
import type { Identity } from '@andvari/host-common/transfer/identity';
import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import { type DatagramBackend, datagramBackends } from '../io/choose-backend.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { STUN_SERVERS_MAX } from '../stun/limits.ts';
import { dataFolder, identityPath, knownPeersPath } from './data-folder.ts';
import { KnownPeers } from './known-peers.ts';
import { type NodeIdentity, newIdentity } from './node-identity.ts';
import type { UpgradeServers } from './open-endpoint.ts';
import { anyHost } from './own-addresses.ts';
import { WsRelay, type WsRelayOptions } from './relay/ws-relay.ts';
import { QUEUES_MAX, type UdpOptions } from './udp-transport.ts';

/** Each may have a window of 8 MiB on its way, and a session of its own in the engine. */
export const TRANSFERS_MAX = 1000;
const TRANSFERS = 16;

export interface TransferNodeConfig {
  /** Where the node's own files are [that of the user: XDG_DATA_HOME/andvari]. */
  dataFolder?: string | undefined;
  /** The identity file, as `andvari keygen` makes it [identity.key in the data folder]. */
  identityPath?: string | undefined;
  /** Of a sealed identity file. */
  passphrase?: string | undefined;
  /** Instead of a file. */
  identity?: Identity | undefined;
  /** The address of the interface where it listens [0.0.0.0; with a relay ::, if there is IPv6]. */
  host?: string | undefined;
  /** UDP; 0: any that is free [0]. */
  port?: number | undefined;
  /** Whose calls are answered, and what peers are called [known_peers in the data folder]. */
  trustedPeersFile?: string | undefined;
  /** Instead of the file: only `true` lets a caller in, whose peer ID is proven. */
  trust?: ((peer: Caller) => boolean) | undefined;
  /** Told that the list cannot be read, or what `trust` threw; the caller is not let in then. */
  onTrustError?: ((error: unknown) => void) | undefined;
  /**
   * Where peers can be called that have no address, and can call: its address, as
   * parseRelayAddress() reads it, or what WsRelay takes. `identity` has a signer then.
   */
  relay?: string | WsRelayOptions | undefined;
  /**
   * Sessions through the relay look for a direct way, and go by it while it is there; the peer is
   * told the addresses of this machine for that [true].
   */
  upgrade?: boolean | undefined;
  /** STUN servers, at most 4, that say how this machine is seen beyond a NAT [none]. */
  stun?: readonly SocketAddress[] | undefined;
  /** Sessions at once, and transfers both ways, 1 to 1000 [16]. */
  maxTransfers?: number | undefined;
  /** How datagrams are carried; `af_xdp` wants an interface [auto]. */
  backend?: DatagramBackend | undefined;
  /** Of af_xdp: where peers come from, and how many of its queues, 1 to 64 [all]. */
  interface?: string | undefined;
  queues?: number | undefined;
}

const KEYS = [
  ...['dataFolder', 'identityPath', 'passphrase', 'identity', 'host', 'port'],
  ...['trustedPeersFile', 'trust', 'onTrustError', 'maxTransfers', 'relay', 'upgrade', 'stun'],
  ...['backend', 'interface', 'queues'],
] as const;

/** For `trust`, of a node that only calls. */
export const nobody = (): boolean => false;
/** For `trust`, of a node whose peer ID is known to those alone who may call it. */
export const everybody = (): boolean => true;

/** A configuration with all its defaults. */
export type WholeConfig = Required<
  Pick<
    { [Key in keyof TransferNodeConfig]-?: Exclude<TransferNodeConfig[Key], undefined> },
    'dataFolder' | 'host' | 'port' | 'trustedPeersFile' | 'trust' | 'maxTransfers'
  >
> & {
  who: { identity: Identity } | { identityFile: string; passphrase?: string | undefined };
  relay: WsRelayOptions | undefined;
  udp: UdpOptions;
  upgrade: UpgradeServers | undefined;
  /** A new key at the relay: the other processes of this identity keep theirs. */
  relayAs: NodeIdentity | undefined;
};

/** The configuration of a node is none; `cause` says what a key was given. */
export class NodeConfigError extends Error {
  override readonly name = 'NodeConfigError';
  readonly code = 'ANDVARI_NODE_CONFIG';
}

/** @throws NodeConfigError */
export function wholeConfig(config: TransferNodeConfig): WholeConfig {
  try {
    checkConfig(config);
  } catch (error) {
    throw new NodeConfigError((error as Error).message, { cause: error });
  }
  const { dataFolder: folder = dataFolder(process.env), identity, passphrase } = config;
  const { trustedPeersFile = knownPeersPath(folder) } = config;
  const identityFile = config.identityPath ?? identityPath(folder);
  const relay = relayOf(config);
  return {
    dataFolder: folder,
    who: identity ? { identity } : { identityFile, passphrase },
    host: config.host ?? (relay ? anyHost() : '0.0.0.0'),
    port: config.port ?? 0,
    trustedPeersFile,
    trust: trustOf(config, trustedPeersFile),
    maxTransfers: config.maxTransfers ?? TRANSFERS,
    relay,
    udp: udpOf(config),
    upgrade: relay && config.upgrade !== false ? { stun: config.stun ?? [] } : undefined,
    relayAs: relay && config.trust === nobody ? newIdentity() : undefined,
  };
}

function udpOf({ backend = 'auto', interface: name, queues }: TransferNodeConfig): UdpOptions {
  return { backend, interface: name, queues };
}

/** @throws RelayAddressError */
function relayOf({ relay }: TransferNodeConfig): WsRelayOptions | undefined {
  return typeof relay === 'string' ? parseRelayAddress(relay) : relay;
}

/** As the file is at that moment: who is trusted no more is not let in any more. */
function trustOf(
  { trust, onTrustError = () => {} }: TransferNodeConfig,
  file: string,
): (peer: Caller) => boolean {
  const asked = trust ?? (({ peerId }: Caller) => KnownPeers.load(file).has(peerId));
  return (peer) => {
    try {
      return asked(peer) === true;
    } catch (error) {
      onTrustError(error);
      return false;
    }
  };
}

/** An interface belongs to af_xdp, and af_xdp to an interface. */
function checkUdp({ backend = 'auto', interface: name, queues }: TransferNodeConfig): void {
  checkChoice('backend', backend, datagramBackends);
  if (name !== undefined) checkText('interface', name);
  if (queues !== undefined) checkWhole('queues', queues, 1, QUEUES_MAX);
  const isXdp = backend === 'af_xdp';
  if (isXdp && name === undefined) throw new RangeError('interface: wanted, for af_xdp');
  if (!isXdp && (name ?? queues) !== undefined) {
    throw new RangeError('interface, queues: wanted for the backend af_xdp only');
  }
}

function checkUpgrade({ upgrade, stun }: TransferNodeConfig): void {
  if (upgrade !== undefined) checkFlag('upgrade', upgrade);
  if (stun === undefined) return;
  if (!Array.isArray(stun)) throw new TypeError('stun: wanted a list of hosts and ports');
  checkWhole('the number of STUN servers', stun.length, 0, STUN_SERVERS_MAX);
  for (const server of stun) {
    checkObject('stun', server);
    checkText('the host of a STUN server', server.host);
    checkWhole('the port of a STUN server', server.port, 1, 65_535);
  }
}

function checkConfig(config: TransferNodeConfig): void {
  checkKnown('config', config, KEYS);
  const { identity, port = 0, maxTransfers = 1 } = config;
  for (const key of ['dataFolder', 'identityPath', 'host', 'trustedPeersFile'] as const) {
    if (config[key] !== undefined) checkText(key, config[key]);
  }
  for (const key of ['trust', 'onTrustError'] as const) {
    if (config[key] !== undefined) checkFunction(key, config[key]);
  }
  checkWhole('port', port, 0, 65_535);
  checkWhole('maxTransfers', maxTransfers, 1, TRANSFERS_MAX);
  checkUdp(config);
  checkUpgrade(config);
  if (config.passphrase !== undefined) checkText('passphrase', config.passphrase);
  const relay = relayOf(config);
  if (relay !== undefined) new WsRelay(relay);
  if (identity === undefined) return;
  checkObject('identity', identity);
  if (relay !== undefined) {
    checkMethods('identity.signer', (identity as Partial<NodeIdentity>).signer, ['sign']);
  }
  if (config.identityPath !== undefined || config.passphrase !== undefined) {
    throw new RangeError('identity: wanted alone, without identityPath and passphrase');
  }
}
