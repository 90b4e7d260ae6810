import { statusName } from '@andvari/host-common/engine/generated/status';
import { coinNumber, coinValueUnits, formatUnits } from '@andvari/host-common/raida/coin';
import type { Wallet } from '@andvari/host-common/raida/wallet';
import type { ChangeResult, ChangeWish } from '@andvari/host-common/raida/wallet-change';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type { CommandContext } from './command-context.ts';
import { InputError } from './wallet-input.ts';
import { settleChange } from './wallet-pending.ts';
import { type PendingOptions, withPending } from './wallet-pending-open.ts';
import { withStages } from './wallet-stages.ts';

/** Coins of several denominations may share a serial number. */
export interface CoinToBreak {
  serialNumber: number;
  denomination?: number;
}

export interface ChangeOptions extends PendingOptions {
  /** The coin to break; true: the only coin of the files. */
  break?: CoinToBreak | true;
  /** Denomination of the ten coins to join; true: of all the coins. */
  join?: number | true;
}

/** Coins that are joined to one. */
const JOINED = 10;

/**
 * `andvari wallet change`: breaks one coin into ten, or joins ten to one. The coins that the change
 * makes, and all others of the files, go to new files. A run that was cut goes on: with what is
 * left of its change, or, when that is complete, with the files alone.
 */
export async function change(
  paths: readonly string[],
  options: ChangeOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  if ((options.break === undefined) === (options.join === undefined)) {
    throw new InputError('wanted --break or --join');
  }
  await withPending('change', paths, { options, context }, (pending) => {
    const given = new Set(pending.files.flatMap(({ coins }) => coins.map(coinNumber)));
    let changed = false;
    const work = {
      run: async (wallet: Wallet, { resumed }: { resumed: boolean }) => {
        const stages = withStages(json, context);
        // A change that was cut off is finished, and that is all then: it was this one.
        if (resumed && wallet.coins().some(({ place }) => place !== 'wallet')) {
          await wallet.resolvePending(stages);
        } else if (!resumed || isUnchanged(wallet, given)) {
          tellRefusals(await wallet.change(wishOf(wallet, options), stages), { json, context });
        }
        changed = wallet.coins().some((coin) => !given.has(coinNumber(coin)));
      },
      outcomeOf: (coin: WalletCoin) => changeOutcome(coin, { given, changed }),
      good: ['changed', 'rest'],
    };
    return settleChange(pending, work, { json, context });
  });
}

/**
 * Whether the wallet has just the coins of the files. Coins come in all at once and made coins have
 * numbers that none of the files' coins has: a stranger, or one that is missing, means that a
 * change has ended and its coins are on their way to coin files.
 */
function isUnchanged(wallet: Wallet, given: ReadonlySet<number>): boolean {
  const coins = wallet.coins();
  return coins.length === given.size && coins.every((coin) => given.has(coinNumber(coin)));
}

function tellRefusals(
  { outcome, refusals }: ChangeResult,
  { json, context }: { json: boolean; context: CommandContext },
): void {
  if (outcome === 'changed' || refusals.length === 0) return;
  const reasons = refusals.map((status) => `${statusName(status)} (${status})`);
  if (json) context.event({ event: 'refused', refusals });
  else context.note(`servers refused the change: ${reasons.join(', ')}`);
}

function wishOf(wallet: Wallet, options: ChangeOptions): ChangeWish {
  const coins = wallet.coins();
  if (options.break !== undefined) return { break: coinToBreak(coins, options.break) };
  const { join: wanted } = options;
  const found = coins.filter((coin) => wanted === true || coin.denomination === wanted);
  if (wanted === true && found.length !== JOINED) {
    const problem = 'name a denomination with --join DENOMINATION';
    throw new InputError(`wanted ten coins to join, got ${found.length}: ${problem}`);
  }
  return { join: found.slice(0, JOINED).map(({ id }) => id) };
}

function coinToBreak(coins: readonly WalletCoin[], wanted: CoinToBreak | true): number {
  const found = coins.filter(({ serialNumber, denomination }) => {
    if (wanted === true) return true;
    const asked = wanted.denomination ?? denomination;
    return serialNumber === wanted.serialNumber && denomination === asked;
  });
  const [coin, ...others] = found;
  if (coin && others.length === 0) return coin.id;
  const problem = coin
    ? `name one, as with --break ${nameToBreak(coin)}`
    : 'no file has such a coin';
  throw new InputError(`wanted one coin to break, got ${found.length}: ${problem}`);
}

const nameToBreak = ({ denomination, serialNumber }: WalletCoin) =>
  `${formatUnits(coinValueUnits(denomination))}:${serialNumber}`;

/** `changed`: made by the change. `rest`: not meant. `unchanged`: meant, but nothing came of it. */
function changeOutcome(
  coin: WalletCoin,
  { given, changed }: { given: ReadonlySet<number>; changed: boolean },
): string {
  if (coin.place !== 'wallet') return 'pending';
  if (!given.has(coinNumber(coin))) return 'changed';
  return changed ? 'rest' : 'unchanged';
}
