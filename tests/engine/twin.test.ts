/**
 * The engine against its readable twin: random, valid and damaged requests of every type in both
 * wires, equal replies to the byte.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TwinRun } from './twin-run.ts';

const RUNS = process.env.ANDVARI_LONG ? 400 : 3;
const REQUESTS = 250;

describe.each(['spec', 'legacy'] as const)('engine and twin, wire %s', (wire) => {
  it.each(['plain', 'shared'])(
    '%s build',
    async (build) => {
      const shared = build === 'shared';
      const module = await (shared ? sharedEngine() : plainEngine());
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
          const run = await TwinRun.make({ module, shared, wire, seed, requests: REQUESTS });
          for (let i = 0; i < REQUESTS; i++) {
            const pair = run.next(i);
            expect(pair.engine, `request ${i}: ${pair.request}`).toBe(pair.twin);
          }
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    600_000,
  );
});
