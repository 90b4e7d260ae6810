/**
 * Where the seeds of a test begin. Those of `npm test` are the same each time and are all known to
 * be well, so that a red run is the fault of the change under test: about one seed in a few
 * thousand shows something new, and if they were drawn, that would be a red run now and then, of
 * which nobody could tell whose it is. New seeds are for `npm run test:long` and `npm run sim`,
 * which draw the first one and print it. ANDVARI_SEED names one for any of them.
 */
import { seedOfRun } from '../seeded-random.ts';

/** The first seed of a test: `fixed` in `npm test`, else ANDVARI_SEED's or a new one. */
export function firstSeed(fixed: number): number {
  const { env } = process;
  const isNew = env.ANDVARI_LONG === '1' || env.ANDVARI_SEED !== undefined;
  return isNew ? seedOfRun() : fixed;
}
