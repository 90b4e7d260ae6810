import { Argument, type Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { bashCompletion, zshCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { completionTree } from './completion-tree.ts';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `andvari completion`. */
export function registerCompletionCommand(program: Command, context: CommandContext): void {
  program
    .command('completion')
    .summary('print what a shell needs to complete the commands')
    .description(
      'Print a script that completes commands, options, their values, and the names of peers.',
    )
    .addArgument(new Argument('<shell>', 'whose').choices(Object.keys(shells)))
    .addHelpText(
      'after',
      '\nFor one session:  source <(andvari completion bash), the same with zsh;\n' +
        '                  andvari completion fish | source.\n' +
        'For good: in the file that the shell reads at its start, or with fish in\n' +
        '~/.config/fish/completions/andvari.fish.',
    )
    .action((shell: keyof typeof shells) => {
      context.stdout.write(shells[shell](completionTree(program)));
    });
}
