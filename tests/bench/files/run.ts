/** One copy by one program in one place: its processes, how long it took, and what they took. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { keptPorts } from '../../../host-node/src/testing/ports.ts';
import type { Place } from './places.ts';
import { type StartOptions, type Taken, Watched } from './watched.ts';

const PIECE_BYTES = 1 << 20;

export type Side = 'sender' | 'receiver';

/** A program that copies files. */
export interface Peer {
  name: string;
  /** For people: whether it encrypts, and what is not as in the others. */
  remark: string;
  /** Programs that must be there; found by `findProgram`. */
  programs: readonly string[];
  /** Whether it is measured with a folder of many files. */
  folders?: boolean;
  /** A line, or undefined if it does not say. */
  version(): string | undefined;
  /** Begins the clock with `begin`, and resolves when all has come. Rejects if it does not. */
  copy(run: Run): Promise<void>;
}

export interface Copied {
  seconds: number;
  /** Of all processes of a side together, and the largest of them. */
  sender: Taken;
  receiver: Taken;
  /** It was stopped when its time was over, with so many bytes come; undefined: it came whole. */
  cutAtBytes?: number;
}

export interface Work {
  place: Place;
  /** A file, or a folder of files. */
  source: string;
  /** Where the folder of the run is made. */
  base: string;
}

export class Run {
  readonly place: Place;
  readonly source: string;
  readonly isFolder: boolean;
  /** Of this run alone: keys, configuration. */
  readonly folder: string;
  /** Where the copy is to be. */
  readonly into: string;
  readonly #started: { side: Side; watched: Watched }[] = [];
  #beginMs = Number.NaN;
  #begun = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor({ place, source, base }: Work) {
    this.place = place;
    this.source = source;
    this.isFolder = statSync(source).isDirectory();
    this.folder = mkdtempSync(join(base, 'run-'));
    this.into = join(this.folder, 'in');
    mkdirSync(this.into);
  }

  /** Nobody else's, over TCP and UDP. */
  port(count = 1): Promise<number> {
    return keptPorts(count);
  }

  start(side: Side, words: readonly string[], options: StartOptions = {}): Watched {
    if (this.#isStopped) throw new Error('it was ended');
    const watched = new Watched(words, { before: this.place[side], ...options });
    this.#started.push({ side, watched });
    return watched;
  }

  /** What was before, as the start of a daemon, does not count. */
  begin(): void {
    for (const { watched } of this.#started) watched.mark();
    this.#beginMs = performance.now();
    this.#begun();
  }

  /** Waits until they have ended well. */
  async end(...all: Watched[]): Promise<void> {
    for (const one of all) {
      const code = await one.ended;
      if (code !== 0) throw new Error(`exit code ${code}: ${one.out.trim().slice(-500)}`);
    }
  }

  /**
   * Does the work, ends all processes, compares the copy, and removes it.
   * @param limitMs from `begin` on
   */
  async measure(peer: Peer, limitMs: number): Promise<Copied> {
    const over = new Promise<true>((resolve) => {
      this.#begun = () => {
        this.#timer = setTimeout(() => resolve(true), limitMs);
      };
    });
    try {
      const copying = peer.copy(this);
      const isOver = (await Promise.race([copying, over])) === true;
      const seconds = (performance.now() - this.#beginMs) / 1000;
      const taken = { sender: this.#taken('sender'), receiver: this.#taken('receiver') };
      if (isOver) {
        const cutAtBytes = bytesIn(this.into); // some take it away when they end
        await this.stop();
        await copying.catch(() => {}); // it tells that its programs were ended
        return { seconds, ...taken, cutAtBytes };
      }
      this.#compare();
      return { seconds, ...taken };
    } finally {
      clearTimeout(this.#timer);
      await this.stop();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  #taken(side: Side): Taken {
    const all = this.#started
      .filter((one) => one.side === side)
      .map(({ watched }) => watched.taken);
    return {
      cpuS: all.reduce((sum, { cpuS }) => sum + cpuS, 0),
      peakMiB: Math.max(0, ...all.map(({ peakMiB }) => peakMiB)),
    };
  }

  /** Ends all that it has started, and starts no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#started.splice(0).map(({ watched }) => watched.stop()));
  }

  #compare(): void {
    const copy = join(this.into, basename(this.source));
    const names = this.isFolder ? filesIn(this.source) : [''];
    const wrong = names.find((name) => !isSame(join(this.source, name), join(copy, name)));
    if (wrong !== undefined) throw new Error(`the copy is not the same: ${join(copy, wrong)}`);
  }
}

/** Below a folder, relative to it. */
function filesIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
}

/** As far as they are written. */
function bytesIn(folder: string): number {
  const BLOCK_BYTES = 512;
  const blocks = filesIn(folder).map((name) => {
    const facts = statSync(join(folder, name), { throwIfNoEntry: false });
    return facts?.blocks ?? 0; // it has just been given another name
  });
  return blocks.reduce((sum, count) => sum + count, 0) * BLOCK_BYTES;
}

function isSame(one: string, other: string): boolean {
  const files = [openSync(one, 'r'), openSync(other, 'r')] as const;
  const pieces = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)] as const;
  try {
    for (;;) {
      const [count, same] = [readSync(files[0], pieces[0]), readSync(files[1], pieces[1])];
      if (count !== same) return false;
      if (count === 0) return true;
      if (!pieces[0].subarray(0, count).equals(pieces[1].subarray(0, count))) return false;
    }
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** By ANDVARI_BENCH_PATH, then PATH, then where daemons are; undefined: it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [process.env['ANDVARI_BENCH_PATH'], process.env['PATH'], '/usr/sbin'];
  const path = folders.filter(Boolean).join(':');
  const found = spawnSync('/bin/sh', ['-c', 'command -v "$0"', name], { env: { PATH: path } });
  return found.status === 0 ? found.stdout.toString().trim() : undefined;
}

/** The path of a program that is there. */
export function program(name: string): string {
  const found = findProgram(name);
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

/** The first line that a program says. */
export function firstLine(name: string, ...words: string[]): string | undefined {
  const { stdout, stderr } = spawnSync(program(name), words, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim().split('\n')[0];
}
