/**
 * The configuration of one node: flags, environment (ANDVARI_RAIDA_NUMBER), file (TOML), defaults,
 * in that order (design.md section 5). Everything that is wrong with it is said at once, each with
 * its place.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { whyNot } from '../files/why-not.ts';
import type { IoOptions } from '../io/choose-backend.ts';
import {
  type ConfigKey,
  type ConfigValues,
  configKeys,
  configRules,
  type Endpoint,
  emitEndpoint,
  parseKey,
} from './config-keys.ts';
import { ConfigError, type ConfigProblem, type ConfigProblemCode } from './config-problem.ts';
import {
  type FoundValues,
  findInEnvironment,
  findInFile,
  findInFlags,
  NO_FILE,
  parseAll,
} from './config-sources.ts';
import { type EffectiveValue, emitEffective } from './effective-config.ts';
import { emitPeer, type PeerConfig, peerProblems } from './peer-config.ts';
import { emitRaida, type RaidaConfig, raidaProblems } from './raida-config.ts';
import { emitRatatoskr, type RatatoskrConfig, ratatoskrProblems } from './ratatoskr-config.ts';
import { Secret } from './secret.ts';
import { emitTransfer, type TransferConfig, transferProblems } from './transfer-config.ts';

export { effectiveConfig } from './effective-config.ts';
export type { ConfigKey, Endpoint };
export { ConfigError };

export interface Config {
  node: { /** Absolute. */ dataDir: string };
  /** Undefined: no RAIDA server, and nothing of `store` and `io` holds. */
  raida: RaidaConfig | undefined;
  /** As configured; a relative path counts from dataDir (open-store.ts: resolveStoreUrl). */
  store: { url: string };
  io: IoOptions;
  http: { listen: Endpoint; allowedOrigins: string[]; allowedHosts: string[] };
  /** Undefined: no endpoint. */
  ratatoskr: RatatoskrConfig | undefined;
  transfer: TransferConfig | undefined;
  peer: PeerConfig | undefined;
  log: { level: ConfigValues['log.level'] };
  /** Every key with its value as text and its source. */
  effective: EffectiveValue[];
}

export interface LoadConfigOptions {
  /** The TOML file; without it there are flags, environment and defaults. */
  path?: string | undefined;
  /** Default: none (pass process.env). */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Texts by key; undefined ones count as not given. Lists are separated by commas. */
  flags?: { readonly [K in ConfigKey]?: string | undefined };
}

/** What could be read; without problems `config` is whole. */
export interface ConfigReading {
  config: Config;
  /** Those that are as they should be. */
  values: Partial<ConfigValues>;
  problems: ConfigProblem[];
}

/**
 * Reads the file and puts all sources together. Throws ConfigError. Nothing is created or opened
 * but files to read.
 */
export function loadConfig(options: LoadConfigOptions): Config {
  const { config, problems } = readConfig(options);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/**
 * As loadConfig(), for those who go on with what is right. Throws ConfigError for a file that
 * cannot be read or is not TOML.
 */
export function readConfig({ path, environment = {}, flags = {} }: LoadConfigOptions) {
  const problems: ConfigProblem[] = [];
  const found: FoundValues = new Map();
  for (const key of configKeys) {
    found.set(key, { value: configRules[key].default, source: 'default', rank: 0 });
  }
  if (path !== undefined) findInFile(path, found, problems);
  findInEnvironment(environment, found, problems);
  findInFlags(flags, found, problems);

  const values = parseAll(found, problems);
  const baseOf = (key: ConfigKey) =>
    path !== undefined && (found.get(key)?.rank ?? 0) <= 1 ? dirname(resolve(path)) : '.';
  const findKey = (name: KeyName) => findSecret(name, { found, values, baseOf, problems });
  const keys = { admin: findKey('raida.admin_key'), proxy: findKey('raida.proxy_key') };
  checkProxy(found, problems);
  checkBackend(values, found, problems);
  const placeOf = (key: ConfigKey) => {
    const { source = '', rank = 0 } = found.get(key) ?? {};
    return { source, given: rank > 0 && textOf(values[key]) !== configRules[key].default };
  };
  problems.push(...raidaProblems(placeOf, configKeys, path ?? NO_FILE));
  for (const problemsOf of [ratatoskrProblems, transferProblems, peerProblems]) {
    problems.push(...problemsOf(values, placeOf));
  }
  const dataDir = resolve(baseOf('node.data_dir'), values['node.data_dir'] ?? '');
  const config = emitConfig(values as ConfigValues, {
    dataDir,
    raida: emitRaida(values as ConfigValues, keys, placeOf('raida.number').given),
    ratatoskr: emitRatatoskr(values as ConfigValues, dataDir, baseOf),
    transfer: emitTransfer(values as ConfigValues, dataDir, baseOf),
    peer: emitPeer(values as ConfigValues, dataDir, baseOf),
    effective: configKeys.map((key) => emitEffective(key, { values, found, baseOf })),
  });
  return { config, values, problems } satisfies ConfigReading;
}

type KeyName = 'raida.admin_key' | 'raida.proxy_key';

interface KeySources {
  found: FoundValues;
  values: Partial<ConfigValues>;
  baseOf: (key: ConfigKey) => string;
  problems: ConfigProblem[];
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
    const reason = `wanted it or ${name}, got both`;
    problems.push({ source, key: fileName, reason, code: 'ANDVARI_CONFIG_CONFLICT' });
    return undefined;
  }
  const key = values[name];
  if (direct > byFile || file === undefined) return key && new Secret(key);
  const keyPath = resolve(baseOf(fileName), file);
  try {
    return new Secret(parseKey(readFileSync(keyPath, 'utf8').trim()));
  } catch (error) {
    const reason = `${keyPath}: ${whyNot(error)}`;
    problems.push({ source, key: fileName, reason, code: 'ANDVARI_CONFIG_KEY_FILE' });
    return undefined;
  }
}

/** Notes a problem at the place where a key was found. */
function wrongIn(found: FoundValues, problems: ConfigProblem[], code: ConfigProblemCode) {
  return (key: ConfigKey, reason: string) => {
    problems.push({ source: found.get(key)?.source ?? 'default', key, reason, code });
  };
}

/** A proxy has an address and a key: with one of them only, every crossover would be refused. */
function checkProxy(found: FoundValues, problems: ConfigProblem[]): void {
  const wrong = wrongIn(found, problems, 'ANDVARI_CONFIG_MISSING');
  const given = (key: ConfigKey) => found.get(key)?.value !== undefined;
  const keyName = (['raida.proxy_key', 'raida.proxy_key_file'] as const).find(given);
  if (given('raida.proxy_addr') && !keyName) {
    wrong('raida.proxy_addr', 'wanted raida.proxy_key or its file too');
  } else if (keyName && !given('raida.proxy_addr')) {
    wrong(keyName, 'wanted raida.proxy_addr too');
  }
}

/** AF_XDP belongs to an interface; what only one backend knows is not given to another. */
function checkBackend(
  values: Partial<ConfigValues>,
  found: FoundValues,
  problems: ConfigProblem[],
): void {
  const backend = values['io.backend'];
  if (backend === 'af_xdp' && values['io.interface'] === undefined) {
    wrongIn(found, problems, 'ANDVARI_CONFIG_MISSING')('io.backend', 'wanted io.interface too');
  }
  const wrong = wrongIn(found, problems, 'ANDVARI_CONFIG_CONFLICT');
  const only = (keys: readonly ConfigKey[], native: 'af_xdp' | 'io_uring') => {
    for (const key of keys) {
      if (!values[key] || backend === native || backend === 'auto') continue;
      wrong(key, `only for io.backend "${native}" or "auto"`);
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
  {
    dataDir,
    ...others
  }: Pick<Config, 'raida' | 'ratatoskr' | 'transfer' | 'peer' | 'effective'> & { dataDir: string },
): Config {
  return {
    node: { dataDir },
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

/** As a default stands in configRules. */
function textOf(value: ConfigValues[ConfigKey] | undefined): string {
  const isEndpoint = typeof value === 'object' && 'port' in value;
  return isEndpoint ? emitEndpoint(value) : String(value);
}
