/** `andvari coins import|export|create`. */
import { createReadStream, existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type Command, InvalidArgumentError } from 'commander';
import { ConfigError, loadConfig } from '../config/config.ts';
import { NO_FILE } from '../config/config-sources.ts';
import { FileExistsError } from '../files/durable-file.ts';
import { CoinInputError } from './coin-records.ts';
import { createCoins } from './coins-create.ts';
import { exportCoins } from './coins-export.ts';
import { importCoins } from './coins-import.ts';
import type { CoinsConfig } from './coins-store.ts';
import type { CommandContext } from './command-context.ts';
import { FileOutput, type RecordOutput, StreamOutput } from './record-output.ts';

export { createCoins, exportCoins, importCoins };

/** What `-` stands for. */
export interface CoinsStreams {
  input: AsyncIterable<Uint8Array>;
  output: Writable;
}

interface SharedOptions {
  config?: string;
  json?: boolean;
}

interface CreateFlags extends SharedOptions {
  den: number;
  count: number;
  firstSn: number;
}

export function registerCoinsCommands(
  program: Command,
  context: CommandContext,
  streams: CoinsStreams = { input: process.stdin, output: process.stdout },
): void {
  const coins = program
    .command('coins')
    .description("a server's coins as NDJSON; the server must not be running");
  const command = (name: string, summary: string) =>
    coins
      .command(`${name} <file>`)
      .summary(summary)
      .option('--config <file>', "the server's configuration")
      .option('--json', 'one event per line');

  command('import', 'put the records of FILE (- for standard input) into the store')
    .option('--replace', 'also over coins in circulation: whoever holds them loses them')
    .action((file: string, options: SharedOptions & { replace?: boolean }) =>
      runImport(file, options, context, streams),
    );
  command('export', 'write the coins in circulation to FILE (- for standard output)')
    .option('--all', 'also records that are not in circulation, of pages ever written')
    .option('--replace', 'also when FILE exists')
    .action((file: string, options: SharedOptions & { all?: boolean; replace?: boolean }) =>
      runExport(file, options, context, streams),
    );
  command('create', 'make new coins and write their records to FILE (- for standard output)')
    .requiredOption('--den <denomination>', '-8 to 6', parseInteger(-8, 6))
    .requiredOption('--count <n>', 'how many', parseInteger(1, 1048576))
    .option('--first-sn <sn>', 'lowest serial number to take', parseInteger(0, 1048575), 0)
    .addHelpText(
      'after',
      '\nThe records are first written to FILE.uncommitted. If that file is left behind, import\n' +
        'it: that makes the coins that are missing and no more.',
    )
    .action((file: string, options: CreateFlags) => runCreate(file, options, context, streams));
}

function parseInteger(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d{1,8}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`wanted an integer ${least} to ${most}.`);
  };
}

function configOf(options: SharedOptions, context: CommandContext): CoinsConfig {
  const config = loadConfig({ path: options.config, environment: context.env });
  const { raida } = config;
  if (raida) return { ...config, raida };
  const reason = 'wanted the RAIDA server whose coins they are, got nothing';
  const problem = { key: 'raida.number', reason, code: 'ANDVARI_CONFIG_MISSING' };
  throw new ConfigError([{ source: options.config ?? NO_FILE, ...problem }]);
}

async function runImport(
  file: string,
  options: SharedOptions & { replace?: boolean },
  context: CommandContext,
  streams: CoinsStreams,
): Promise<void> {
  const report = new Report(options, context);
  const input = file === '-' ? streams.input : createReadStream(file);
  const importing = importCoins(configOf(options, context), input, {
    replace: options.replace ?? false,
    signal: context.signal,
    onProgress: (records) => report.progress(records),
  });
  const result = await importing.catch((error: unknown) => {
    const ofFile = error instanceof CoinInputError && file !== '-';
    throw ofFile ? new CoinInputError(error.line, error.problem, file) : error;
  });
  const { records, changed, unchanged } = result;
  const text = `${records} records: ${changed} written, ${unchanged} were there`;
  report.done(text, { ...result });
}

async function runExport(
  file: string,
  options: SharedOptions & { all?: boolean; replace?: boolean },
  context: CommandContext,
  streams: CoinsStreams,
): Promise<void> {
  const report = new Report(options, context, file === '-');
  const openOutput = (): RecordOutput =>
    file === '-'
      ? new StreamOutput(streams.output)
      : new FileOutput(file, { replace: options.replace ?? false });
  const result = await exportCoins(configOf(options, context), openOutput, {
    all: options.all ?? false,
    signal: context.signal,
    onProgress: (records) => report.progress(records),
  });
  report.done(`${result.records} records written`, result);
}

async function runCreate(
  file: string,
  options: CreateFlags,
  context: CommandContext,
  streams: CoinsStreams,
): Promise<void> {
  const report = new Report(options, context, file === '-');
  const openOutput = (): RecordOutput => {
    if (file === '-') return new StreamOutput(streams.output);
    // Said before anything is made; finish() looks again, for a file that appears meanwhile.
    if (existsSync(file)) throw new FileExistsError(file);
    return new FileOutput(file, { replace: false, temporary: `${file}.uncommitted` });
  };
  const result = await createCoins(configOf(options, context), openOutput, {
    denomination: options.den,
    count: options.count,
    firstSerialNumber: options.firstSn,
  });
  const { records, firstSerialNumber: first, lastSerialNumber: last } = result;
  report.done(
    `${records} coins of denomination ${options.den} made, serial numbers ${first} to ${last}`,
    {
      ...result,
      denomination: options.den,
    },
  );
}

/**
 * Events for machines, or lines for people. With records on standard output, both go to standard
 * error.
 */
class Report {
  readonly #context: CommandContext;
  readonly #json: boolean;
  readonly #outputTaken: boolean;
  #saidAt = performance.now();

  constructor(options: SharedOptions, context: CommandContext, outputTaken = false) {
    this.#context = context;
    this.#json = options.json ?? false;
    this.#outputTaken = outputTaken;
  }

  progress(records: number): void {
    if (this.#json) {
      this.#event({ event: 'progress', records });
      return;
    }
    // A line a second is enough for people.
    if (performance.now() - this.#saidAt < 1000) return;
    this.#saidAt = performance.now();
    this.#context.note(`${records} records so far`);
  }

  done(text: string, result: object): void {
    if (this.#json) this.#event({ event: 'done', ...result });
    else this.#context.note(text);
  }

  #event(event: object): void {
    if (this.#outputTaken) this.#context.note(JSON.stringify(event));
    else this.#context.event(event);
  }
}
