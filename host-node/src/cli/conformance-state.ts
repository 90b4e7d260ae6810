/** `andvari conformance state`: writes what a server is prepared with before the suite runs. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import {
  ADMIN_KEY,
  DEFAULT_COIN_ID,
  DEFAULT_RAIDA_ID,
  STATE_PAGES,
  type StateFile,
  stateConfig,
  stateFiles,
  stateRecords,
} from '../conformance/state.ts';
import { makeDirectory } from '../files/directory.ts';
import { FileExistsError } from '../files/durable-file.ts';
import type { CommandContext } from './command-context.ts';
import { parseRaida, wireOption } from './conformance-options.ts';
import { FileOutput } from './record-output.ts';

interface StateOptions {
  raida: number;
  out: string;
  wire: string;
  modern?: boolean;
  json?: boolean;
}

const FOLDER_MODE = 0o750;

export function registerConformanceState(conformance: Command, context: CommandContext): void {
  conformance
    .command('state')
    .summary('write the state that a server is prepared with')
    .description(
      'Write coin records, files and a configuration to a new folder. Its keys are public: a ' +
        'server with this state must hold nothing of value.',
    )
    .requiredOption('--out <folder>', 'a folder that is not there yet, or is empty')
    .option('--raida <number>', 'number of the server, 0-24', parseRaida, DEFAULT_RAIDA_ID)
    .addOption(wireOption())
    .option('--modern', 'the server is to take encryption types 4 and 5 as well')
    .option('--json', 'one event per line')
    .action((_: unknown, command: Command) =>
      writeState(command.optsWithGlobals<StateOptions>(), context),
    );
}

async function writeState(options: StateOptions, context: CommandContext): Promise<void> {
  const { out, raida } = options;
  makeDirectory(out, FOLDER_MODE);
  if (readdirSync(out).length > 0) throw new FileExistsError(out);
  const data = join(out, 'data');
  for (const file of stateFiles()) writeStateFile(data, file);
  const records = join(out, 'coins.ndjson');
  await writeRecords(records, raida);
  const config = join(out, 'node.toml');
  const text = stateConfig(raida, options.wire, options.modern ?? false);
  writeFileSync(config, text, { mode: 0o600 });
  const adminKey = ADMIN_KEY.toString('hex');
  if (options.json) {
    const facts = { raidaId: raida, coinId: DEFAULT_COIN_ID, adminKey, pages: STATE_PAGES };
    context.event({ event: 'state', ...facts, records, config, data });
    return;
  }
  context.result(`server     RAIDA ${raida}, coin id ${DEFAULT_COIN_ID}, wire ${options.wire}`);
  context.result(`records    ${records}  (denominations -8 to 6, ${STATE_PAGES} pages each)`);
  context.result(`files      ${data}`);
  context.result(`admin key  ${adminKey}`);
  context.result(`config     ${config}`);
  context.note('This server of ours is prepared and started with:');
  context.note(`  andvari coins import ${records} --config ${config}`);
  context.note(`  andvari serve --config ${config}`);
}

async function writeRecords(path: string, raidaId: number): Promise<void> {
  const output = new FileOutput(path, { replace: false });
  try {
    for (const lines of stateRecords(raidaId)) await output.write(lines);
    await output.flush();
    await output.finish();
  } catch (error) {
    output.discard();
    throw error;
  }
}

function writeStateFile(data: string, file: StateFile): void {
  const path = join(data, file.path);
  mkdirSync('folder' in file ? path : dirname(path), { recursive: true, mode: FOLDER_MODE });
  if ('content' in file) writeFileSync(path, file.content, { mode: 0o640 });
  if ('link' in file) symlinkSync(file.link, path);
}
