import { Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import type { CommandContext } from './command-context.ts';
import { commandsOf } from './commands.ts';
import { ExitCode, exitCodeOf } from './exit-code.ts';

/**
 * Run one command line (without the program's name) to its end. Errors are told to the user in one
 * line, `andvari: message (CODE)`; this never throws.
 * @returns the exit code of the process
 */
export async function runProgram(
  words: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    const program = makeProgram(context);
    for (const register of await commandsOf(words)) register(program, context);
    await program.parseAsync(words, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, context);
    if (context.signal.aborted && (error as Error)?.name === 'AbortError') {
      context.note('andvari: interrupted (ANDVARI_INTERRUPTED)');
      return ExitCode.NETWORK;
    }
    context.note(describe(error));
    if (context.env['ANDVARI_DEBUG']) context.note(String((error as Error)?.stack));
    return exitCodeOf(error);
  }
}

function makeProgram(context: CommandContext): Command {
  return new Command('andvari')
    .description('RAIDA servers, a network of them on this machine, and a wallet for their coins.')
    .version(manifest.version, '--version')
    .helpOption('-h, --help')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      // Told by usage(), in the form of all errors.
      outputError: () => {},
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 wrong use, 2 network, 3 integrity (counterfeit, limbo), 4 refused.',
    );
}

/** Help and version are no errors, though commander ends with one. */
function usage(error: CommanderError, context: CommandContext): number {
  if (error.exitCode === 0) return ExitCode.OK;
  if (error.code !== 'commander.help') {
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    context.note(`andvari: ${message} (ANDVARI_USAGE)`);
  }
  return ExitCode.USAGE;
}

/** The line that a user sees. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `andvari: ${String(error)} (ANDVARI_INTERNAL)`;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string')
    return `andvari: internal error: ${error.message} (ANDVARI_INTERNAL)`;
  const lines = error.message.split('\n');
  if (lines.length === 1) return `andvari: ${error.message} (${code})`;
  return [`andvari: ${lines.length} problems (${code})`, ...lines.map((line) => `  ${line}`)].join(
    '\n',
  );
}
