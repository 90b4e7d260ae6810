/** The commands as a shell completes them, read from commander's own description of them. */
import type { Argument, Command, Option } from 'commander';

/** What stands for a value: words to choose from, a path, a peer's name, or nothing known. */
export type ValueKind = readonly string[] | 'file' | 'folder' | 'peer' | 'any';

export interface CompletedOption {
  /** `--out`, and `-o` where there is one. */
  names: string[];
  description: string;
  /** Undefined: it takes no value. */
  value: ValueKind | undefined;
}

export interface CompletedCommand {
  /** Without the program: `wallet pown`; '' is the program. */
  path: string;
  commands: { name: string; description: string }[];
  options: CompletedOption[];
  arguments: ValueKind[];
  /** The last argument may come again. */
  repeats: boolean;
}

/** How arguments and values are called that are paths, in the usage of all commands. */
const FILES = /^(file|files|path|source)$/;
const FOLDERS = /^(dir|folder)$/;
/** A shell takes it as it stands. */
const PLAIN_WORD = /^[\w@%+:,./-]+$/;

/** All commands, the program first. */
export function completionTree(command: Command, path = ''): CompletedCommand[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const last = command.registeredArguments.at(-1);
  const own: CompletedCommand = {
    path,
    commands: commands.map((one) => ({
      name: one.name(),
      description: one.summary() || one.description(),
    })),
    options: [...help.visibleOptions(command)].map(optionOf),
    arguments: command.registeredArguments.map((one) => kindOf(one, one.name())),
    repeats: last?.variadic ?? false,
  };
  const below = commands.flatMap((one) =>
    completionTree(one, path === '' ? one.name() : `${path} ${one.name()}`),
  );
  return [own, ...below];
}

function optionOf(option: Option): CompletedOption {
  const { short, long, required, optional, flags, description } = option;
  const names = [long, short].filter((name) => name !== undefined);
  const placeholder = /[<[]([^>\].]+)/.exec(flags)?.[1] ?? '';
  const value = required || optional ? kindOf(option, placeholder) : undefined;
  return { names, description, value };
}

function kindOf({ argChoices }: Option | Argument, name: string): ValueKind {
  if (argChoices) return argChoices.filter((choice) => PLAIN_WORD.test(choice));
  if (FILES.test(name)) return 'file';
  if (FOLDERS.test(name)) return 'folder';
  return name === 'peer' ? 'peer' : 'any';
}
