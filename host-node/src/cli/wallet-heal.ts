import type { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type { CommandContext } from './command-context.ts';
import { settleChange } from './wallet-pending.ts';
import { type PendingOptions, withPending } from './wallet-pending-open.ts';
import { withStages } from './wallet-stages.ts';

/**
 * `andvari wallet heal`: makes fracked coins known to the servers that say counterfeit. All coins
 * of the files go to new files; a run that was cut goes on.
 */
export async function heal(
  paths: readonly string[],
  options: PendingOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  const stages = withStages(json, context);
  const work = {
    run: async (wallet: Wallet) => {
      await wallet.resolvePending(stages);
      await wallet.detect(undefined, stages);
      await wallet.heal(undefined, stages);
    },
    outcomeOf: healOutcome,
    good: ['healed'],
  };
  await withPending('heal', paths, { options, context }, (change) =>
    settleChange(change, work, { json, context }),
  );
}

/** `healed`: authentic, and no server says counterfeit, whether it was ever fracked or not. */
function healOutcome({ grade, state }: WalletCoin): string {
  if (state === 'pending') return 'pending';
  if (grade.name !== 'authentic') return grade.name === 'counterfeit' ? 'counterfeit' : 'limbo';
  return grade.fracked ? 'fracked' : 'healed';
}
