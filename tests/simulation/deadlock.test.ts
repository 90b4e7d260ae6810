/** Seeds in which both sides once waited for each other until idle ended it, or far too long. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { runScenario } from './run.ts';
import { scenarioOf } from './scenario.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const TIGHT = { tight: true, more: ' --tight' };
const ROOMY = { tight: false, more: '' };

test.each([
  [31337714, 'a STREAM_OPEN goes before the data that are refused for want of it', TIGHT],
  [31337592, 'a receiver whose sent packets have no room for records sends its acks', TIGHT],
  [91831749, 'who only receives holds no old keys as long as a spike would have it', ROOMY],
  [900012430, 'a path that swallows large packets is not taken for a peer without room', ROOMY],
])('seed %i: %s', (seed, _, { tight, more }) => {
  const scenario = scenarioOf(seed, tight ? { nodes: 2 } : {});
  const { failure } = runScenario(module, scenario, { tight, x25519: nodeX25519 });
  expect(failure, `npm run sim -- --seeds 1 --seed ${seed}${more}`).toBeUndefined();
});
