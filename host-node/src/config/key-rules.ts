/** What a key of the configuration takes: rules, and what makes them. */
import { isIP } from 'node:net';
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import { storeUrlProblem } from '../store/open-store.ts';
import { STUN_SERVERS_MAX } from '../stun/limits.ts';

export interface Endpoint {
  /** An address or a name; IPv6 without brackets. */
  host: string;
  port: number;
}

/** What a key does not take; the message says what was wanted and what came. */
export class WantedError extends Error {
  readonly code = 'ANDVARI_CONFIG_VALUE' as const;
}

export interface KeyRule<T> {
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

export function integer(least: number, most: number, fallback?: string): KeyRule<number> {
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

export function boolean(fallback: string): KeyRule<boolean> {
  return {
    default: fallback,
    choices: ['true', 'false'],
    parse: (value) => (typeof value === 'boolean' ? value : wanted('true or false', value)),
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  };
}

export function choice<T extends string>(choices: readonly T[], fallback: T): KeyRule<T> {
  const what = choices.map((name) => `"${name}"`).join(' or ');
  return {
    default: fallback,
    choices,
    parse: (value) => choices.find((name) => name === value) ?? wanted(what, value),
  };
}

export function path(what: string, fallback?: string): KeyRule<string> {
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

export function endpoint(fallback?: string): KeyRule<Endpoint> {
  // Port 0 lets the system choose.
  return { default: fallback, parse: (value) => parseEndpoint(value, 0) };
}

/** A list in a flag or a variable is separated by commas. */
function listOf(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
}

/** A list; `element` says what is wrong with one of its entries. */
export function list<T>(what: string, element: (value: unknown) => T): KeyRule<T[]> {
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

export const servers: KeyRule<Endpoint[]> = {
  default: '',
  fromText: listOf,
  parse(value) {
    const what = `a list of ${RAIDA_COUNT} texts HOST:PORT, or none`;
    const endpoints = list(what, (text) => parseEndpoint(text, 1)).parse(value);
    if (endpoints.length === 0 || endpoints.length === RAIDA_COUNT) return endpoints;
    throw new WantedError(`wanted ${what}, got ${endpoints.length}`);
  },
};

export const stunServers: KeyRule<Endpoint[]> = {
  default: '',
  fromText: listOf,
  parse(value) {
    const what = `a list of at most ${STUN_SERVERS_MAX} texts HOST:PORT`;
    const endpoints = list(what, (text) => parseEndpoint(text, 1)).parse(value);
    if (endpoints.length <= STUN_SERVERS_MAX) return endpoints;
    throw new WantedError(`wanted ${what}, got ${endpoints.length}`);
  },
};

/** An origin is compared as text, so only its one canonical form can ever match. */
export function parseOrigin(value: unknown): string {
  const what = 'an origin like "https://wallet.example" in lower case, without a path';
  if (typeof value !== 'string' || !URL.canParse(value)) return wanted(what, value);
  const { origin, protocol } = new URL(value);
  const good = origin === value && (protocol === 'https:' || protocol === 'http:');
  return good ? value : wanted(what, value);
}

export function parseHost(value: unknown): string {
  const what = 'a host like "wallet.example" or "127.0.0.1:9090" in lower case';
  const form = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(:[0-9]{1,5})?$/;
  return typeof value === 'string' && form.test(value) ? value : wanted(what, value);
}

/** An address or a name, IPv6 without brackets. */
export const host: KeyRule<string> = {
  default: undefined,
  parse(value) {
    const good =
      typeof value === 'string' && (/^[A-Za-z0-9._-]{1,253}$/.test(value) || isIP(value));
    return good ? value : wanted('an address or a name, without a port', value);
  },
};

export function powerOfTwo(least: number, most: number, fallback: string): KeyRule<number> {
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

export const storeUrl: KeyRule<string> = {
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
export const networkInterface: KeyRule<string> = {
  default: undefined,
  parse(value) {
    const good = typeof value === 'string' && /^[!-.0-~]{1,15}$/.test(value);
    return good ? value : wanted('the name of a network interface', value);
  },
};

export const relayAddress: KeyRule<string> = {
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

/** What libp2p listens at: no name is looked up. */
export const addressEndpoint: KeyRule<Endpoint> = {
  default: undefined,
  parse(value) {
    const found = parseEndpoint(value, 0);
    return isIP(found.host) ? found : wanted('ADDRESS:PORT, the address without a name', value);
  },
};

/** A part of a protocol's name. */
export function protocolPart(fallback: string): KeyRule<string> {
  return {
    default: fallback,
    parse(value) {
      const good = typeof value === 'string' && /^[0-9A-Za-z._-]{1,48}$/.test(value);
      return good ? value : wanted('1 to 48 letters, digits and ._-', value);
    },
  };
}

export function parsePeerAddress(value: unknown): string {
  const what = 'a multiaddr like "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW..."';
  const id = /^(?:\/[0-9A-Za-z.:_-]+){2,}\/p2p\/([0-9A-Za-z]+)$/.exec(String(value))?.[1];
  try {
    peerIdBytes(id ?? '');
    return value as string;
  } catch {
    return wanted(what, value);
  }
}
