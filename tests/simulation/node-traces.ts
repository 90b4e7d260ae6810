/**
 * Before the tests in a browser: what some seeds of the simulation come to in Node, so that the
 * page can compare (tests/browser/simulation.test.ts).
 */
import type { TestProject } from 'vitest/node';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { newMachines, type Outcome, Run } from './run.ts';
import { scenarioOf } from './scenario.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Outcomes of seeds 1 to SEEDS, one after the other over the same engines. */
    simulated: Outcome[];
  }
}

const SEEDS = 40;

export default async function setup(project: TestProject): Promise<void> {
  const machines = newMachines(await plainEngine());
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
  const simulated = seeds.map((seed) => new Run(machines, scenarioOf(seed)).run());
  project.provide('simulated', simulated);
}
