/**
 * Rounds one after the other from one seed, with what is needed to repeat the present one; and the
 * search for the least that still fails.
 */
import { Dice } from '../engine/twin-run.ts';
import { type Input, type InputOptions, Inputs } from './inputs.ts';
import { keyFile } from './payloads.ts';
import { BATCH, type Batch, Round, type RoundOptions } from './round.ts';

/** Inputs of a round; then a new engine begins. */
export const ROUND_INPUTS = 16_384;

export interface Engines {
  plain: WebAssembly.Module;
  shared: WebAssembly.Module;
}

/** Options of a round: wire and build follow from its number. */
export function roundOptions(engines: Engines, seed: number, number: number): RoundOptions {
  const shared = number % 4 >= 2;
  return {
    module: shared ? engines.shared : engines.plain,
    shared,
    wire: number % 2 ? 'legacy' : 'spec',
    seed: (Math.imul(seed, 2654435761) + number * 40503) >>> 0,
  };
}

export interface Failure {
  message: string;
  batches: Batch[];
}

export class RoundRun {
  readonly round: Round;
  readonly #inputs: Inputs;
  readonly #dice: Dice;
  readonly #batches: Batch[] = [];

  /** `only`: the requests, when they are not mutated ones of every command. */
  constructor(
    options: RoundOptions,
    only: Pick<InputOptions, 'commands' | 'sound' | 'manyOf'> = {},
  ) {
    this.#dice = new Dice(options.seed ^ 0x5eed);
    this.round = new Round(options);
    const { wire } = options;
    this.#inputs = new Inputs({ dice: this.#dice, records: this.round.store, wire, ...only });
    const file = keyFile();
    this.#inputs.keyOf = (raidaId) => file.subarray(40 + 16 * raidaId, 56 + 16 * raidaId);
    this.round.onTicket = (number) => {
      const { tickets } = this.#inputs.payloads;
      tickets.push(number);
      if (tickets.length > 20) tickets.shift();
    };
  }

  /** Inputs so far. */
  get inputs(): number {
    return this.#batches.length * BATCH;
  }

  /** Draws a further batch; run() must follow. */
  draw(): Batch {
    const inputs: Input[] = [];
    for (let i = 0; i < BATCH; i++) inputs.push(this.#inputs.next());
    const batch = { seed: this.#dice.roll(0x7fffffff) + 1, inputs };
    this.#batches.push(batch);
    return batch;
  }

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  /** Draws and runs a further batch; a failure tells what led to it. */
  next(): Failure | undefined {
    const batch = this.draw();
    try {
      this.round.run(batch);
      return undefined;
    } catch (error) {
      return { message: messageOf(error), batches: this.#batches };
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Runs the batches on a new engine, to its rest; the message of what fails. */
export function replay(options: RoundOptions, batches: Batch[]): string | undefined {
  try {
    const round = new Round(options);
    for (const batch of batches) round.run(batch);
    round.rest();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Leaves batches, then inputs, then bytes out as long as it still fails and there is time. */
export function shrink(options: RoundOptions, batches: Batch[], withinMs: number): Batch[] {
  const until = performance.now() + withinMs;
  const fails = (some: Batch[]) => performance.now() < until && replay(options, some) !== undefined;
  let least = halved(batches, (some) => fails(some));
  for (let i = 0; i < least.length; i++) {
    const with_ = (inputs: Input[]) =>
      least.map((batch, k) => (k === i ? { ...batch, inputs } : batch));
    const inputs = halved(least[i]?.inputs ?? [], (some) => fails(with_(some)));
    least = with_(inputs);
  }
  return least;
}

/** Delta debugging: drops parts of the list, half of it first, while `fails` holds. */
function halved<T>(list: T[], fails: (list: T[]) => boolean): T[] {
  let kept = list;
  for (let part = Math.ceil(kept.length / 2); part >= 1; part = Math.floor(part / 2)) {
    for (let from = 0; from < kept.length; ) {
      const without = [...kept.slice(0, from), ...kept.slice(from + part)];
      if (fails(without)) kept = without;
      else from += part;
    }
  }
  return kept;
}
