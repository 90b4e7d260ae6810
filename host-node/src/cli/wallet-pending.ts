/**
 * What commands that change coins have in common: the coins and their new secrets lie in a wallet
 * file, flushed to the disk, before any server hears of them. It goes when all of them lie in coin
 * files again. The same command finds it and goes on.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import { createFileDurably, FileExistsError, removeLeftovers } from '../files/durable-file.ts';
import type { WalletFile } from '../raida/wallet-file.ts';
import type { CommandContext } from './command-context.ts';
import type { InputFile } from './wallet-input.ts';
import type { OpenConnection } from './wallet-options.ts';
import { type CoinOutcome, exitCodeOfCoins, reportCoins, reportTotals } from './wallet-report.ts';

/** Files of one name that a folder may hold before we give up: `... 'owned 1f2e 2'.bin`. */
const NAMES_MAX = 1000;

/** Outcomes that stay in the wallet file; the others go to coin files of their own. */
const STAYING: ReadonlySet<string> = new Set(['pending', 'locked']);
/** Nothing came of it, and no server has anything new: no file. */
const LEAVING = 'refused';

/** The user wanted to stop; what was sent by then is in the wallet file. */
export class InterruptedError extends Error {
  readonly code = 'ANDVARI_INTERRUPTED';
  override readonly name = 'InterruptedError';
}

export interface PendingChange {
  pending: WalletFile;
  directory: string;
  connection: OpenConnection;
  /** Whose coins go into a wallet file that is new. */
  files: readonly InputFile[];
}

/** A coin file that could not be written; its coins are in the wallet file. */
export class CoinFileError extends Error {
  readonly code = 'ANDVARI_COIN_FILE';
  override readonly name = 'CoinFileError';
}

/** What a command does with the coins, and what has become of each then. */
export interface PendingWork {
  run(wallet: Wallet, state: { resumed: boolean }): Promise<void>;
  /** `pending` and `locked` coins stay in the wallet file. */
  outcomeOf(coin: WalletCoin): string;
  /** Outcomes that are what the user wanted. */
  good: readonly string[];
  /** Called when all is written, before the coins are reported. */
  settled?(wallet: Wallet): void;
}

export async function settleChange(
  change: PendingChange,
  work: PendingWork,
  { json, context }: { json: boolean; context: CommandContext },
): Promise<void> {
  const { pending } = change;
  try {
    const wallet = await Wallet.open({ store: pending, client: change.connection.client });
    const resumed = wallet.coins().length > 0;
    // Coins were in it, and all have left: only the wallet file itself had still to go.
    if (!resumed && (await pending.load()).nextId > 1) {
      pending.destroy();
      if (!json) context.note(`${pending.path}: a run before has finished all of it`);
      return;
    }
    if (resumed && !json) context.note(`going on with ${pending.path}`);
    if (!resumed) tellResults(change, { json, context });
    try {
      // All at once: a wallet file has the coins of all files, or none.
      const coins = change.files.flatMap((file) => file.coins);
      if (!resumed && coins.length > 0) await wallet.importCoins({ coins });
      await work.run(wallet, { resumed });
    } catch (error) {
      if (!context.signal.aborted) {
        await destroyUntouched(pending);
        throw error;
      }
      const problem = `interrupted; ${pending.path} has the new keys, the same command goes on`;
      throw new InterruptedError(problem, { cause: error });
    }
    const outcomes = await moveSettled(wallet, change, work);
    if (wallet.coins().length === 0) pending.destroy();
    work.settled?.(wallet);
    reportCoins(outcomes, { json }, context);
    if (!json) {
      reportTotals(outcomes, context);
      if (outcomes.some(({ outcome }) => outcome === 'pending')) {
        context.note(
          `${pending.path} keeps the pending coins: the same command again finishes them`,
        );
      }
    }
    const judged = outcomes.map((one) =>
      work.good.includes(one.outcome) ? { ...one, outcome: '' } : one,
    );
    context.exitCode = Math.max(context.exitCode, exitCodeOfCoins(judged, ''));
  } finally {
    pending.close();
  }
}

/** Part of a wallet file's fingerprint, which the names of its coin files bear. */
function tagOf(path: string): string {
  return /-([0-9a-f]{4})[0-9a-f]*\.wallet$/.exec(path)?.[1] ?? '';
}

/** Coin files in `directory` that a run before has written for the wallet file at `path`. */
export function resultsOf(directory: string, path: string): string[] {
  const named = new RegExp(`'[a-z]+ ${tagOf(path)}( \\d+)?'\\.bin$`);
  return readdirSync(directory)
    .filter((name) => named.test(name))
    .map((name) => join(directory, name));
}

/** Who runs a finished command again should know that its coins have new secrets since. */
function tellResults(
  { directory, pending, files }: PendingChange,
  { json, context }: { json: boolean; context: CommandContext },
): void {
  if (json || files.length === 0) return;
  for (const file of resultsOf(directory, pending.path)) {
    context.note(`${file}: a run of the same command has written this before`);
  }
}

/** A wallet file in which nothing has been changed goes: the user's own files have it all. */
async function destroyUntouched(pending: WalletFile): Promise<void> {
  const { entries } = await pending.load();
  const untouched = entries.every(
    ({ proposedNumbers, foreign, owned, locker, change }) =>
      owned === 0 && !locker && !change && (proposedNumbers === undefined || foreign !== 0),
  );
  if (untouched) pending.destroy();
}

/**
 * Write settled coins to new coin files, and only then take them out of the wallet file. Coins
 * that are not ours go into files of their own: some servers may have taken the new ANs.
 */
async function moveSettled(
  wallet: Wallet,
  { pending, directory }: PendingChange,
  work: PendingWork,
): Promise<CoinOutcome[]> {
  const outcomes: CoinOutcome[] = [];
  const tag = tagOf(pending.path);
  const byOutcome = Map.groupBy(wallet.coins(), (coin) => work.outcomeOf(coin));
  for (const [outcome, coins] of byOutcome) {
    const ids = coins.map((coin) => coin.id);
    let file = pending.path;
    if (outcome === LEAVING) file = '';
    else if (!STAYING.has(outcome)) {
      const place = { directory, tag: `${outcome} ${tag}`.trim(), kept: pending.path };
      file = writeCoinFile(wallet, ids, place);
    }
    if (!STAYING.has(outcome)) await wallet.remove(ids);
    for (const coin of coins) outcomes.push({ coin, outcome, file });
  }
  return outcomes;
}

/** A new coin file under a name that nothing has yet. A run that was cut here finds its own. */
export function writeCoinFile(
  wallet: Wallet,
  ids: readonly number[],
  { directory, tag, kept }: { directory: string; tag: string; kept: string },
): string {
  for (let number = 1; ; number++) {
    const { name, bytes } = wallet.exportCoins(ids, number === 1 ? tag : `${tag} ${number}`);
    const path = join(directory, name);
    try {
      if (!(existsSync(path) && readFileSync(path).equals(bytes))) createFileDurably(path, bytes);
      // The wallet file is ours alone, and so is what a run that was cut has left of this name.
      removeLeftovers(path);
      return path;
    } catch (error) {
      if (error instanceof FileExistsError) {
        if (number < NAMES_MAX) continue;
        throw error;
      }
      const { message } = error as Error;
      const problem = `${path} could not be written: ${message}; ${kept} keeps its coins, the same`;
      throw new CoinFileError(`${problem} command writes them`, { cause: error });
    }
  }
}
