/**
 * The configuration of one node: flags, environment (ANDVARI_RAIDA_NUMBER), file (TOML), defaults,
 * in that order (design.md section 5). Everything that is wrong with it is said at once, each with
 * its place.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { whyNot } from '../files/why-not.ts';
import type { IoOptions } from '../io/choose-backend.ts';
import {
  type ConfigKey,
  type ConfigValues,
  configKeys,
  configRules,
  type Endpoint,
  emitEndpoint,
  environmentName,
  flagName,
  isConfigKey,
  parseKey,
  WantedError,
} from './config-keys.ts';
import { emitRatatoskr, type RatatoskrConfig, ratatoskrProblems } from './ratatoskr-config.ts';
import { Secret } from './secret.ts';
import { tomlLines } from './toml-lines.ts';
import { emitTransfer, type TransferConfig, transferProblems } from './transfer-config.ts';

export type { ConfigKey, Endpoint };

export interface Config {
  node: { /** Absolute. */ dataDir: string };
  raida: {
    number: number;
    listen: Endpoint;
    wire: 'spec' | 'legacy';
    modern: boolean;
    coinId: number;
    pagesPerDenomination: number;
    adminKey: Secret | undefined;
    adminClear: boolean;
    /** 4/45 replaces the AN of any coin that a record names. */
    openKeyRecords: boolean;
    /** 25, or none. */
    servers: Endpoint[];
    /** Undefined: neither an address nor a key is configured. */
    proxy: ProxyConfig | undefined;
    /** Confirmations that a Bitcoin transaction must have. */
    btcConfirmations: number;
    /** Seconds between two runs over the Merkle trees; wire legacy only. */
    integrityFreqS: number;
    /** Coins that lie in lockers at once, at the most; a power of two. */
    lockerCoins: number;
  };
  /** As configured; a relative path counts from dataDir (open-store.ts: resolveStoreUrl). */
  store: { url: string };
  io: IoOptions;
  http: { listen: Endpoint; allowedOrigins: string[]; allowedHosts: string[] };
  /** Undefined: no endpoint. */
  ratatoskr: RatatoskrConfig | undefined;
  transfer: TransferConfig | undefined;
  log: { level: ConfigValues['log.level'] };
  /** Every key with its value as text and its source. */
  effective: EffectiveValue[];
}

/** The proxy of the crossover commands. */
export interface ProxyConfig extends Endpoint {
  key: Secret;
}

export interface EffectiveValue {
  key: ConfigKey;
  /** As it would stand in a file; '(set)' for a secret, '' for what is not set. */
  value: string;
  /** 'default', 'FILE:LINE', 'ANDVARI_...' or '--flag'. */
  source: string;
}

/** What a key without a default is missing in when there is no file at all. */
const NO_FILE = 'no configuration file (--config FILE)';

/** Everything that is wrong, one problem a line. */
export class ConfigError extends Error {
  readonly code = 'ANDVARI_CONFIG';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface LoadConfigOptions {
  /** The TOML file; without it there are flags, environment and defaults. */
  path?: string | undefined;
  /** Default: none (pass process.env). */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Texts by key; undefined ones count as not given. Lists are separated by commas. */
  flags?: { readonly [K in ConfigKey]?: string | undefined };
}

/** A value as it was found. */
interface Found {
  value: unknown;
  source: string;
  rank: 0 | 1 | 2 | 3;
}

type FoundValues = Map<ConfigKey, Found>;

/**
 * Reads the file and puts all sources together. Throws ConfigError. Nothing is created or opened
 * but files to read.
 */
export function loadConfig({ path, environment = {}, flags = {} }: LoadConfigOptions): Config {
  const problems: string[] = [];
  const found: FoundValues = new Map();
  for (const key of configKeys) {
    found.set(key, { value: configRules[key].default, source: 'default', rank: 0 });
  }
  if (path !== undefined) findInFile(path, found, problems);
  findInEnvironment(environment, found, problems);
  findInFlags(flags, found, problems);

  const values = parseAll(found, path, problems);
  const baseOf = (key: ConfigKey) =>
    path !== undefined && (found.get(key)?.rank ?? 0) <= 1 ? dirname(resolve(path)) : '.';
  const findKey = (name: KeyName) => findSecret(name, { found, values, baseOf, problems });
  const keys = { admin: findKey('raida.admin_key'), proxy: findKey('raida.proxy_key') };
  checkProxy(found, problems);
  checkBackend(values, found, problems);
  const placeOf = (key: ConfigKey) => {
    const { source = '', rank = 0 } = found.get(key) ?? {};
    return { source, given: rank > 0 && String(values[key]) !== configRules[key].default };
  };
  problems.push(...ratatoskrProblems(values, placeOf), ...transferProblems(values, placeOf));
  if (problems.length > 0) throw new ConfigError(problems);
  const dataDir = resolve(baseOf('node.data_dir'), values['node.data_dir'] ?? '');
  return emitConfig(values as ConfigValues, keys, {
    dataDir,
    ratatoskr: emitRatatoskr(values as ConfigValues, dataDir, baseOf),
    transfer: emitTransfer(values as ConfigValues, dataDir, baseOf),
    effective: configKeys.map((key) => emitEffective(key, values, found)),
  });
}

function findInFile(path: string, found: FoundValues, problems: string[]): void {
  let text: string;
  let document: Record<string, unknown>;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new ConfigError([`${path}: cannot be read: ${whyNot(error)}`], {
      cause: error,
    });
  }
  try {
    document = parseToml(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [message] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new ConfigError([`${path}:${error.line}: not TOML: ${message}`], { cause: error });
  }
  const lines = tomlLines(text);
  const place = (key: string) => `${path}:${lines.get(key) ?? 1}`;
  const sections = new Set(configKeys.map((key) => key.split('.')[0]));
  for (const [section, table] of Object.entries(document)) {
    if (!sections.has(section)) {
      problems.push(`${place(section)}: ${section}: unknown section`);
    } else if (!isTable(table)) {
      problems.push(`${place(section)}: ${section}: wanted a table [${section}]`);
    } else {
      for (const [name, value] of Object.entries(table)) {
        const key = `${section}.${name}`;
        if (!isConfigKey(key)) problems.push(`${place(key)}: ${key}: unknown key`);
        else found.set(key, { value, source: place(key), rank: 1 });
      }
    }
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function findInEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  found: FoundValues,
  problems: string[],
): void {
  const keys = new Map(configKeys.map((key) => [environmentName(key), key]));
  const sections = new Set(configKeys.map((key) => `ANDVARI_${key.split('.')[0]?.toUpperCase()}_`));
  for (const [name, value] of Object.entries(environment)) {
    // An empty variable is one that was taken back.
    if (value === undefined || value === '') continue;
    const key = keys.get(name);
    if (key) found.set(key, { value, source: name, rank: 2 });
    else if ([...sections].some((section) => name.startsWith(section))) {
      problems.push(`${name}: unknown key`);
    }
  }
}

function findInFlags(
  flags: Readonly<Record<string, string | undefined>>,
  found: FoundValues,
  problems: string[],
): void {
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (isConfigKey(key)) found.set(key, { value, source: flagName(key), rank: 3 });
    else problems.push(`flag ${key}: unknown key`);
  }
}

function parseAll(
  found: FoundValues,
  path: string | undefined,
  problems: string[],
): Partial<ConfigValues> {
  const values: Partial<Record<ConfigKey, unknown>> = {};
  for (const [key, { value, source, rank }] of found) {
    if (value === undefined && key !== 'raida.number') continue;
    const rule = configRules[key];
    const isText = rank !== 1 && typeof value === 'string';
    try {
      values[key] = rule.parse(isText && rule.fromText ? rule.fromText(value) : value);
    } catch (error) {
      if (!(error instanceof WantedError)) throw error;
      const place = rank === 0 ? (path ?? NO_FILE) : source;
      problems.push(
        rank <= 1 ? `${place}: ${key}: ${error.message}` : `${place}: ${error.message}`,
      );
    }
  }
  return values as Partial<ConfigValues>;
}

type KeyName = 'raida.admin_key' | 'raida.proxy_key';

interface KeySources {
  found: FoundValues;
  values: Partial<ConfigValues>;
  baseOf: (key: ConfigKey) => string;
  problems: string[];
}

/**
 * The key itself, or that of the file; the one from the stronger source wins, and one source gives
 * only one.
 */
function findSecret(
  name: KeyName,
  { found, values, baseOf, problems }: KeySources,
): Secret | undefined {
  const fileName = `${name}_file` as const;
  const rankOf = (key: ConfigKey) => (values[key] === undefined ? 0 : (found.get(key)?.rank ?? 0));
  const [direct, byFile] = [rankOf(name), rankOf(fileName)];
  const file = values[fileName];
  const source = found.get(fileName)?.source ?? '';
  if (direct > 0 && direct === byFile) {
    problems.push(`${source}: ${fileName}: wanted it or ${name}, got both`);
    return undefined;
  }
  const key = values[name];
  if (direct > byFile || file === undefined) return key && new Secret(key);
  const keyPath = resolve(baseOf(fileName), file);
  try {
    return new Secret(parseKey(readFileSync(keyPath, 'utf8').trim()));
  } catch (error) {
    problems.push(`${source}: ${fileName}: ${keyPath}: ${whyNot(error)}`);
    return undefined;
  }
}

/** A proxy has an address and a key: with one of them only, every crossover would be refused. */
function checkProxy(found: FoundValues, problems: string[]): void {
  const placeOf = (key: ConfigKey) => `${found.get(key)?.source}: ${key}`;
  const given = (key: ConfigKey) => found.get(key)?.value !== undefined;
  const keyName = (['raida.proxy_key', 'raida.proxy_key_file'] as const).find(given);
  if (given('raida.proxy_addr') && !keyName) {
    problems.push(`${placeOf('raida.proxy_addr')}: wanted raida.proxy_key or its file too`);
  } else if (keyName && !given('raida.proxy_addr')) {
    problems.push(`${placeOf(keyName)}: wanted raida.proxy_addr too`);
  }
}

/** AF_XDP belongs to an interface; what only one backend knows is not given to another. */
function checkBackend(values: Partial<ConfigValues>, found: FoundValues, problems: string[]): void {
  const backend = values['io.backend'];
  if (backend === 'af_xdp' && values['io.interface'] === undefined) {
    problems.push(`${found.get('io.backend')?.source}: io.backend: wanted io.interface too`);
  }
  const only = (keys: readonly ConfigKey[], native: 'af_xdp' | 'io_uring') => {
    for (const key of keys) {
      if (!values[key] || backend === native || backend === 'auto') continue;
      problems.push(`${found.get(key)?.source}: ${key}: only for io.backend "${native}" or "auto"`);
    }
  };
  only(['io.interface', 'io.queues'], 'af_xdp');
  only(['io.busy_poll', 'io.sqpoll'], 'io_uring');
}

function emitIo(values: ConfigValues): IoOptions {
  const [name, queues]: [string?, number?] = [values['io.interface'], values['io.queues']];
  return {
    backend: values['io.backend'],
    workers: values['io.workers'],
    ...(name === undefined ? {} : { interface: name }),
    ...(queues === undefined ? {} : { queues }),
    busyPollUs: values['io.busy_poll'],
    sqpoll: values['io.sqpoll'],
  };
}

function emitConfig(
  values: ConfigValues,
  keys: { admin: Secret | undefined; proxy: Secret | undefined },
  {
    dataDir,
    ...others
  }: Pick<Config, 'ratatoskr' | 'transfer' | 'effective'> & { dataDir: string },
): Config {
  const proxyHost: string | undefined = values['raida.proxy_addr'];
  return {
    node: { dataDir },
    raida: {
      number: values['raida.number'],
      listen: values['raida.listen'],
      wire: values['raida.wire'],
      modern: values['raida.modern'],
      coinId: values['raida.coin_id'],
      pagesPerDenomination: values['raida.pages_per_denomination'],
      adminKey: keys.admin,
      adminClear: values['raida.admin_clear'],
      openKeyRecords: values['raida.open_key_records'],
      servers: values['raida.servers'],
      proxy:
        keys.proxy && proxyHost !== undefined
          ? { host: proxyHost, port: values['raida.proxy_port'], key: keys.proxy }
          : undefined,
      btcConfirmations: values['raida.btc_confirmations'],
      integrityFreqS: values['raida.integrity_freq'],
      lockerCoins: values['raida.locker_coins'],
    },
    store: { url: values['store.url'] },
    io: emitIo(values),
    http: {
      listen: values['http.listen'],
      allowedOrigins: values['http.allowed_origins'],
      allowedHosts: values['http.allowed_hosts'],
    },
    log: { level: values['log.level'] },
    ...others,
  };
}

function emitEffective(
  key: ConfigKey,
  values: Partial<ConfigValues>,
  found: FoundValues,
): EffectiveValue {
  const source = found.get(key)?.source ?? 'default';
  const value = values[key];
  if (value === undefined) return { key, value: '', source };
  return { key, value: configRules[key].secret ? '(set)' : emitValue(value), source };
}

function emitValue(value: ConfigValues[ConfigKey]): string {
  if (Array.isArray(value)) return `[${value.map((entry) => emitValue(entry)).join(', ')}]`;
  if (typeof value === 'object' && 'port' in value) return JSON.stringify(emitEndpoint(value));
  return JSON.stringify(value);
}

/**
 * The effective configuration as TOML; the source of each value is its comment, what is not set is
 * a comment.
 */
export function effectiveConfig({ effective }: Pick<Config, 'effective'>): string {
  const lines: string[] = [];
  let section = '';
  for (const { key, value, source } of effective) {
    const [table = '', name = ''] = key.split('.');
    if (table !== section) lines.push(...(section ? [''] : []), `[${table}]`);
    section = table;
    const unset = value === '' || value === '(set)';
    const pair = `${unset ? '# ' : ''}${name} = ${value || '(not set)'}`;
    lines.push(`${pair.padEnd(44)} # ${source}`);
  }
  return `${lines.join('\n')}\n`;
}
