/**
 * `npm run sim -- --seeds N [--seed S]`: scenarios of N seeds from S on [1000, 1], and what became
 * of them. Every failure names its seed; `--seeds 1 --seed S` runs it alone.
 * `--tight`: with pools that a run meets the end of.
 */
import { parseArgs } from 'node:util';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { newMachines, type Outcome, Run } from './run.ts';
import { scenarioOf } from './scenario.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    tight: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
const module = await plainEngine();
let machines = newMachines(module, values.tight);
let failures = 0;
let virtualUs = 0;
let bytes = 0;
const startedMs = performance.now();

function tell(outcome: Outcome): void {
  console.log(
    `seed ${outcome.seed}: ${outcome.failure ?? 'ok'}, ` +
      `${(outcome.virtualUs / 1e6).toFixed(1)} s, ${outcome.packets} packets, ` +
      `${outcome.received} bytes, trace ${outcome.trace.toString(16)}`,
  );
}

for (let seed = first; seed < first + count; seed++) {
  const outcome = new Run(machines, scenarioOf(seed)).run();
  virtualUs += outcome.virtualUs;
  bytes += outcome.received;
  if (outcome.failure) {
    failures++;
    machines = newMachines(module, values.tight);
  }
  if (outcome.failure || values.verbose) tell(outcome);
}
const seconds = (performance.now() - startedMs) / 1000;
console.log(
  `${count} seeds in ${seconds.toFixed(1)} s, ${failures} failed; ` +
    `${(virtualUs / 1e6).toFixed(0)} s of virtual time, ${bytes} bytes transferred`,
);
process.exitCode = failures ? 1 : 0;
