import { getSystemErrorMessage } from 'node:util';
import { Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import type { CommandContext } from './command-context.ts';
import { commandsOf } from './commands.ts';
import { ExitCode, exitCodeOf } from './exit-code.ts';

/**
 * Run one command line (without the program's name) to its end. Errors are told to the user in one
 * line, `andvari: message (CODE)`, with `--json` also as a last event; this never throws.
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
    if (error instanceof CommanderError) return usage(error, words, context);
    const ending = endingOf(error, context);
    context.note(lineOf(ending));
    // Machines read it where they read the results.
    if (wantsJson(words)) context.event({ event: 'error', ...ending });
    if (context.env['ANDVARI_DEBUG']) context.note(String((error as Error)?.stack));
    return ending.code === INTERRUPTED ? ExitCode.NETWORK : exitCodeOf(error);
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

/** Words after `--` are no options. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? words.length : end).includes('--json');
}

/** Help and version are no errors, though commander ends with one. */
function usage(error: CommanderError, words: readonly string[], context: CommandContext): number {
  if (error.exitCode === 0) return ExitCode.OK;
  if (error.code !== 'commander.help') {
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    const ending = { code: 'ANDVARI_USAGE', message };
    context.note(lineOf(ending));
    if (wantsJson(words)) context.event({ event: 'error', ...ending });
  }
  return ExitCode.USAGE;
}

const INTERRUPTED = 'ANDVARI_INTERRUPTED';

/** What ended a command, for people and for machines. */
interface Ending {
  code: string;
  /** One problem a line. */
  message: string;
}

function endingOf(error: unknown, { signal }: CommandContext): Ending {
  if (!(error instanceof Error)) return { code: 'ANDVARI_INTERNAL', message: String(error) };
  if (signal.aborted && error.name === 'AbortError') {
    return { code: INTERRUPTED, message: 'interrupted' };
  }
  const { code, errno, path } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') {
    return { code: 'ANDVARI_INTERNAL', message: `internal error: ${error.message}` };
  }
  // The system's own words have the name of its call in them, which says nothing to a user.
  const isOfSystem = errno !== undefined && path !== undefined;
  const message = isOfSystem ? `${path}: ${getSystemErrorMessage(errno)}` : error.message;
  return { code, message };
}

/** The line, or one for each problem, that a user sees. */
function lineOf({ code, message }: Ending): string {
  const lines = message.split('\n');
  if (lines.length === 1) return `andvari: ${message} (${code})`;
  return [`andvari: ${lines.length} problems (${code})`, ...lines.map((line) => `  ${line}`)].join(
    '\n',
  );
}
