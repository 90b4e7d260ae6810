/** What tests of the command line share: 25 servers, folders of their own, a run and its words. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import { createLogger } from '../../log/logger.ts';
import { LocalNetwork } from '../../network/local-network.ts';
import { stockedFolder } from '../../network/testing/stocked-folder.ts';
import { CommandContext } from '../command-context.ts';
import { runProgram } from '../program.ts';

/** What a command said, and the exit code that it asked for. */
export interface CliRun {
  code: number;
  out: string;
  err: string;
  /** Of `out`. */
  lines: string[];
}

export interface CliSurroundings {
  env?: Record<string, string>;
  signal?: AbortSignal;
  /** Called with each piece of standard output. */
  onOut?: (text: string) => void;
}

/** Runs a command in this process. */
export async function runCli(words: string[], around: CliSurroundings = {}): Promise<CliRun> {
  let out = '';
  let err = '';
  const context = new CommandContext({
    stdout: {
      write: (text) => {
        out += text;
        around.onOut?.(text);
      },
    },
    stderr: { write: (text) => (err += text) },
    env: around.env ?? {},
    signal: around.signal ?? new AbortController().signal,
  });
  const code = await runProgram(words, context);
  return { code, out, err, lines: out.trimEnd().split('\n') };
}

/** A network in a temporary folder; remove() stops it and removes the folder. */
export class CliNetwork {
  /** The temporary folder. */
  readonly directory: string;
  readonly network: LocalNetwork;
  #folders = 0;

  private constructor(directory: string, network: LocalNetwork) {
    this.directory = directory;
    this.network = network;
  }

  static async start(name: string): Promise<CliNetwork> {
    const directory = mkdtempSync(join(tmpdir(), `andvari-${name}-`));
    stockedFolder(join(directory, 'net'));
    const network = await LocalNetwork.start({
      dataDir: join(directory, 'net'),
      basePort: 0,
      httpBasePort: 0,
      pagePort: 0,
      ratatoskrPort: 0,
      wire: 'spec',
      logger: createLogger({ level: 'silent' }),
    });
    return new CliNetwork(directory, network);
  }

  get adminKeyFile(): string {
    return join(this.directory, 'net', 'admin-key');
  }

  /** A new folder, for a case. */
  folder(): string {
    const folder = join(this.directory, `case-${this.#folders++}`);
    mkdirSync(folder);
    return folder;
  }

  /** Writes `network`, over UDP unless it is given, to a file for --network. */
  describe(folder: string, network: RaidaNetwork = this.network.socketNetwork): string {
    const path = join(folder, 'network.json');
    writeFileSync(path, JSON.stringify(network));
    return path;
  }

  async remove(): Promise<void> {
    await this.network.close();
    rmSync(this.directory, { recursive: true });
  }
}
