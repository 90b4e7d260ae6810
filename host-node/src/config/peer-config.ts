/** The section [peer]; absent, and without a key of it, there is no peer node. */
import { join, resolve } from 'node:path';
import type { ConfigKey, ConfigValues, Endpoint } from './config-keys.ts';
import type { ConfigProblem } from './config-problem.ts';

export interface PeerConfig {
  /** TCP; an address, no name. */
  listen: Endpoint;
  /** TCP too, for the WebSockets of browsers; undefined: none can come. */
  websocketListen: Endpoint | undefined;
  networkName: string;
  instanceId: string;
  /** Absolute, as all paths here; below dataDir/peer where nothing is said. */
  whitelistFile: string;
  keyFile: string;
  banFile: string;
  /** dataDir/peer: where its libp2p key is. */
  folder: string;
  /** Undefined: in the data folder of the user, where `andvari peers` looks. */
  controlSocket: string | undefined;
  targetPeers: number;
  /** Of each peer in 10 s. */
  requests: number;
  broadcasts: number;
  /** Finds peers of the local network, and is found there. */
  mdns: boolean;
  /** Multiaddrs with /p2p/PEER, to which it keeps a connection. */
  connect: string[];
}

/** What is wrong with the section as a whole. @param placeOf where a key was found, if given */
export function peerProblems(
  values: Partial<ConfigValues>,
  placeOf: (key: ConfigKey) => { source: string; given: boolean },
): ConfigProblem[] {
  if (values['peer.listen'] !== undefined || placeOf('peer.listen').given) return [];
  const keys = Object.keys(values) as ConfigKey[];
  const first = keys.find((key) => key.startsWith('peer.') && placeOf(key).given);
  if (first === undefined) return [];
  const { source } = placeOf(first);
  return [{ source, key: first, reason: 'wanted peer.listen too', code: 'ANDVARI_CONFIG_MISSING' }];
}

export function emitPeer(
  values: ConfigValues,
  dataDir: string,
  baseOf: (key: ConfigKey) => string,
): PeerConfig | undefined {
  const listen: Endpoint | undefined = values['peer.listen'];
  if (listen === undefined) return undefined;
  const folder = join(dataDir, 'peer');
  const pathOf = (name: 'whitelist_file' | 'key_file' | 'ban_file' | 'control_socket') => {
    const path: string | undefined = values[`peer.${name}`];
    return path === undefined ? undefined : resolve(baseOf(`peer.${name}`), path);
  };
  return {
    listen,
    websocketListen: values['peer.websocket_listen'],
    networkName: values['peer.network_name'],
    instanceId: values['peer.instance_id'],
    whitelistFile: pathOf('whitelist_file') ?? join(folder, 'whitelist'),
    keyFile: pathOf('key_file') ?? join(folder, 'instance.key'),
    banFile: pathOf('ban_file') ?? join(folder, 'bans.json'),
    folder,
    controlSocket: pathOf('control_socket'),
    targetPeers: values['peer.target_peers'],
    requests: values['peer.requests'],
    broadcasts: values['peer.broadcasts'],
    mdns: values['peer.mdns'],
    connect: values['peer.connect'],
  };
}
