/**
 * npm run fuzz -- [--minutes N] [--inputs N] [--seed S] [--jobs N] [--replay FILE]
 *
 * Mutated requests of every command over the engine, in threads, until the time is over, so many
 * inputs are through, SIGINT comes or something fails. A failure prints seed and requests, and is
 * shrunk to a file that --replay runs again. Ends with 0, or 1 after a failure.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { COMMAND } from '../engine/commands.ts';
import { type Reproduction, read, save } from './reproduction.ts';
import { RoundRun, replay, roundOptions } from './session.ts';
import type { FuzzJob, FuzzNews } from './worker.ts';

const PROGRESS_MS = 5000;
const SHOWN_MAX = 20;
/** A batch takes milliseconds; one that takes so long waits for a lock that nobody lets go. */
const HANGS_MS = 60_000;

const OPTIONS = {
  minutes: { type: 'string', default: '1' },
  inputs: { type: 'string' },
  seed: { type: 'string' },
  jobs: { type: 'string', default: '2' },
  replay: { type: 'string' },
} as const;

/** Wrong use: one line, and the program ends with 1. */
function misused(problem: string): never {
  console.error(`fuzz: ${problem}`);
  process.exit(1);
}

function optionsOf() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return misused((error as Error).message);
  }
}

const values = optionsOf();

function numberOf(name: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : misused(`--${name} wants a positive number, not ${text}`);
}

async function enginesOf(): Promise<FuzzJob['engines']> {
  return { plain: await plainEngine(), shared: await sharedEngine() };
}

async function runAgain(path: string): Promise<number> {
  const { seed, round, batches } = read(path);
  const message = replay(roundOptions(await enginesOf(), seed, round), batches);
  console.log(message ?? 'fuzz: it does not fail any more');
  return message === undefined ? 0 : 1;
}

class Run {
  readonly #seed = numberOf('seed', values.seed ?? String(1 + (Date.now() % 1_000_000)));
  readonly #most = values.inputs ? numberOf('inputs', values.inputs) : Number.POSITIVE_INFINITY;
  readonly #jobs = numberOf('jobs', values.jobs);
  readonly #stop = new SharedArrayBuffer(4);
  readonly #startedMs = performance.now();
  readonly #seen = new Set<string>();
  #inputs = 0;
  #failed = false;

  async all(): Promise<number> {
    const engines = await enginesOf();
    const minutes = numberOf('minutes', values.minutes);
    console.log(`fuzz: seed ${this.#seed}, ${this.#jobs} threads, ${minutes} minutes at the most`);
    const end = setTimeout(() => this.#halt(), minutes * 60_000);
    const line = setInterval(() => console.log(this.#line()), PROGRESS_MS);
    process.on('SIGINT', () => this.#halt());
    await Promise.all(Array.from({ length: this.#jobs }, (_, i) => this.#thread(engines, i)));
    clearTimeout(end);
    clearInterval(line);
    console.log(`${this.#line()}${this.#failed ? '' : '; nothing failed'}`);
    const commands = new Set([...this.#seen].map((key) => key.split(' ')[0]));
    const all = Object.entries(COMMAND).filter(([, [a, b]]) => !commands.has(`${a}/${b}`));
    if (all.length) console.log(`never answered: ${all.map(([name]) => name).join(', ')}`);
    return this.#failed ? 1 : 0;
  }

  #halt(): void {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
  }

  #line(): string {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const rate = Math.round(this.#inputs / seconds);
    const kinds = this.#seen.size;
    const done = `${this.#inputs} inputs in ${seconds.toFixed(0)} s`;
    return `fuzz: ${done}, ${rate} a second, ${kinds} kinds of answers`;
  }

  #thread(engines: FuzzJob['engines'], first: number): Promise<void> {
    const where = new SharedArrayBuffer(8);
    const workerData: FuzzJob = {
      ...{ engines, seed: this.#seed, first, step: this.#jobs, stop: this.#stop, where },
    };
    const thread = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
    const hung = () => {
      const [round = 0, batch = 0] = new Int32Array(where);
      this.#hangs(engines, round, batch);
      void thread.terminate();
    };
    let watch = setTimeout(hung, HANGS_MS);
    return new Promise((resolve, reject) => {
      thread.on('message', (news: FuzzNews) => {
        watch = this.#watchAgain(watch, hung);
        this.#heard(news);
      });
      thread.on('error', reject);
      thread.on('exit', () => {
        clearTimeout(watch);
        resolve();
      });
    });
  }

  #watchAgain(watch: NodeJS.Timeout, hung: () => void): NodeJS.Timeout {
    clearTimeout(watch);
    // What comes after a failure, its shrinking, may take as long as it does.
    return setTimeout(hung, 2 * HANGS_MS);
  }

  /** Its batches are drawn again, up to the one that does not end. */
  #hangs(engines: FuzzJob['engines'], round: number, last: number): void {
    const run = new RoundRun(roundOptions(engines, this.#seed, round));
    for (let batch = 0; batch < last; batch++) run.next();
    run.draw();
    const batches = [...run.batches];
    this.#halt();
    const message = `batch ${last} does not end`;
    this.#tell({ kind: 'failure', round, message, batches, shrunk: batches });
  }

  #heard(news: FuzzNews): void {
    if (news.kind === 'progress') {
      this.#inputs += news.inputs;
      for (const key of news.seen) this.#seen.add(key);
      if (this.#inputs >= this.#most) this.#halt();
    }
    if (news.kind === 'failure') this.#tell(news);
  }

  #tell({ round, message, batches, shrunk }: Extract<FuzzNews, { kind: 'failure' }>): void {
    this.#failed = true;
    const path = join(tmpdir(), `andvari-fuzz-${this.#seed}-${round}.json`);
    const reproduction: Reproduction = { seed: this.#seed, round, message, batches: shrunk };
    save(path, reproduction);
    const inputs = shrunk.flatMap((batch) => batch.inputs);
    console.log(`fuzz: FAILED, seed ${this.#seed}, round ${round}, batch ${batches.length}`);
    console.log(message);
    console.log(`shrunk to ${inputs.length} requests in ${shrunk.length} batches:`);
    for (const { bytes } of inputs.slice(0, SHOWN_MAX)) {
      console.log(Buffer.from(bytes).toString('hex').slice(0, 400));
    }
    console.log(`again: npm run fuzz -- --replay ${path}`);
  }
}

process.exitCode = values.replay ? await runAgain(values.replay) : await new Run().all();
