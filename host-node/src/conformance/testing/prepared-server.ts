/** Servers of ours, started by `andvari serve`, that `andvari conformance state` has prepared. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandContext } from '../../cli/command-context.ts';
import { runProgram } from '../../cli/program.ts';
import type { Subject } from '../conversation.ts';
import { DEFAULT_COIN_ID, DEFAULT_RAIDA_ID } from '../state.ts';
import type { TransportName } from '../target.ts';
import type { Wire } from '../wire.ts';

export interface ServerKind {
  wire: Wire;
  modern: boolean;
}

export interface PreparedServer {
  readonly port: number;
  /** Of its WebSocket. */
  readonly httpPort: number;
  readonly data: string;
  subject(transport: TransportName, port?: number): Subject;
  stop(): Promise<void>;
}

/** Runs a command line; `stop` ends it. */
export async function andvari(
  words: readonly string[],
  { stop, onOut }: { stop?: AbortSignal; onOut?: (text: string) => void } = {},
) {
  let out = '';
  let err = '';
  const write = (text: string) => {
    out += text;
    onOut?.(text);
  };
  const context = new CommandContext({
    stdout: { write },
    stderr: { write: (text) => (err += text) },
    env: {},
    signal: stop ?? new AbortController().signal,
  });
  const code = await runProgram(words, context);
  return { code, out, err };
}

/** The state is made and imported once; every server starts from a copy. */
export class PreparedServers {
  readonly #folder = mkdtempSync(join(tmpdir(), 'andvari-conformance-'));
  #made = 0;

  static async make(): Promise<PreparedServers> {
    const servers = new PreparedServers();
    const base = servers.#base;
    const state = await andvari(['conformance', 'state', '--out', base]);
    if (state.code !== 0) throw new Error(`conformance state: ${state.err}`);
    const config = join(base, 'node.toml');
    const records = join(base, 'coins.ndjson');
    const imported = await andvari(['coins', 'import', records, '--config', config]);
    if (imported.code !== 0) throw new Error(`coins import: ${imported.err}`);
    return servers;
  }

  get #base(): string {
    return join(this.#folder, 'base');
  }

  async start({ wire, modern }: ServerKind): Promise<PreparedServer> {
    const place = join(this.#folder, `server-${this.#made++}`);
    cpSync(this.#base, place, { recursive: true, verbatimSymlinks: true });
    const config = join(place, 'node.toml');
    const text = readFileSync(config, 'utf8')
      .replace('127.0.0.1:50000', '127.0.0.1:0')
      .replace('wire = "spec"', `wire = "${wire}"`)
      .replace('modern = false', `modern = ${modern}`);
    writeFileSync(config, text);
    const { promise: ready, resolve, reject } = Promise.withResolvers<[number, number]>();
    const stop = new AbortController();
    const words = ['serve', '--config', config, '--http-listen', '127.0.0.1:0', '--json'];
    const onOut = (line: string) => {
      const ports = /"event":"ready".*"raida":"[\d.]+:(\d+)","http":"[\d.]+:(\d+)"/.exec(line);
      if (ports) resolve([Number(ports[1]), Number(ports[2])]);
    };
    const ended = andvari([...words, '--log-level', 'fatal'], { stop: stop.signal, onOut });
    ended.then(({ err }) => reject(new Error(`serve: ${err}`)), reject);
    const [port, httpPort] = await ready;
    const host = '127.0.0.1';
    const facts = { wire, modern, raidaId: DEFAULT_RAIDA_ID, coinId: DEFAULT_COIN_ID };
    return {
      ...{ port, httpPort },
      data: join(place, 'data'),
      subject: (transport, at = transport === 'ws' ? httpPort : port) => {
        const url = transport === 'ws' ? { url: `ws://${host}:${at}/raida` } : {};
        return { ...facts, target: { host, port: at, transport, ...url } };
      },
      stop: async () => {
        stop.abort();
        await ended;
      },
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
