/** Many seeds one after the other, and which of them went wrong. */
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { runScenario } from './run.ts';
import type { Scenario } from './scenario.ts';

export interface Seeds {
  first: number;
  count: number;
  tight?: boolean;
}

/** Runs the scenarios of `count` seeds from `first` on; a line for each failure. */
export async function failuresOf(
  { first, count, tight = false }: Seeds,
  make: (seed: number) => Scenario,
): Promise<string[]> {
  const module = await plainEngine();
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const { failure } = runScenario(module, make(seed), { tight, x25519: nodeX25519 });
    if (failure) failures.push(`seed ${seed}: ${failure}`);
  }
  return failures;
}
