import { dirname } from 'node:path';
import type { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import { makeDirectory } from '../files/directory.ts';
import { WalletFile } from '../raida/wallet-file.ts';
import type { CommandContext } from './command-context.ts';
import { withConnection } from './wallet-options.ts';
import { type PendingChange, type PendingWork, settleChange } from './wallet-pending.ts';
import { type PendingOptions, withPending } from './wallet-pending-open.ts';
import { AnswerProgress } from './wallet-report.ts';

/**
 * `andvari wallet pown`: gives the coins of some files new ANs. The new ANs are in a pending file,
 * flushed to the disk, before the first server hears of them; it goes when every coin has settled
 * and lies in a new coin file. The same command again finishes what was interrupted.
 */
export async function pown(
  paths: readonly string[],
  options: PendingOptions,
  context: CommandContext,
): Promise<void> {
  await withPending('pending', paths, { options, context }, (change) =>
    settle(change, options, context),
  );
}

/** `andvari wallet resolve`: finishes changes of ownership from their pending files. */
export async function resolve(
  paths: readonly string[],
  options: PendingOptions,
  context: CommandContext,
): Promise<void> {
  await withConnection(options, context, async (connection) => {
    for (const path of new Set(paths)) {
      const directory = options.out ?? dirname(path);
      makeDirectory(directory, 0o700);
      const pending = WalletFile.open(path, { create: false });
      await settle({ pending, directory, connection, files: [] }, options, context);
    }
  });
}

function settle(
  change: PendingChange,
  options: PendingOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  const work: PendingWork = {
    run: (wallet, { resumed }) => runProtocol(wallet, { resumed, json }, change, context),
    outcomeOf: pownOutcome,
    good: ['owned'],
  };
  return settleChange(change, work, { json, context });
}

/** Ask and send, until every coin is as settled as its servers let it be now. */
async function runProtocol(
  wallet: Wallet,
  { resumed, json }: { resumed: boolean; json: boolean },
  { connection }: PendingChange,
  context: CommandContext,
): Promise<void> {
  const answers = wallet.coins().length * connection.network.servers.length;
  const progress = new AnswerProgress(answers, json, context);
  const options = { signal: context.signal, onLights: progress.onLights };
  try {
    if (resumed) await wallet.resolvePending(options);
    const open = wallet.coins().filter((coin) => !coin.owned && coin.grade.name !== 'counterfeit');
    await wallet.takeOwnership(
      open.map((coin) => coin.id),
      options,
    );
    // Once more for the servers that were silent, where a coin cannot do without them.
    if (wallet.coins().some((coin) => coin.state === 'pending')) {
      await wallet.resolvePending(options);
    }
  } finally {
    progress.stop();
  }
}

/** `refused`: all 25 servers know neither the old nor the new keys, so nothing came of it. */
function pownOutcome(coin: WalletCoin): string {
  if (coin.lights.every((light) => light === 'fail')) return 'refused';
  if (coin.state === 'pending') return 'pending';
  if (coin.owned && coin.grade.name === 'authentic') return 'owned';
  return coin.grade.name === 'counterfeit' ? 'counterfeit' : 'limbo';
}
