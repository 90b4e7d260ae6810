/** Where the values of a configuration come from: file, environment, flags; each with its place. */
import { readFileSync } from 'node:fs';
import { parse as parseToml, TomlError } from 'smol-toml';
import { whyNot } from '../files/why-not.ts';
import {
  type ConfigKey,
  type ConfigValues,
  configKeys,
  configRules,
  environmentName,
  flagName,
  isConfigKey,
  WantedError,
} from './config-keys.ts';
import { ConfigError, type ConfigProblem, type ConfigProblemCode } from './config-problem.ts';
import { tomlLines } from './toml-lines.ts';

/** Where something is missing when there is no file at all. */
export const NO_FILE = 'no configuration file (--config FILE)';

/** A value as it was found. */
export interface Found {
  value: unknown;
  source: string;
  rank: 0 | 1 | 2 | 3;
}

export type FoundValues = Map<ConfigKey, Found>;

export function findInFile(path: string, found: FoundValues, problems: ConfigProblem[]): void {
  let text: string;
  let document: Record<string, unknown>;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const reason = `cannot be read: ${whyNot(error)}`;
    const problem = { source: path, reason, code: 'ANDVARI_CONFIG_FILE' } as const;
    throw new ConfigError([problem], { cause: error });
  }
  try {
    document = parseToml(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [message] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    const [source, reason] = [`${path}:${error.line}`, `not TOML: ${message}`];
    throw new ConfigError([{ source, reason, code: 'ANDVARI_CONFIG_TOML' }], { cause: error });
  }
  const lines = tomlLines(text);
  const place = (key: string) => `${path}:${lines.get(key) ?? 1}`;
  const wrong = (key: string, reason: string, code: ConfigProblemCode) =>
    problems.push({ source: place(key), key, reason, code });
  const sections = new Set(configKeys.map((key) => key.split('.')[0]));
  for (const [section, table] of Object.entries(document)) {
    if (!sections.has(section)) {
      wrong(section, 'unknown section', 'ANDVARI_CONFIG_UNKNOWN');
    } else if (!isTable(table)) {
      wrong(section, `wanted a table [${section}]`, 'ANDVARI_CONFIG_VALUE');
    } else {
      for (const [name, value] of Object.entries(table)) {
        const key = `${section}.${name}`;
        if (!isConfigKey(key)) wrong(key, 'unknown key', 'ANDVARI_CONFIG_UNKNOWN');
        else found.set(key, { value, source: place(key), rank: 1 });
      }
    }
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function findInEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  found: FoundValues,
  problems: ConfigProblem[],
): void {
  const keys = new Map(configKeys.map((key) => [environmentName(key), key]));
  const sections = new Set(configKeys.map((key) => `ANDVARI_${key.split('.')[0]?.toUpperCase()}_`));
  for (const [name, value] of Object.entries(environment)) {
    // An empty variable is one that was taken back.
    if (value === undefined || value === '') continue;
    const key = keys.get(name);
    if (key) found.set(key, { value, source: name, rank: 2 });
    else if ([...sections].some((section) => name.startsWith(section))) {
      problems.push({ source: name, reason: 'unknown key', code: 'ANDVARI_CONFIG_UNKNOWN' });
    }
  }
}

export function findInFlags(
  flags: Readonly<Record<string, string | undefined>>,
  found: FoundValues,
  problems: ConfigProblem[],
): void {
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (isConfigKey(key)) found.set(key, { value, source: flagName(key), rank: 3 });
    else {
      const source = `flag ${key}`;
      problems.push({ source, reason: 'unknown key', code: 'ANDVARI_CONFIG_UNKNOWN' });
    }
  }
}

export function parseAll(found: FoundValues, problems: ConfigProblem[]): Partial<ConfigValues> {
  const values: Partial<Record<ConfigKey, unknown>> = {};
  for (const [key, { value, source, rank }] of found) {
    if (value === undefined) continue;
    const rule = configRules[key];
    const isText = rank !== 1 && typeof value === 'string';
    try {
      values[key] = rule.parse(isText && rule.fromText ? rule.fromText(value) : value);
    } catch (error) {
      if (!(error instanceof WantedError)) throw error;
      problems.push({ source, key, reason: error.message, code: error.code });
    }
  }
  return values as Partial<ConfigValues>;
}
