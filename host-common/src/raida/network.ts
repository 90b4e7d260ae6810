/**
 * What a client must know of a RAIDA network: wire, coin id, and where the servers are.
 * The wallet page gets it from its own HTTP server as GET /network.json.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';

export interface RaidaServerAddress {
  /** 0 to 24. */
  raidaId: number;
  /** `ws://host/raida`, `wss://host/raida` `udp://host:port` or `tcp://host:port`. */
  url: string;
}

export interface RaidaNetwork {
  /** Wire of encryption types 0, 1, 2: seed 000 (`spec`) or the public servers (`legacy`). */
  wire: 'spec' | 'legacy';
  /** 6 = CloudCoin. */
  coinId: number;
  /** 1 to 25 servers, each id once. */
  servers: RaidaServerAddress[];
}

/** A network description that is not one. `path` names the value, such as `servers[3].url`. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code = 'ANDVARI_NETWORK';
  readonly path: string;

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`network description, ${path}: ${problem}`, options);
    this.path = path;
  }
}

const protocols = ['ws:', 'wss:', 'udp:', 'tcp:'];

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function refuse(path: string, wanted: string, got: unknown): never {
  throw new NetworkError(path, `wanted ${wanted}, got ${show(got)}`);
}

function record(path: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(path, 'an object', value);
  }
  return value as Record<string, unknown>;
}

function integer(path: string, value: unknown, max: number): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max) {
    return refuse(path, `a whole number from 0 to ${max}`, value);
  }
  return value as number;
}

function serverUrl(path: string, value: unknown): string {
  const wanted = 'a ws://, wss://, udp://host:port or tcp://host:port address';
  if (typeof value !== 'string' || !URL.canParse(value)) return refuse(path, wanted, value);
  const url = new URL(value);
  if (!protocols.includes(url.protocol)) return refuse(path, wanted, value);
  const socket = url.protocol === 'udp:' || url.protocol === 'tcp:';
  if (socket && (url.hostname === '' || url.port === '')) {
    return refuse(path, wanted, value);
  }
  return value;
}

/**
 * Validates a description: the text of network.json, or what JSON.parse made of it. Keys that it
 * does not know are left out. Throws NetworkError: which value, what was wanted, what came.
 */
export function parseNetwork(input: unknown): RaidaNetwork {
  let value = input;
  if (typeof input === 'string') {
    try {
      value = JSON.parse(input);
    } catch (cause) {
      throw new NetworkError('text', 'wanted JSON', { cause });
    }
  }
  const network = record('document', value);
  const wire = network['wire'];
  if (wire !== 'spec' && wire !== 'legacy') return refuse('wire', '"spec" or "legacy"', wire);
  const coinId = integer('coinId', network['coinId'], 0xffff);
  const list = network['servers'];
  if (!Array.isArray(list) || list.length < 1 || list.length > RAIDA_COUNT) {
    const got = Array.isArray(list) ? list.length : list;
    return refuse('servers', `a list of 1 to ${RAIDA_COUNT} servers`, got);
  }
  const servers: RaidaServerAddress[] = [];
  for (const [index, item] of list.entries()) {
    const path = `servers[${index}]`;
    const server = record(path, item);
    const raidaId = integer(`${path}.raidaId`, server['raidaId'], RAIDA_COUNT - 1);
    if (servers.some((other) => other.raidaId === raidaId)) {
      return refuse(`${path}.raidaId`, 'each id once', raidaId);
    }
    servers.push({ raidaId, url: serverUrl(`${path}.url`, server['url']) });
  }
  return { wire, coinId, servers };
}
