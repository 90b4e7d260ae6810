/** `andvari config check`: what is wrong with a configuration, and with what it names here. */
import { type LoadConfigOptions, readConfig } from '../config/config.ts';
import type { ConfigKey } from '../config/config-keys.ts';
import { ConfigError, type ConfigProblem } from '../config/config-problem.ts';
import { portProblems } from '../config/port-problems.ts';
import { rateProblems } from '../config/rate-problems.ts';
import type { CommandContext } from './command-context.ts';
import { type MachineProblem, machineProblems } from './config-machine.ts';

export interface Finding extends ConfigProblem {
  /** With a warning alone a server starts. */
  severity: 'error' | 'warning';
  file?: string;
  /** From 1 on. */
  line?: number;
}

/** Everything that is wrong; only reads. */
export async function checkConfig(
  options: LoadConfigOptions,
  context: CommandContext,
): Promise<Finding[]> {
  const { path } = options;
  const error = (problem: ConfigProblem) => findingOf({ ...problem, severity: 'error' }, path);
  try {
    const reading = readConfig(options);
    const sources = new Map(reading.config.effective.map(({ key, source }) => [key, source]));
    const atKey = (problem: MachineProblem) => {
      const source = sources.get(problem.key as ConfigKey) ?? 'default';
      return findingOf({ ...problem, source }, path);
    };
    return [
      ...reading.problems.map(error),
      ...portProblems(reading.values).map(atKey),
      ...rateProblems(reading.values).map(atKey),
      ...(await machineProblems(reading, { path, context })).map(atKey),
    ];
  } catch (problem) {
    if (!(problem instanceof ConfigError)) throw problem;
    return problem.found.map(error);
  }
}

/** With the file and the line, if its source is a place in the file. */
function findingOf(finding: Finding, path: string | undefined): Finding {
  const { source } = finding;
  if (path === undefined || !(source === path || source.startsWith(`${path}:`))) return finding;
  const line = Number(source.slice(path.length + 1));
  return { ...finding, file: path, ...(line > 0 ? { line } : {}) };
}
