/**
 * Before the tests in a browser: what some seeds of the simulation come to in Node, so that the
 * page can compare (tests/browser/simulation.test.ts).
 */
import type { TestProject } from 'vitest/node';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { type Outcome, runScenario } from './run.ts';
import { scenarioOf } from './scenario.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Outcomes of seeds 1 to SEEDS. */
    simulated: Outcome[];
  }
}

const SEEDS = 40;

export default async function setup(project: TestProject): Promise<void> {
  // X25519 of node:crypto here and noble's there: both have to come to the same.
  const module = await plainEngine();
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
  const simulated = seeds.map((seed) =>
    runScenario(module, scenarioOf(seed), { x25519: nodeX25519 }),
  );
  project.provide('simulated', simulated);
}
