/** Seeds in which two that called each other at once once had two sessions. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { runScenario } from './run.ts';
import { scenarioOf } from './scenario.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

test.each([
  [715634, 'the clock of who has the larger key is set back while the calls cross'],
  [77121875, 'a call is over in time, and the peer’s is answered before the next'],
])('seed %i: %s', (seed) => {
  const scenario = scenarioOf(seed, { nodes: 2 });
  const { failure } = runScenario(module, scenario, { tight: true, x25519: nodeX25519 });
  expect(failure, `npm run sim -- --tight --seeds 1 --seed ${seed}`).toBeUndefined();
});
