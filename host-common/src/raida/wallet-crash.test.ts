/** Changes of ownership that are cut off at every moment, over twins of a server (tests/twin). */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { type Step, scenario, step, type World } from '../../../tests/twin/crash-scenario.ts';
import { TwinCodec } from '../../../tests/twin/twin-codec.ts';
import { TwinNetwork } from '../../../tests/twin/twin-network.ts';

function world(): World {
  return { network: new TwinNetwork({ wire: 'spec' }), codec: new TwinCodec('spec') };
}

const none = { lost: 0, unanswered: 0, late: 0, down: 0 };
const take = {
  do: 'take',
  faults: none,
  seed: 1,
  cancelAfter: 1000,
  crash: { at: 1000, what: 'exchange' },
} satisfies Step;

describe('a change of ownership', () => {
  test('loses nothing, wherever it is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) =>
        scenario(world(), steps),
      ),
      { numRuns: 150 },
    );
  });

  test('loses nothing at any single save or exchange', async () => {
    for (const what of ['before save', 'after save', 'exchange'] as const) {
      const last = what === 'exchange' ? 52 : 3;
      for (let at = 0; at <= last; at++)
        await scenario(world(), [{ ...take, crash: { at, what } }]);
    }
  });

  test('a request that arrives after the server was asked changes nothing for good', async () => {
    await scenario(world(), [
      { ...take, faults: { ...none, late: 16 } },
      { ...take, do: 'resolve' },
      { ...take, do: 'late' },
      { ...take, do: 'detect' },
    ]);
  });
});
