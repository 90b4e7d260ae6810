import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { coinValueUnits, formatUnits, totalUnits } from '@andvari/host-common/raida/coin';
import { openDigests } from '@andvari/host-common/raida/digests';
import { parseLockerCode } from '@andvari/host-common/raida/locker-code';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { coinsForAmount } from '@andvari/host-common/raida/wallet-amount';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type { UnlockResult } from '@andvari/host-common/raida/wallet-locker';
import type { WalletOperationOptions } from '@andvari/host-common/raida/wallet-stage';
import { MemoryWalletStore } from '@andvari/host-common/raida/wallet-store';
import { makeDirectory } from '../files/directory.ts';
import { WalletFile } from '../raida/wallet-file.ts';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './exit-code.ts';
import { InputError } from './wallet-input.ts';
import { type WalletCommandOptions, withConnection } from './wallet-options.ts';
import { resultsOf, settleChange } from './wallet-pending.ts';
import { type PendingOptions, withPending } from './wallet-pending-open.ts';
import { readRegularFile, readStdin } from './wallet-read.ts';
import { nounOf } from './wallet-report.ts';
import { withStages } from './wallet-stages.ts';

export interface LockOptions extends PendingOptions {
  /** Units of 1e-8. */
  amount?: bigint;
}

export interface UnlockOptions extends PendingOptions {
  codeFile?: string;
}

export interface PeekOptions extends WalletCommandOptions {
  codeFile?: string;
}

/** A file that holds a locker code and nothing else. */
const CODE_FILE_BYTES_MAX = 200;

/**
 * `andvari wallet lock`: puts coins in a locker and tells its code. Locked coins stay in the wallet
 * file, code and all; the others go to new coin files.
 */
export async function lock(
  paths: readonly string[],
  options: LockOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  await withPending('locker', paths, { options, context }, (change) => {
    const { pending, files } = change;
    const all = totalUnits(files.flatMap(({ coins }) => coins));
    const wanted = formatUnits(options.amount ?? all);
    const returned = new Set<number>();
    const locked = new Set<number>();
    const work = {
      run: async (wallet: Wallet, { resumed }: { resumed: boolean }) => {
        const stages = withStages(json, context);
        if (resumed) await wallet.resolvePending(stages);
        // A locker that came to nothing is taken back: its code was never told.
        for (const locker of wallet.lockers()) {
          if (locker.locked.length > 0) continue;
          for (const id of (await wallet.unlock(locker.code, stages)).taken) returned.add(id);
        }
        if (wallet.lockers().length > 0) refuseOtherWish(wallet, wanted, pending);
        else if (returned.size === 0) {
          pending.keepWish(wanted);
          if (options.amount !== undefined) await wallet.detect(undefined, stages);
          const coins = wallet.coins();
          const { amount } = options;
          const ids =
            amount === undefined ? coins.map(({ id }) => id) : coinsForAmount(coins, amount);
          const result = await wallet.lock(ids, stages);
          for (const id of result.returned) returned.add(id);
        }
        for (const id of wallet.lockers().flatMap((locker) => locker.locked)) locked.add(id);
      },
      outcomeOf: (coin: WalletCoin) => lockOutcome(coin, { locked, returned }),
      good: ['locked', 'rest'],
    };
    const tellCode = (wallet: Wallet) => tellLockers(wallet, pending.path, { json, context });
    return settleChange(change, { ...work, settled: tellCode }, { json, context });
  });
}

/**
 * Refuse an amount other than that of the run which filled the locker: its code would be taken for
 * what it is not. What is in the locker can be less, when servers did not take all.
 * @throws InputError
 */
function refuseOtherWish(wallet: Wallet, wanted: string, { path, wish }: WalletFile): void {
  const value = formatUnits(wallet.lockers().reduce((sum, { units }) => sum + units, 0n));
  if (wanted === (wish ?? value)) return;
  const problem = `wanted ${wanted}, but ${path} has the locker of a run before, and whoever has`;
  const remedy = 'unlock it and remove that file first';
  throw new InputError(`${problem} its code can take ${value}: ${remedy}`);
}

/** `returned`: too few servers took it, so it is back with new secrets. `rest`: not meant. */
function lockOutcome(
  { id, place, state }: WalletCoin,
  { locked, returned }: { locked: ReadonlySet<number>; returned: ReadonlySet<number> },
): string {
  if (locked.has(id)) return 'locked';
  if (state === 'pending' || place === 'locker') return 'pending';
  return returned.has(id) ? 'returned' : 'rest';
}

function tellLockers(
  wallet: Wallet,
  path: string,
  { json, context }: { json: boolean; context: CommandContext },
): void {
  for (const { code, locked } of wallet.lockers()) {
    if (locked.length === 0) continue;
    const coins = locked.flatMap((id) => wallet.coin(id) ?? []);
    const value = formatUnits(totalUnits(coins));
    if (json) context.event({ event: 'locker', code, value, coins: coins.length, file: path });
    else {
      context.result(code);
      context.note(
        `whoever has this code can take ${value}; ${path} keeps code and coins: remove it when ` +
          'they have been taken',
      );
    }
  }
}

/** `andvari wallet peek`: what is in a locker. */
export async function peek(
  code: string | undefined,
  options: PeekOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  const text = readCode(code, options.codeFile);
  await withConnection(options, context, async (connection) => {
    const { client } = connection;
    const wallet = await Wallet.open({ store: new MemoryWalletStore(), client });
    const { coins, answered, empty } = await wallet.peek(text, withStages(json, context));
    for (const { denomination, serialNumber, servers } of coins) {
      const value = formatUnits(coinValueUnits(denomination));
      if (json) context.event({ event: 'coin', denomination, serialNumber, value, servers });
      else context.result(`${value}  #${serialNumber}  on ${servers} servers`);
    }
    if (json) {
      context.event({ event: 'locker', coins: coins.length, answered, empty });
    } else {
      const value = formatUnits(totalUnits(coins));
      context.note(`${nounOf(coins.length)}, ${value}; ${answered} servers answered`);
    }
    if (answered === 0) context.exitCode = ExitCode.NETWORK;
    else if (coins.length === 0) context.exitCode = ExitCode.REFUSED;
  });
}

/** `andvari wallet unlock`: takes what is in a locker into a new coin file. */
export async function unlock(
  code: string | undefined,
  options: UnlockOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  // In the one form that a code has: it is the same locker however the code is typed.
  const text = parseLockerCode(readCode(code, options.codeFile), await openDigests());
  await withConnection(options, context, async (connection) => {
    const directory = options.out ?? '.';
    makeDirectory(directory, 0o700);
    // The name tells the next run of the same command from others, and does not tell the code.
    const name = createHash('sha256').update(`unlock:${text}`).digest('hex').slice(0, 16);
    const path = join(directory, `unlock-${name}.wallet`);
    const pending = WalletFile.open(path, { create: true });
    const work = {
      run: async (wallet: Wallet, { resumed }: { resumed: boolean }) => {
        const stages = withStages(json, context);
        if (resumed) await wallet.resolvePending(stages);
        if (resumed && wallet.coins().every(({ owned }) => owned)) return;
        const { left } = await unlockOrTell(wallet, text, { directory, path, stages, context });
        for (const { denomination, serialNumber, servers } of left) {
          const value = formatUnits(coinValueUnits(denomination));
          const problem = `only ${servers} servers have it in the locker`;
          if (json) context.event({ event: 'left', denomination, serialNumber, value, servers });
          else context.note(`left there: ${value} #${serialNumber}: ${problem}`);
        }
      },
      outcomeOf: unlockOutcome,
      good: ['owned'],
    };
    await settleChange({ pending, directory, connection, files: [] }, work, { json, context });
  });
}

/** A locker that a run before has emptied is named with the file that has its coins. */
async function unlockOrTell(
  wallet: Wallet,
  code: string,
  { directory, path, stages, context }: UnlockPlace,
): Promise<UnlockResult> {
  try {
    return await wallet.unlock(code, stages);
  } catch (error) {
    for (const file of resultsOf(directory, path)) {
      context.note(`${file}: a run of the same command has written this before`);
    }
    throw error;
  }
}

interface UnlockPlace {
  directory: string;
  path: string;
  stages: WalletOperationOptions;
  context: CommandContext;
}

function unlockOutcome({ owned, grade }: WalletCoin): string {
  if (owned) return 'owned';
  return grade.name === 'counterfeit' ? 'refused' : 'pending';
}

/**
 * The code, from the command line or, kept from other users of this machine, from a file.
 * @throws InputError
 */
function readCode(code: string | undefined, file: string | undefined): string {
  if ((code === undefined) === (file === undefined)) {
    throw new InputError('wanted a locker code, or --code-file with a file that holds it');
  }
  if (file === undefined) return (code as string).trim();
  try {
    const bytes =
      file === '-' ? readStdin(CODE_FILE_BYTES_MAX) : readRegularFile(file, CODE_FILE_BYTES_MAX);
    return bytes.toString().trim();
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(`${file}: wanted a locker code and nothing else: ${message}`);
  }
}
