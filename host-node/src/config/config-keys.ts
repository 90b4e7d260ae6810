/**
 * Every key of the configuration: what it takes, and what it is when nobody says. A value arrives
 * as TOML (bigint for an integer, number for a float, string, boolean, array) or as the text of a
 * flag or an environment variable.
 */
import { isIP } from 'node:net';
import {
  LOCKER_COINS_MAX,
  MESSAGE_SKEW_S_MAX,
  PAGES_PER_DENOMINATION_MAX,
  RAIDA_COUNT,
  WORKERS_MAX,
} from '@andvari/host-common/engine/generated/limits';
import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import {
  backends,
  type DatagramBackend,
  datagramBackends,
  type WantedBackend,
} from '../io/choose-backend.ts';
import { storeUrlProblem } from '../store/open-store.ts';

export interface Endpoint {
  /** An address or a name; IPv6 without brackets. */
  host: string;
  port: number;
}

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
  'transfer.backend': DatagramBackend;
  'transfer.interface': string;
  'transfer.queues': number;
  'log.level': 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
}

export type ConfigKey = keyof ConfigValues;

/** What a key does not take; the message says what was wanted and what came. */
export class WantedError extends Error {
  readonly code = 'ANDVARI_CONFIG_VALUE' as const;
}

interface KeyRule<T> {
  /** Takes a value as TOML has it. */
  parse(value: unknown): T;
  /** What the text of a flag, a variable or a default would be in TOML, where that is no string. */
  fromText?(text: string): unknown;
  /** As it stands in a file; undefined: no default. */
  default: string | undefined;
  /** Never shown. */
  secret?: true;
  /** All that it takes, as text. */
  choices?: readonly string[];
  /** Of a file or a folder. */
  isPath?: true;
}

/** A value as it came, short enough for a message. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  let short = '';
  if (typeof value === 'string') short = JSON.stringify(value);
  else if (Array.isArray(value)) short = 'a list';
  else if (typeof value === 'object') short = 'a table';
  else short = Number.isInteger(value) ? `${value}.0` : String(value);
  return short.length > 80 ? `${short.slice(0, 77)}...` : short;
}

function wanted(what: string, value: unknown): never {
  throw new WantedError(`wanted ${what}, got ${shown(value)}`);
}

function integer(least: number, most: number, fallback?: string): KeyRule<number> {
  const what = `an integer ${least}-${most}`;
  return {
    default: fallback,
    parse(value) {
      if (typeof value !== 'bigint') return wanted(what, value);
      const number = Number(value);
      return number >= least && number <= most ? number : wanted(what, value);
    },
    fromText: (text) => (/^[0-9]{1,9}$/.test(text) ? BigInt(text) : text),
  };
}

function boolean(fallback: string): KeyRule<boolean> {
  return {
    default: fallback,
    choices: ['true', 'false'],
    parse: (value) => (typeof value === 'boolean' ? value : wanted('true or false', value)),
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  };
}

function choice<T extends string>(choices: readonly T[], fallback: T): KeyRule<T> {
  const what = choices.map((name) => `"${name}"`).join(' or ');
  return {
    default: fallback,
    choices,
    parse: (value) => choices.find((name) => name === value) ?? wanted(what, value),
  };
}

function path(what: string, fallback?: string): KeyRule<string> {
  return {
    default: fallback,
    isPath: true,
    parse(value) {
      const good = typeof value === 'string' && value !== '' && !value.includes('\0');
      return good ? value : wanted(what, value);
    },
  };
}

/** HOST:PORT or [IPV6]:PORT. */
function parseEndpoint(value: unknown, portLeast: number): Endpoint {
  const what = `HOST:PORT with a port ${portLeast}-65535`;
  if (typeof value !== 'string') return wanted(what, value);
  const form = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})$/.exec(value);
  const host = form?.[1] ?? form?.[2];
  const port = Number(form?.[3]);
  if (host === undefined || !(port >= portLeast && port <= 65535)) return wanted(what, value);
  if (form?.[1] !== undefined && !URL.canParse(`http://[${host}]/`)) return wanted(what, value);
  return { host, port };
}

function endpoint(fallback?: string): KeyRule<Endpoint> {
  // Port 0 lets the system choose.
  return { default: fallback, parse: (value) => parseEndpoint(value, 0) };
}

/** A list in a flag or a variable is separated by commas. */
function listOf(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
}

/** A list; `element` says what is wrong with one of its entries. */
function list<T>(what: string, element: (value: unknown) => T): KeyRule<T[]> {
  return {
    default: '',
    fromText: listOf,
    parse(value) {
      if (!Array.isArray(value)) return wanted(what, value);
      return value.map((text, index) => {
        try {
          return element(text);
        } catch (error) {
          if (!(error instanceof WantedError)) throw error;
          throw new WantedError(`entry ${index}: ${error.message}`);
        }
      });
    },
  };
}

const servers: KeyRule<Endpoint[]> = {
  default: '',
  fromText: listOf,
  parse(value) {
    const what = `a list of ${RAIDA_COUNT} texts HOST:PORT, or none`;
    const endpoints = list(what, (text) => parseEndpoint(text, 1)).parse(value);
    if (endpoints.length === 0 || endpoints.length === RAIDA_COUNT) return endpoints;
    throw new WantedError(`wanted ${what}, got ${endpoints.length}`);
  },
};

/** An origin is compared as text, so only its one canonical form can ever match. */
function parseOrigin(value: unknown): string {
  const what = 'an origin like "https://wallet.example" in lower case, without a path';
  if (typeof value !== 'string' || !URL.canParse(value)) return wanted(what, value);
  const { origin, protocol } = new URL(value);
  const good = origin === value && (protocol === 'https:' || protocol === 'http:');
  return good ? value : wanted(what, value);
}

function parseHost(value: unknown): string {
  const what = 'a host like "wallet.example" or "127.0.0.1:9090" in lower case';
  const form = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(:[0-9]{1,5})?$/;
  return typeof value === 'string' && form.test(value) ? value : wanted(what, value);
}

/** An address or a name, IPv6 without brackets. */
const host: KeyRule<string> = {
  default: undefined,
  parse(value) {
    const good =
      typeof value === 'string' && (/^[A-Za-z0-9._-]{1,253}$/.test(value) || isIP(value));
    return good ? value : wanted('an address or a name, without a port', value);
  },
};

function powerOfTwo(least: number, most: number, fallback: string): KeyRule<number> {
  const rule = integer(least, most, fallback);
  return {
    ...rule,
    parse(value) {
      const what = `a power of two ${least}-${most}`;
      if (typeof value !== 'bigint' || value < least || value > most) return wanted(what, value);
      return (value & (value - 1n)) === 0n ? Number(value) : wanted(what, value);
    },
  };
}

/** 32 hex digits. The message never repeats what came: it may be a mistyped key. */
export function parseKey(value: unknown): Uint8Array {
  if (typeof value === 'string' && /^[0-9a-fA-F]{32}$/.test(value)) {
    return Uint8Array.from(Buffer.from(value, 'hex'));
  }
  throw new WantedError('wanted 32 hex digits, got something else (not shown)');
}

const storeUrl: KeyRule<string> = {
  default: 'sqlite:coins.db',
  parse(value) {
    if (typeof value !== 'string') return wanted('"sqlite:FILE" or "memory:"', value);
    const problem = storeUrlProblem(value);
    if (problem)
      throw new WantedError(`${problem}, got ${shown(value.replace(/\/\/.*/, '//...'))}`);
    return value;
  },
};

/** A name as the kernel takes it: at most 15 bytes. */
const networkInterface: KeyRule<string> = {
  default: undefined,
  parse(value) {
    const good = typeof value === 'string' && /^[!-.0-~]{1,15}$/.test(value);
    return good ? value : wanted('the name of a network interface', value);
  },
};

const relayAddress: KeyRule<string> = {
  default: undefined,
  parse(value) {
    try {
      parseRelayAddress(value as string);
      return value as string;
    } catch {
      return wanted('the address of a relay like "wss://relay.example/relay"', value);
    }
  },
};

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

export const configRules: { [K in ConfigKey]: KeyRule<ConfigValues[K]> } = {
  'node.data_dir': path('a folder', 'data'),
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
  'transfer.backend': choice(datagramBackends, 'auto'),
  'transfer.interface': networkInterface,
  'transfer.queues': integer(1, 64),
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
