/** The configuration in effect, as text: TOML that says the same again, but for its secrets. */
import { resolve } from 'node:path';
import { type ConfigKey, type ConfigValues, configRules, emitEndpoint } from './config-keys.ts';
import type { FoundValues } from './config-sources.ts';

export interface EffectiveValue {
  key: ConfigKey;
  /** As it would stand in a file; '(set)' for a secret, '' for what is not set. */
  value: string;
  /** 'default', 'FILE:LINE', 'ANDVARI_...' or '--flag'. */
  source: string;
}

const REDACTED = '(set)';

export interface EffectiveSources {
  values: Partial<ConfigValues>;
  found: FoundValues;
  /** What a relative path of this key counts from. */
  baseOf: (key: ConfigKey) => string;
}

/** Paths are absolute: the text means the same wherever it stands. */
export function emitEffective(
  key: ConfigKey,
  { values, found, baseOf }: EffectiveSources,
): EffectiveValue {
  const source = found.get(key)?.source ?? 'default';
  const value = values[key];
  if (value === undefined) return { key, value: '', source };
  const { secret, isPath } = configRules[key];
  if (secret) return { key, value: REDACTED, source };
  const whole = isPath ? resolve(baseOf(key), value as string) : value;
  return { key, value: emitValue(whole), source };
}

function emitValue(value: ConfigValues[ConfigKey]): string {
  if (Array.isArray(value)) return `[${value.map((entry) => emitValue(entry)).join(', ')}]`;
  if (typeof value === 'object' && 'port' in value) return text(emitEndpoint(value));
  return text(value);
}

/** As TOML has it, which takes no DEL in the clear. */
function text(value: unknown): string {
  return JSON.stringify(value).replaceAll('\x7f', '\\u007f');
}

/**
 * The effective configuration as TOML that a server takes; the source of each value is its comment.
 * What is not set, or is a secret, is a comment, and so is raida.proxy_addr if its key is one: a
 * server takes no address without a key.
 */
export function effectiveConfig({ effective }: { effective: readonly EffectiveValue[] }): string {
  const lines: string[] = [];
  const isProxyKeySecret = effective.some(
    ({ key, value }) => key === 'raida.proxy_key' && value === REDACTED,
  );
  let section = '';
  for (const { key, value, source } of effective) {
    const [table = '', name = ''] = key.split('.');
    if (table !== section) lines.push(...(section ? [''] : []), `[${table}]`);
    section = table;
    const isLost = key === 'raida.proxy_addr' && isProxyKeySecret;
    const unset = value === '' || value === REDACTED || isLost;
    const pair = `${unset ? '# ' : ''}${name} = ${value || '(not set)'}`;
    lines.push(`${pair.padEnd(44)} # ${oneLine(source)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A comment ends with its line, and the name of a file may have anything in it. */
function oneLine(source: string): string {
  return source.replace(/\p{Cc}/gu, '?');
}
