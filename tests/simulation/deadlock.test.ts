/** Seeds with small pools in which both sides once waited for each other until idle ended it. */
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
  [31337714, 'a STREAM_OPEN goes before the data that are refused for want of it'],
  [31337592, 'a receiver whose sent packets have no room for records sends its acks'],
])('seed %i: %s', (seed) => {
  const scenario = scenarioOf(seed, { nodes: 2 });
  const { failure } = runScenario(module, scenario, { tight: true, x25519: nodeX25519 });
  expect(failure, `npm run sim -- --tight --seeds 1 --seed ${seed}`).toBeUndefined();
});
