/** What a configuration can be said with on the command line: its file, and a flag for each key. */
import { type Command, Option } from 'commander';
import type { LoadConfigOptions } from '../config/config.ts';
import { type ConfigKey, configKeys, configRules, flagName } from '../config/config-keys.ts';
import type { CommandContext } from './command-context.ts';

export interface ConfigOptions {
  config?: string;
  [flag: string]: unknown;
}

export function withConfigOptions(command: Command): Command {
  command.option('--config <file>', 'the configuration (TOML)');
  for (const key of configKeys) {
    const { secret, isPath, choices } = configRules[key];
    // A secret in the arguments is everybody's: the list of processes shows it.
    if (secret) continue;
    const option = new Option(`${flagName(key)} <${isPath ? 'path' : 'value'}>`, key);
    // For help and completion; what is none of them is told with all that is wrong.
    if (choices) option.argChoices = [...choices];
    command.addOption(option);
  }
  return command.addHelpText(
    'after',
    '\nFlags go before the environment (ANDVARI_RAIDA_NUMBER for raida.number), and that goes ' +
      'before the file.',
  );
}

/** As loadConfig() takes them; the environment is that of the command. */
export function configSources(options: ConfigOptions, context: CommandContext): LoadConfigOptions {
  return { path: options.config, environment: context.env, flags: flagsOf(options) };
}

/** The flags of configuration keys among commander's options, which it names in camel case. */
function flagsOf(options: ConfigOptions): { [K in ConfigKey]?: string | undefined } {
  const flags: { [K in ConfigKey]?: string | undefined } = {};
  for (const key of configKeys) {
    const name = key.replace(/[._]([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const value = options[name];
    if (typeof value === 'string') flags[key] = value;
  }
  return flags;
}
