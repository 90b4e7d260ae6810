/**
 * `npm run sim -- --seeds N [--seed S]`: scenarios of N seeds [1000] from S on [a new one each
 * time], and what became of them. Every failure prints the line that repeats it.
 *
 * `--bytes N`: of a stream, as a rule, at the most [75000]; it is part of what a seed names.
 * `--tight`: with pools that a run meets the end of, and two nodes.
 * `--reading`: scenarios whose applications read streams in turn, with pools of their own.
 * `--rekeying`: many short streams, and epochs of few packets.
 * `--moving`: scenarios in which a node moves, and an onlooker shall not see from where to where.
 * `--trace FILE`, `--svg FILE`: of the first seed, every packet and event as NDJSON, and a drawing.
 * `--verbose`: a line for each seed. `--seconds T`: no new seed after so long.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { TransferSizes } from '../../host-common/src/engine/configuration.ts';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { seedOfRun } from '../seeded-random.ts';
import { newEngine, newMachines } from './machines.ts';
import { movingOf } from './moving-scenarios.ts';
import { readingOf } from './reading-scenarios.ts';
import { Recorder } from './recorder.ts';
import { rekeyingOf } from './rekeying-scenarios.ts';
import { type Outcome, Run } from './run.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { timeline } from './timeline.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(seedOfRun()) },
    seconds: { type: 'string' },
    bytes: { type: 'string', default: '75000' },
    tight: { type: 'boolean', default: false },
    reading: { type: 'boolean', default: false },
    rekeying: { type: 'boolean', default: false },
    moving: { type: 'boolean', default: false },
    trace: { type: 'string' },
    svg: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const { tight, reading, rekeying, moving, trace, svg } = values;
const first = wholeNumber('seed');
const count = wholeNumber('seeds', 1);
const bytesOfStream = wholeNumber('bytes');
const secondsMost =
  values.seconds === undefined ? Number.POSITIVE_INFINITY : wholeNumber('seconds');
const kinds = Object.entries({ reading, rekeying, moving, tight })
  .filter(([, isAsked]) => isAsked)
  .map(([name]) => `--${name}`);
if (kinds.length > 1) wrong(`${kinds.join(', ')}: one kind of scenarios at a time`);
const kind = kinds.map((name) => ` ${name}`).join('');
const module = await plainEngine();

function wrong(what: string): never {
  console.error(what);
  process.exit(2);
}

function wholeNumber(name: 'seed' | 'seeds' | 'bytes' | 'seconds', least = 0): number {
  const text = values[name]?.trim();
  const value = Number(text);
  if (text && Number.isSafeInteger(value) && value >= least) return value;
  return wrong(`--${name}: wanted a whole number from ${least} on, got '${values[name]}'`);
}

function tell(outcome: Outcome): void {
  const { seed, failure, virtualUs } = outcome;
  console.log(
    `seed ${seed}: ${failure ?? 'ok'}, ${(virtualUs / 1e6).toFixed(1)} s, ` +
      `${outcome.packets} packets, ${outcome.received} bytes, ${outcome.calls} calls, ` +
      `${outcome.rekeys} rekeys, ${outcome.migrations} moves, trace ${outcome.trace.toString(16)}`,
  );
  if (!failure) return;
  const size = bytesOfStream === 75000 ? '' : ` --bytes ${bytesOfStream}`;
  const more = `${size}${kind}`;
  const files = `--trace ${seed}.ndjson --svg ${seed}.svg`;
  console.log(`  npm run sim -- --seeds 1 --seed ${seed}${more} ${files}`);
}

/** The scenario of a seed, and the pools of its nodes. */
function planOf(seed: number): { scenario: Scenario; sizes?: TransferSizes[]; tight?: boolean } {
  if (reading) return readingOf(seed);
  if (rekeying) return rekeyingOf(seed);
  if (moving) return { scenario: movingOf(seed) };
  const limits = { bytes: bytesOfStream, ...(tight ? { nodes: 2 } : {}) };
  return { scenario: scenarioOf(seed, limits), tight };
}

/** Runs a seed; writes down what happens if asked to. */
function runSeed(seed: number, isRecorded: boolean): Outcome {
  const { scenario, ...pools } = planOf(seed);
  const nodes = scenario.nodes.length;
  const machines = newMachines(module, { ...pools, x25519: nodeX25519, nodes });
  const recorder = isRecorded ? new Recorder(newEngine(module), machines.startUs) : undefined;
  const outcome = new Run(machines, scenario, recorder).run();
  if (!recorder) return outcome;
  if (trace) writeFileSync(trace, recorder.ndjson({ scenario, outcome }));
  const title = `seed ${seed}${kind}: ${outcome.failure ?? 'ok'}`;
  if (svg) writeFileSync(svg, timeline(recorder.lines, { title, nodes }));
  return outcome;
}

let failures = 0;
let virtualUs = 0;
let bytes = 0;
let seeds = 0;
const startedMs = performance.now();
const seconds = () => (performance.now() - startedMs) / 1000;
for (; seeds < count && seconds() < secondsMost; seeds++) {
  const outcome = runSeed(first + seeds, seeds === 0 && (trace ?? svg) !== undefined);
  virtualUs += outcome.virtualUs;
  bytes += outcome.received;
  if (outcome.failure) failures++;
  if (outcome.failure || values.verbose) tell(outcome);
}
console.log(
  `${seeds} seeds from ${first} on in ${seconds().toFixed(1)} s, ${failures} failed; ` +
    `${(virtualUs / 1e6).toFixed(0)} s of virtual time, ${bytes} bytes transferred`,
);
process.exitCode = failures ? 1 : 0;
