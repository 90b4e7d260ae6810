import type { Terminal } from '../network/live-screen.ts';
import { ExitCode } from './exit-code.ts';

/** A stream that a command writes to; process.stdout and process.stderr are such. */
export interface CommandStream extends Terminal {
  isTTY?: boolean;
}

export interface ContextOptions {
  stdout: CommandStream;
  stderr: CommandStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
}

/** What a command has of the world: results go out, everything for people goes to stderr. */
export class CommandContext {
  readonly stdout: CommandStream;
  readonly stderr: CommandStream;
  readonly env: ContextOptions['env'];
  readonly signal: AbortSignal;
  #results: CommandStream;
  /** What the process is to end with when the command has ended without an error. */
  exitCode: number = ExitCode.OK;

  constructor(options: ContextOptions) {
    this.stdout = options.stdout;
    this.stderr = options.stderr;
    this.#results = options.stdout;
    this.env = options.env;
    this.signal = options.signal;
  }

  /** Standard output is for bytes alone: results, events and errors go to stderr. */
  divertResults(): void {
    this.#results = this.stderr;
  }

  /** One line of the command's result. */
  result(line: string): void {
    this.#results.write(`${line}\n`);
  }

  /** One JSON object of the command's result, on a line of its own. */
  event(value: object): void {
    this.result(JSON.stringify(value));
  }

  /** One line for people. */
  note(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  /** Whether stderr is a terminal that may be drawn on. */
  get interactive(): boolean {
    return this.stderr.isTTY === true && this.env['TERM'] !== 'dumb';
  }

  get color(): boolean {
    return this.interactive && !this.env['NO_COLOR'];
  }

  /** Resolves when the user wants the command to end. */
  interrupted(): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
