import type { Command } from 'commander';
import { effectiveConfig, loadConfig } from '../config/config.ts';
import type { CommandContext } from './command-context.ts';
import { checkConfig, type Finding } from './config-check.ts';
import { type ConfigOptions, configSources, withConfigOptions } from './config-options.ts';
import { ExitCode } from './exit-code.ts';

interface CheckOptions extends ConfigOptions {
  json?: boolean;
}

interface ShowOptions extends ConfigOptions {
  json?: boolean;
  /** False: --no-defaults. */
  defaults: boolean;
}

/** `andvari config`. */
export function registerConfigCommands(program: Command, context: CommandContext): void {
  const config = program
    .command('config')
    .description("a server's configuration, without a server");
  const check = config
    .command('check')
    .summary('say everything that is wrong with a configuration')
    .description(
      'Read the configuration as serve does, and look at the files and folders that it names: ' +
        'one line for each thing that is wrong. Nothing is changed or made. Whether a port is ' +
        'free, and whose a store is, only the start of the server tells.',
    )
    .option('--json', 'one JSON object')
    .action((options: CheckOptions) => runCheck(options, context));
  withConfigOptions(check).addHelpText(
    'after',
    'Exit codes: 0 serve would start with it, warnings or not, 1 it would not.',
  );
  const show = config
    .command('show')
    .summary('print the configuration in effect, and where each value comes from')
    .description(
      'The configuration in effect as TOML that serve takes; the source of each value is its ' +
        'comment, paths are absolute, and a secret is a comment without its value.',
    )
    .option('--no-defaults', 'leave out what nobody has said')
    .option('--json', 'one JSON object per line')
    .action((options: ShowOptions) => runShow(options, context));
  withConfigOptions(show);
}

async function runCheck(options: CheckOptions, context: CommandContext): Promise<void> {
  const findings = await checkConfig(configSources(options, context), context);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const ok = errors === 0;
  if (options.json) context.event({ ok, findings });
  else {
    for (const finding of findings) context.result(lineOf(finding));
    const warnings = findings.length - errors;
    const would = ok ? 'serve would start' : 'serve would not start';
    context.note(`${would} (errors: ${errors}, warnings: ${warnings})`);
  }
  if (!ok) context.exitCode = ExitCode.USAGE;
}

/** FILE:LINE: severity: KEY: reason (CODE). */
function lineOf({ source, severity, key, reason, code }: Finding): string {
  const what = key === undefined ? reason : `${key}: ${reason}`;
  return `${source}: ${severity}: ${what} (${code})`;
}

function runShow({ json, defaults, ...options }: ShowOptions, context: CommandContext): void {
  const { effective: all } = loadConfig(configSources(options, context));
  const effective = all.filter(({ source }) => defaults || source !== 'default');
  if (json) for (const value of effective) context.event(value);
  else context.stdout.write(effectiveConfig({ effective }));
}
