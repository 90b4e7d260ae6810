import { expect, inject, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import type {} from '../simulation/node-traces.ts';
import { runScenario } from '../simulation/run.ts';
import { scenarioOf } from '../simulation/scenario.ts';

test('the transfer machine does packet for packet what it does in Node', async () => {
  const expected = inject('simulated');
  const module = await plainEngine();
  const outcomes = expected.map(({ seed }) => runScenario(module, scenarioOf(seed)));
  expect(outcomes).toEqual(expected);
  expect(outcomes.map(({ failure }) => failure).filter(Boolean)).toEqual([]);
});
