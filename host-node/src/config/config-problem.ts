/** What is wrong with a configuration: one thing at a time, with its place and a stable code. */
import { type ConfigKey, environmentName, flagName } from './config-keys.ts';

export type ConfigProblemCode =
  /** The file cannot be read. */
  | 'ANDVARI_CONFIG_FILE'
  /** It is not TOML. */
  | 'ANDVARI_CONFIG_TOML'
  /** No such key or section. */
  | 'ANDVARI_CONFIG_UNKNOWN'
  /** A key takes other values. */
  | 'ANDVARI_CONFIG_VALUE'
  /** A key that must be there, or that another one needs. */
  | 'ANDVARI_CONFIG_MISSING'
  /** No server of any kind is configured. */
  | 'ANDVARI_CONFIG_NOTHING'
  /** Two keys that do not go together. */
  | 'ANDVARI_CONFIG_CONFLICT'
  /** A file with a secret cannot be read, or has none. */
  | 'ANDVARI_CONFIG_KEY_FILE';

export interface ConfigProblem {
  /** 'FILE', 'FILE:LINE', 'ANDVARI_...', '--flag' or 'default'. */
  source: string;
  /** A key, or a section. */
  key?: string;
  reason: string;
  code: string;
}

/** One line; the key is left out where the source is named after it. */
export function problemText({ source, key, reason }: ConfigProblem): string {
  const names: string[] = key
    ? [environmentName(key as ConfigKey), flagName(key as ConfigKey)]
    : [];
  const isNamed = key === undefined || names.includes(source);
  return isNamed ? `${source}: ${reason}` : `${source}: ${key}: ${reason}`;
}

/** Everything that is wrong, one problem a line. */
export class ConfigError extends Error {
  readonly code = 'ANDVARI_CONFIG';
  readonly problems: readonly string[];
  readonly found: readonly ConfigProblem[];

  constructor(found: readonly ConfigProblem[], options?: ErrorOptions) {
    const problems = found.map((problem) => problemText(problem));
    super(problems.join('\n'), options);
    this.name = 'ConfigError';
    this.problems = problems;
    this.found = found;
  }
}
