/**
 * Requests and broadcasts of PeerNode beside plain libp2p, over loopback: each pair of ends in
 * processes of their own, servers on one core and clients on another, in alternated turns.
 */
import { Core, PinnedProcess } from '../pinned-process.ts';
import type { Kind, Role } from './end.ts';
import type { Done, Question } from './process.ts';

export interface PeerRow {
  name: string;
  perSecond: number;
  /** User and system, of both ends together. */
  cpuUs: number;
  /** Of the bare node of the same turn: rates, and CPU time of theirs by ours; middle ones. */
  ratio?: number;
  cpuRatio?: number;
}

const TURNS = 7;
const REQUESTS = 1500;
const BROADCASTS = 2000;
const CONNECTS = 4;
const WINDOWS = [32, 1] as const;
const KINDS = ['bare', 'ours'] as const;

interface Turn {
  perSecond: number;
  cpuUs: number;
}

class Pair {
  readonly kind: Kind;
  readonly #server: PinnedProcess;
  readonly #client: PinnedProcess;
  readonly #address: string;
  #heard = 0;

  private constructor(kind: Kind, server: Opened, client: PinnedProcess) {
    this.kind = kind;
    this.#server = server.process;
    this.#address = server.address;
    this.#client = client;
  }

  static async start(kind: Kind): Promise<Pair> {
    const open = async (role: Role): Promise<Opened> => {
      const options = { core: role === 'server' ? Core.server : Core.load, flags: [] };
      const { process, hello } = await PinnedProcess.start('./peer/process.ts', {
        ...options,
        args: [kind, role],
      });
      return { process, address: String(hello) };
    };
    return new Pair(kind, await open('server'), (await open('client')).process);
  }

  connects(times: number): Promise<Turn & { ms: number[] }> {
    return this.#measured(times, async () => {
      const question = { connect: this.#address, times };
      return ((await this.#client.ask(question)) as Done).ms;
    });
  }

  requests(requests: number, window: number): Promise<Turn> {
    return this.#measured(requests, async () => {
      return ((await this.#client.ask({ requests, window })) as Done).ms;
    });
  }

  /** Those that it heard while it connected are over when they are counted. */
  async broadcasts(broadcasts: number): Promise<Turn> {
    this.#heard = ((await this.#server.ask('usage')) as Done).heard;
    return this.#measured(broadcasts, async () => {
      const heard: Question = { heard: this.#heard + broadcasts };
      const answers = [this.#server.ask(heard), this.#client.ask({ broadcasts })];
      const [{ ms }] = (await Promise.all(answers)) as [Done];
      return ms;
    });
  }

  close(): void {
    this.#server.close();
    this.#client.close();
  }

  async #measured(units: number, run: () => Promise<number[]>): Promise<Turn & { ms: number[] }> {
    const before = await this.#cpuUs();
    const ms = await run();
    const cpuUs = ((await this.#cpuUs()) - before) / units;
    const seconds = ms.reduce((sum, one) => sum + one, 0) / 1000;
    return { perSecond: units / seconds, cpuUs, ms };
  }

  async #cpuUs(): Promise<number> {
    const ends = [this.#server, this.#client].map((end) => end.ask('usage'));
    return ((await Promise.all(ends)) as Done[]).reduce((sum, { cpuUs }) => sum + cpuUs, 0);
  }
}

interface Opened {
  process: PinnedProcess;
  address: string;
}

function middleOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function compare(
  name: string,
  pairs: readonly Pair[],
  run: (pair: Pair) => Promise<Turn>,
): Promise<PeerRow[]> {
  const turns: Turn[][] = [];
  for (const pair of pairs) await run(pair);
  for (let turn = 0; turn < TURNS; turn++) {
    const order = turn % 2 ? [1, 0] : [0, 1];
    const done: Turn[] = [];
    for (const at of order) done[at] = await run(pairs[at] as Pair);
    turns.push(done);
  }
  const ratio = (of: (bare: Turn, ours: Turn) => number) =>
    middleOf(turns.map(([bare, ours]) => of(bare as Turn, ours as Turn)));
  return pairs.map(({ kind }, at) => ({
    name: `${name}, ${kind === 'bare' ? 'bare libp2p' : 'PeerNode'}`,
    perSecond: middleOf(turns.map((turn) => turn[at]?.perSecond ?? 0)),
    cpuUs: middleOf(turns.map((turn) => turn[at]?.cpuUs ?? 0)),
    ...(kind === 'ours' && {
      ratio: ratio((bare, ours) => ours.perSecond / bare.perSecond),
      cpuRatio: ratio((bare, ours) => bare.cpuUs / ours.cpuUs),
    }),
  }));
}

export async function benchPeer(): Promise<PeerRow[]> {
  const pairs = [await Pair.start(KINDS[0]), await Pair.start(KINDS[1])];
  const rows = await compare('connect until it can be asked', pairs, (p) => p.connects(CONNECTS));
  for (const window of WINDOWS) {
    const name = `requests of 256 bytes, ${window} at once`;
    rows.push(...(await compare(name, pairs, (pair) => pair.requests(REQUESTS, window))));
  }
  const name = 'broadcasts of 256 bytes, received';
  rows.push(...(await compare(name, pairs, (pair) => pair.broadcasts(BROADCASTS))));
  for (const pair of pairs) pair.close();
  return rows;
}
