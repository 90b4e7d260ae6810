import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CoinKeys, coinNumber } from '@andvari/host-common/raida/coin';
import { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import { makeDirectory } from '../files/directory.ts';
import { createFileDurably, FileExistsError, removeLeftovers } from '../files/durable-file.ts';
import type { CommandContext } from './command-context.ts';
import { WalletFile } from './wallet-file.ts';
import {
  coinName,
  fingerprintOf,
  InputError,
  type InputFile,
  readCoinFiles,
  refuseRepeatedCoins,
} from './wallet-input.ts';
import {
  type OpenConnection,
  openConnection,
  type WalletCommandOptions,
} from './wallet-options.ts';
import {
  AnswerProgress,
  type CoinOutcome,
  exitCodeOfCoins,
  reportCoins,
  reportTotals,
} from './wallet-report.ts';

export interface PownOptions extends WalletCommandOptions {
  out?: string;
}

/** Files of one name that a folder may hold before we give up: `... 'owned 1f2e 2'.bin`. */
const NAMES_MAX = 1000;

/** The user wanted to stop; what was sent by then is in the pending file. */
export class InterruptedError extends Error {
  readonly code = 'ANDVARI_INTERRUPTED';
  override readonly name = 'InterruptedError';
}

/**
 * `andvari wallet pown`: gives the coins of some files new ANs. The new ANs are in a pending file,
 * flushed to the disk, before the first server hears of them; it goes when every coin has settled
 * and lies in a new coin file. The same command again finishes what was interrupted.
 */
export async function pown(
  paths: readonly string[],
  options: PownOptions,
  context: CommandContext,
): Promise<void> {
  const connection = await openConnection(options, context);
  try {
    const files = readCoinFiles(paths, connection.network.coinId);
    refuseRepeatedCoins(files);
    refuseEncryptionCoin(files, connection.encryptionCoin);
    const directory = options.out ?? dirname(paths[0] as string);
    makeDirectory(directory, 0o700);
    const pendingPath = join(directory, `pending-${fingerprintOf(files)}.wallet`);
    const pending = WalletFile.open(pendingPath, { create: true });
    await settle({ pending, directory, connection, files }, options, context);
  } finally {
    await connection.close();
  }
}

/** `andvari wallet resolve`: finishes changes of ownership from their pending files. */
export async function resolve(
  paths: readonly string[],
  options: PownOptions,
  context: CommandContext,
): Promise<void> {
  const connection = await openConnection(options, context);
  try {
    for (const path of new Set(paths)) {
      const directory = options.out ?? dirname(path);
      makeDirectory(directory, 0o700);
      const pending = WalletFile.open(path, { create: false });
      await settle({ pending, directory, connection, files: [] }, options, context);
    }
  } finally {
    await connection.close();
  }
}

interface Change {
  pending: WalletFile;
  directory: string;
  connection: OpenConnection;
  /** Whose coins go into a pending file that is new. */
  files: readonly InputFile[];
}

async function settle(
  change: Change,
  options: PownOptions,
  context: CommandContext,
): Promise<void> {
  const { pending } = change;
  const json = options.json ?? false;
  try {
    const wallet = await Wallet.open({ store: pending, client: change.connection.client });
    const resumed = wallet.coins().length > 0;
    if (resumed && !json) context.note(`going on with ${pending.path}`);
    if (!resumed) for (const file of change.files) await wallet.importCoins(file);
    await runProtocol(wallet, { resumed, json }, change, context);
    const outcomes = await moveSettled(wallet, change);
    if (wallet.coins().length === 0) pending.destroy();
    reportCoins(outcomes, { json }, context);
    if (!json) {
      reportTotals(outcomes, context);
      if (wallet.coins().length > 0) {
        context.note(
          `${pending.path} keeps the pending coins: the same command again finishes them`,
        );
      }
    }
    context.exitCode = Math.max(context.exitCode, exitCodeOfCoins(outcomes, 'owned'));
  } finally {
    pending.close();
  }
}

/** Ask and send, until every coin is as settled as its servers let it be now. */
async function runProtocol(
  wallet: Wallet,
  { resumed, json }: { resumed: boolean; json: boolean },
  { pending, connection }: Change,
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
  } catch (error) {
    if (!context.signal.aborted) throw error;
    const problem = `interrupted; ${pending.path} has the new keys, the same command again goes on`;
    throw new InterruptedError(problem, { cause: error });
  } finally {
    progress.stop();
  }
}

/**
 * Write settled coins to new coin files, and only then take them out of the pending file. Coins
 * that are not ours go into files of their own: some servers may have taken the new ANs.
 */
async function moveSettled(wallet: Wallet, { pending, directory }: Change): Promise<CoinOutcome[]> {
  const outcomes: CoinOutcome[] = [];
  const tag = /pending-([0-9a-f]{4})/.exec(pending.path)?.[1] ?? '';
  const byOutcome = Map.groupBy(wallet.coins(), pownOutcome);
  for (const [outcome, coins] of byOutcome) {
    const ids = coins.map((coin) => coin.id);
    let file = pending.path;
    if (outcome === 'refused') file = '';
    else if (outcome !== 'pending') {
      file = writeCoinFile(wallet, ids, { directory, tag: `${outcome} ${tag}`.trim() });
    }
    if (outcome !== 'pending') await wallet.remove(ids);
    for (const coin of coins) outcomes.push({ coin, outcome, file });
  }
  return outcomes;
}

/** `refused`: all 25 servers know neither the old nor the new keys, so nothing came of it. */
function pownOutcome(coin: WalletCoin): string {
  if (coin.lights.every((light) => light === 'fail')) return 'refused';
  if (coin.state === 'pending') return 'pending';
  if (coin.owned && coin.grade.name === 'authentic') return 'owned';
  return coin.grade.name === 'counterfeit' ? 'counterfeit' : 'limbo';
}

/** A new coin file under a name that nothing has yet. A run that was cut here finds its own. */
function writeCoinFile(
  wallet: Wallet,
  ids: readonly number[],
  { directory, tag }: { directory: string; tag: string },
): string {
  for (let number = 1; ; number++) {
    const { name, bytes } = wallet.exportCoins(ids, number === 1 ? tag : `${tag} ${number}`);
    const path = join(directory, name);
    try {
      if (!(existsSync(path) && readFileSync(path).equals(bytes))) createFileDurably(path, bytes);
      // The pending file is ours alone, and so is what a run that was cut has left of this name.
      removeLeftovers(path);
      return path;
    } catch (error) {
      if (!(error instanceof FileExistsError) || number >= NAMES_MAX) throw error;
    }
  }
}

/** Its keys would change under the requests that it encrypts. */
function refuseEncryptionCoin(files: readonly InputFile[], coin: CoinKeys | undefined): void {
  if (!coin) return;
  const file = files.find(({ coins }) => coins.some((one) => coinNumber(one) === coinNumber(coin)));
  if (!file) return;
  throw new InputError(`${file.path}: ${coinName(coin)} encrypts the requests: pown it on its own`);
}
