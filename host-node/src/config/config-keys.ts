/**
 * Every key of the configuration: what it takes, and what it is when nobody says. A value arrives
 * as TOML (bigint for an integer, number for a float, string, boolean, array) or as the text of a
 * flag or an environment variable.
 */
import {
  LOCKER_COINS_MAX,
  MESSAGE_SKEW_S_MAX,
  PAGES_PER_DENOMINATION_MAX,
  RAIDA_COUNT,
  WORKERS_MAX,
} from '@andvari/host-common/engine/generated/limits';
import {
  backends,
  type DatagramBackend,
  datagramBackends,
  type WantedBackend,
} from '../io/choose-backend.ts';
import {
  addressEndpoint,
  boolean,
  choice,
  type Endpoint,
  endpoint,
  host,
  integer,
  type KeyRule,
  list,
  networkInterface,
  parseHost,
  parseKey,
  parseOrigin,
  parsePeerAddress,
  path,
  powerOfTwo,
  protocolPart,
  relayAddress,
  servers,
  storeUrl,
  stunServers,
} from './key-rules.ts';

export { type Endpoint, parseKey, WantedError } from './key-rules.ts';

export interface ConfigValues {
  'node.data_dir': string;
  'raida.number': number;
  'raida.listen': Endpoint;
  'raida.wire': 'spec' | 'legacy';
  'raida.modern': boolean;
  'raida.coin_id': number;
  'raida.pages_per_denomination': number;
  'raida.admin_key': Uint8Array;
  'raida.admin_key_file': string;
  'raida.admin_clear': boolean;
  'raida.open_key_records': boolean;
  'raida.servers': Endpoint[];
  'raida.proxy_addr': string;
  'raida.proxy_port': number;
  'raida.proxy_key': Uint8Array;
  'raida.proxy_key_file': string;
  'raida.btc_confirmations': number;
  'raida.integrity_freq': number;
  'raida.locker_coins': number;
  'store.url': string;
  'io.backend': WantedBackend;
  'io.workers': number;
  'io.interface': string;
  'io.queues': number;
  'io.busy_poll': number;
  'io.sqpoll': boolean;
  'http.listen': Endpoint;
  'http.allowed_origins': string[];
  'http.allowed_hosts': string[];
  'ratatoskr.listen': Endpoint;
  'ratatoskr.allowed_origins': string[];
  'ratatoskr.allowed_hosts': string[];
  'ratatoskr.tls_cert_file': string;
  'ratatoskr.tls_key_file': string;
  'ratatoskr.allow_plain': boolean;
  'ratatoskr.webtransport': boolean;
  'ratatoskr.devices_file': string;
  'ratatoskr.server_key_file': string;
  'ratatoskr.audit_file': string;
  'ratatoskr.rate_per_minute': number;
  'ratatoskr.rate_per_hour': number;
  'ratatoskr.connection_rate': number;
  'ratatoskr.max_connections': number;
  'ratatoskr.skew': number;
  'ratatoskr.strict_shape': boolean;
  'ratatoskr.require_v2': boolean;
  'ratatoskr.demo_services': boolean;
  'transfer.listen': Endpoint;
  'transfer.folder': string;
  'transfer.identity_file': string;
  'transfer.trusted_peers_file': string;
  'transfer.control_socket': string;
  'transfer.max_transfers': number;
  'transfer.relay': string;
  'transfer.upgrade': boolean;
  'transfer.stun': Endpoint[];
  'transfer.backend': DatagramBackend;
  'transfer.interface': string;
  'transfer.queues': number;
  'peer.listen': Endpoint;
  'peer.websocket_listen': Endpoint;
  'peer.network_name': string;
  'peer.instance_id': string;
  'peer.whitelist_file': string;
  'peer.key_file': string;
  'peer.ban_file': string;
  'peer.control_socket': string;
  'peer.target_peers': number;
  'peer.requests': number;
  'peer.broadcasts': number;
  'peer.mdns': boolean;
  'peer.connect': string[];
  'log.level': 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
}

export type ConfigKey = keyof ConfigValues;

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

export const configRules: { [K in ConfigKey]: KeyRule<ConfigValues[K]> } = {
  'node.data_dir': path('a folder', 'data'),
  // Without it there is no RAIDA server.
  'raida.number': integer(0, RAIDA_COUNT - 1),
  'raida.listen': endpoint('127.0.0.1:50000'),
  'raida.wire': choice(['spec', 'legacy'], 'spec'),
  'raida.modern': boolean('false'),
  'raida.coin_id': integer(0, 65535, '6'),
  'raida.pages_per_denomination': integer(1, PAGES_PER_DENOMINATION_MAX, '1000'),
  'raida.admin_key': { default: undefined, secret: true, parse: parseKey },
  'raida.admin_key_file': path('a file'),
  'raida.admin_clear': boolean('false'),
  'raida.open_key_records': boolean('false'),
  'raida.servers': servers,
  'raida.proxy_addr': host,
  'raida.proxy_port': integer(1, 65535, '50000'),
  'raida.proxy_key': { default: undefined, secret: true, parse: parseKey },
  'raida.proxy_key_file': path('a file'),
  'raida.btc_confirmations': integer(1, 255, '2'),
  // 0 would walk the coins without a pause; nobody compares trees less than once a day.
  'raida.integrity_freq': integer(1, 86_400, '3600'),
  'raida.locker_coins': powerOfTwo(1024, LOCKER_COINS_MAX, '131072'),
  'store.url': storeUrl,
  'io.backend': choice(backends, 'auto'),
  // 0: one for each core. The engine has room for 16 instances, one of them the main thread's.
  'io.workers': integer(0, WORKERS_MAX - 1, '0'),
  'io.interface': networkInterface,
  'io.queues': integer(1, WORKERS_MAX - 1),
  'io.busy_poll': integer(0, 10_000, '0'),
  'io.sqpoll': boolean('false'),
  'http.listen': endpoint('127.0.0.1:9090'),
  'http.allowed_origins': list('a list of origins', parseOrigin),
  'http.allowed_hosts': list('a list of hosts', parseHost),
  // Without it there is no Ratatoskr endpoint.
  'ratatoskr.listen': endpoint(),
  'ratatoskr.allowed_origins': list('a list of origins', parseOrigin),
  'ratatoskr.allowed_hosts': list('a list of hosts', parseHost),
  'ratatoskr.tls_cert_file': path('a file'),
  'ratatoskr.tls_key_file': path('a file'),
  'ratatoskr.allow_plain': boolean('false'),
  'ratatoskr.webtransport': boolean('false'),
  'ratatoskr.devices_file': path('a file'),
  'ratatoskr.server_key_file': path('a file'),
  'ratatoskr.audit_file': path('a file'),
  'ratatoskr.rate_per_minute': integer(1, 1_000_000, '60'),
  'ratatoskr.rate_per_hour': integer(1, 60_000_000, '1000'),
  'ratatoskr.connection_rate': integer(1, 100_000, '20'),
  'ratatoskr.max_connections': integer(1, 100_000, '1000'),
  'ratatoskr.skew': integer(0, MESSAGE_SKEW_S_MAX, '0'),
  'ratatoskr.strict_shape': boolean('false'),
  'ratatoskr.require_v2': boolean('false'),
  'ratatoskr.demo_services': boolean('false'),
  // Without it there is no node that receives files.
  'transfer.listen': endpoint(),
  'transfer.folder': path('a folder'),
  'transfer.identity_file': path('a file'),
  'transfer.trusted_peers_file': path('a file'),
  'transfer.control_socket': path('a socket'),
  'transfer.max_transfers': integer(1, 1000, '16'),
  'transfer.relay': relayAddress,
  'transfer.upgrade': boolean('true'),
  'transfer.stun': stunServers,
  'transfer.backend': choice(datagramBackends, 'auto'),
  'transfer.interface': networkInterface,
  'transfer.queues': integer(1, 64),
  // Without it there is no peer node.
  'peer.listen': addressEndpoint,
  'peer.websocket_listen': addressEndpoint,
  'peer.network_name': protocolPart('andvari'),
  'peer.instance_id': protocolPart('main'),
  'peer.whitelist_file': path('a file'),
  'peer.key_file': path('a file'),
  'peer.ban_file': path('a file'),
  'peer.control_socket': path('a socket'),
  'peer.target_peers': integer(1, 256, '25'),
  'peer.requests': integer(1, 1_000_000, '100'),
  'peer.broadcasts': integer(1, 1_000_000, '100'),
  'peer.mdns': boolean('false'),
  'peer.connect': list('a list of multiaddrs', parsePeerAddress),
  'log.level': choice(levels, 'info'),
};

export const configKeys = Object.keys(configRules) as ConfigKey[];

export function isConfigKey(name: string): name is ConfigKey {
  return Object.hasOwn(configRules, name);
}

/** ANDVARI_RAIDA_NUMBER for raida.number. */
export function environmentName(key: ConfigKey): string {
  return `ANDVARI_${key.replace('.', '_').toUpperCase()}`;
}

/** --raida-number for raida.number. */
export function flagName(key: ConfigKey): string {
  return `--${key.replace(/[._]/g, '-')}`;
}

export function emitEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
