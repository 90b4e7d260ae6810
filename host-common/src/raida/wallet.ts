/**
 * A wallet: coins, what is known of them, and changes of ownership that survive a crash at any
 * moment. New ANs are saved before they are sent, and both are kept until the server has said which
 * of the two it holds.
 *
 * Operations on different coins may run side by side; on the same coin the second is refused.
 */
import type { RaidaClient } from './client.ts';
import { type CoinKeys, coinNumber } from './coin.ts';
import { type CoinFile, type FileCoin, formatCoinFile, type NamedFile } from './coin-file.ts';
import { type RandomSource, systemRandom } from './new-numbers.ts';
import { coinsForAmount } from './wallet-amount.ts';
import { Change, type ChangeResult, type ChangeWish } from './wallet-change.ts';
import {
  newEntry,
  parseLights,
  placeOf,
  sameKeys,
  unanswered,
  viewOf,
  type WalletCoin,
  type WalletEntry,
} from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';
import { groupsOf, roundsOf } from './wallet-groups.ts';
import { Healing, type HealResult, sortHealed } from './wallet-heal.ts';
import { WalletLedger } from './wallet-ledger.ts';
import {
  type LockerContents,
  Lockers,
  type LockerView,
  type LockOptions,
  type LockResult,
  lockersOf,
  type UnlockResult,
} from './wallet-locker.ts';
import { Ownership } from './wallet-ownership.ts';
import { WalletQuestions } from './wallet-questions.ts';
import { stagesOf, type WalletOperationOptions } from './wallet-stage.ts';
import type { WalletStore } from './wallet-store.ts';
import { totalsOf, type WalletTotals } from './wallet-totals.ts';

export type { WalletOperationOptions } from './wallet-stage.ts';

export interface WalletOptions {
  store: WalletStore;
  client: RaidaClient;
  /** Source of new ANs; crypto.getRandomValues if left out. */
  random?: RandomSource;
}

export interface ImportResult {
  /** Ids of the new entries, in the file's order. */
  added: number[];
  /** Those of `added` whose coin was in the wallet already, with other keys. */
  candidates: number[];
  /** Coins that were in the wallet with the same keys, and were left out. */
  duplicates: number;
}

export class Wallet {
  private readonly ledger: WalletLedger;
  private readonly questions: WalletQuestions;
  private readonly ownership: Ownership;
  private readonly healing: Healing;
  private readonly locking: Lockers;
  private readonly changing: Change;

  private constructor(options: WalletOptions, ledger: WalletLedger) {
    const { client, random = systemRandom } = options;
    this.ledger = ledger;
    this.questions = new WalletQuestions(client, ledger);
    this.ownership = new Ownership(this.questions, random);
    this.healing = new Healing(this.questions, this.ownership, random);
    this.locking = new Lockers(this.questions, this.ownership, random);
    this.changing = new Change(this.questions, random);
  }

  /**
   * Loads a wallet. Throws WalletError ANDVARI_WALLET_STATE if the store holds no wallet, and
   * whatever the store rejects with. Call resolvePending() next: it finishes what was interrupted.
   */
  static async open(options: WalletOptions): Promise<Wallet> {
    return new Wallet(options, await WalletLedger.load(options.store));
  }

  /** All coins, in the order in which they came. */
  coins(): WalletCoin[] {
    return Array.from(this.ledger.entries(), (entry) => viewOf(entry, this.ledger.isHeld(entry)));
  }

  /** Undefined: no such coin. */
  coin(id: number): WalletCoin | undefined {
    const entry = this.ledger.find(id);
    return entry && viewOf(entry, this.ledger.isHeld(entry));
  }

  /** Count and value by grade. */
  totals(): WalletTotals {
    return totalsOf(this.coins());
  }

  /** The ANs of a coin (a copy), for encryptWith(). They are the money: keep them nowhere. */
  keys(id: number): CoinKeys {
    const { denomination, serialNumber, authenticationNumbers } = this.ledger.entry(id);
    const copy = new Uint8Array(authenticationNumbers);
    return { denomination, serialNumber, authenticationNumbers: copy };
  }

  /**
   * Takes the coins of a file in, durably. A coin that is here with other keys becomes a second
   * entry (only the servers know which is right); one with the same keys is left out. Proposed ANs
   * of the file are kept as candidates. Throws ANDVARI_WALLET_FULL, and then takes none.
   */
  async importCoins(file: Pick<CoinFile, 'coins'>): Promise<ImportResult> {
    const result: ImportResult = { added: [], candidates: [], duplicates: 0 };
    await this.ledger.commit(() => {
      const present = Map.groupBy(this.ledger.entries(), coinNumber);
      const put: WalletEntry[] = [];
      for (const coin of file.coins) {
        const entry = newEntry(this.ledger.nextId + put.length, coin);
        const others = present.get(coinNumber(coin)) ?? [];
        if (others.some((other) => sameKeys(other, entry))) {
          result.duplicates++;
          continue;
        }
        present.set(coinNumber(coin), [...others, entry]);
        put.push(entry);
        result.added.push(entry.id);
        if (others.length > 0) result.candidates.push(entry.id);
      }
      this.ledger.wantRoom(put.length);
      return { put, nextId: this.ledger.nextId + put.length };
    });
    return result;
  }

  /** The coins as one file. A change of ownership that is not finished travels with them. */
  exportCoins(ids: readonly number[], tag = ''): NamedFile {
    this.refuseTied(ids);
    const coins = this.ledger.idle(ids).map((entry): FileCoin => {
      const { denomination, serialNumber, authenticationNumbers, proposedNumbers } = entry;
      const results = parseLights(entry.lights);
      const coin = { denomination, serialNumber, authenticationNumbers, results };
      return proposedNumbers ? { ...coin, proposedNumbers } : coin;
    });
    return formatCoinFile(coins, { tag });
  }

  /** Forgets coins, keys and all, durably. */
  async remove(ids: readonly number[]): Promise<void> {
    await this.ledger.hold(ids, (entries) =>
      this.ledger.commit(() => ({ remove: entries.map(({ id }) => id) })),
    );
  }

  /**
   * Asks all servers about the coins (all that are idle and in no locker, if left out). Where a
   * server may hold one of two ANs it is asked which, so this also settles what it can.
   */
  async detect(ids?: readonly number[], options: WalletOperationOptions = {}): Promise<void> {
    await this.ledger.hold(ids ?? this.freeIds(), async (entries) => {
      for (const group of groupsOf(entries)) await this.questions.detect(group, options);
    });
  }

  /**
   * Gives the coins new ANs that nobody else has. They are saved before they are sent. Where no
   * answer tells which AN a server holds, both stay, and resolvePending() asks again. Rejects with
   * the signal's reason when cancelled: what was answered by then is recorded like any answer.
   */
  async takeOwnership(ids: readonly number[], options: WalletOperationOptions = {}): Promise<void> {
    await this.holdFree(ids, async (entries) => {
      for (const group of roundsOf(entries).flatMap(groupsOf)) {
        options.signal?.throwIfAborted();
        await this.ownership.take(group, options);
      }
    });
  }

  /**
   * Makes fracked coins (all that are, if left out) known to the servers that say counterfeit, by
   * the word of at least 13 others. Can be cut off at any moment and run again.
   */
  async heal(ids?: readonly number[], options: WalletOperationOptions = {}): Promise<HealResult> {
    const fracked = () => this.freeIds().filter((id) => this.coin(id)?.grade.fracked);
    return this.holdFree(ids ?? fracked(), async (entries) => {
      const stage = stagesOf('heal', options);
      for (const group of roundsOf(entries).flatMap(groupsOf)) {
        await this.healing.heal(group, stage);
      }
      const result = { healed: [], fracked: [], unhealable: [], undecided: [] };
      sortHealed(this.questions.current(entries), result);
      return result;
    });
  }

  /**
   * Puts coins in a locker, for whoever is told its code. `what`: ids, or an amount in units
   * of 1e-8, made up of owned coins exactly: else ANDVARI_WALLET_AMOUNT. A coin that 13 servers do
   * not find authentic is refused (ANDVARI_WALLET_UNFIT), and then none goes. With the code of an
   * earlier lock() that was cut off, `what` may name its coins too, wherever they are: it goes on.
   */
  async lock(
    what: readonly number[] | { units: bigint },
    options: LockOptions = {},
  ): Promise<LockResult> {
    const ids =
      'units' in what
        ? coinsForAmount(
            this.free().filter(({ owned }) => owned),
            what.units,
          )
        : what;
    const isInside = (id: number) =>
      options.code !== undefined && this.ledger.entry(id).locker === options.code;
    this.refuseTied(ids.filter((id) => !isInside(id)));
    return this.ledger.hold(ids, (entries) => {
      const names = new Set(entries.map(coinNumber));
      if (names.size === entries.length && entries.length > 0) {
        return this.locking.lock(entries, options);
      }
      const problem = 'coins for a locker: wanted at least one, and each coin once';
      throw new WalletError('ANDVARI_WALLET_UNFIT', problem);
    });
  }

  /** What is in a locker. Changes nothing. Throws ANDVARI_WALLET_CODE for a mistyped code. */
  peek(code: string, options: WalletOperationOptions = {}): Promise<LockerContents> {
    return this.locking.peek(code, options);
  }

  /**
   * Takes the coins of a locker, also back from one of this wallet's. Throws ANDVARI_WALLET_CODE
   * for a mistyped code, ANDVARI_WALLET_LOCKER if fewer than 13 servers have a coin in it. Coins
   * that are in the wallet with other keys become second entries, as with importCoins().
   */
  async unlock(code: string, options: WalletOperationOptions = {}): Promise<UnlockResult> {
    const { ids, keys, left } = await this.locking.prepare(code, options);
    return this.ledger.hold(ids, (entries) =>
      this.locking.unlock(entries, { keys, left }, options),
    );
  }

  /** Lockers with coins that this wallet put there, or is taking out. The codes are money. */
  lockers(): LockerView[] {
    return lockersOf(this.ledger.entries());
  }

  /**
   * Breaks one coin into ten of the next smaller denomination, or joins ten to one. The coins must
   * be authentic and not fracked (ANDVARI_WALLET_UNFIT), and the servers must agree on free serial
   * numbers (ANDVARI_WALLET_CHANGE); then nothing has been changed.
   */
  async change(wish: ChangeWish, options: WalletOperationOptions = {}): Promise<ChangeResult> {
    const [kind, ids] =
      'break' in wish ? ['break' as const, [wish.break]] : ['join' as const, wish.join];
    return this.holdFree(ids, (entries) => this.changing.run(kind, entries, options));
  }

  /**
   * Asks each server that has not said so which AN it holds, old or new; also after a restart. Goes
   * on with changes (break, join) that were cut off. Gives the ids of the coins that are settled
   * now and were not. Works on idle coins only.
   */
  async resolvePending(options: WalletOperationOptions = {}): Promise<number[]> {
    const ids = this.idleIds().filter((id) => unanswered(this.ledger.entry(id)) !== 0);
    await this.ledger.hold(ids, async (entries) => {
      for (const group of groupsOf(entries)) await this.questions.findUnanswered(group, options);
    });
    const settled = ids.filter((id) => unanswered(this.ledger.entry(id)) === 0);
    const made = await this.resumeChanges(options);
    return [...settled.filter((id) => this.ledger.find(id)), ...made];
  }

  /** Forgets the keys here (not in the store). Operations under way then end with an error. */
  close(): void {
    this.ledger.close();
  }

  private idleIds(): number[] {
    const entries = Array.from(this.ledger.entries());
    return entries.filter((entry) => !this.ledger.isHeld(entry)).map(({ id }) => id);
  }

  private free(): WalletCoin[] {
    return this.coins().filter(({ place, busy }) => place === 'wallet' && !busy);
  }

  /** Ids of coins that are simply in the wallet: in no locker, in no change, idle. */
  private freeIds(): number[] {
    return this.free().map(({ id }) => id);
  }

  /** Runs an operation on coins that must be in no locker and no change. */
  private holdFree<Result>(
    ids: readonly number[],
    operation: (entries: WalletEntry[]) => Promise<Result>,
  ): Promise<Result> {
    this.refuseTied(ids);
    return this.ledger.hold(ids, operation);
  }

  private refuseTied(ids: readonly number[]): void {
    for (const id of ids) {
      const entry = this.ledger.entry(id);
      const place = placeOf(entry);
      if (place === 'wallet') continue;
      const name = `denomination ${entry.denomination}, serial number ${entry.serialNumber}`;
      const where = place === 'locker' ? 'is in a locker' : 'takes part in an unfinished change';
      throw new WalletError('ANDVARI_WALLET_UNFIT', `${name} ${where}`);
    }
  }

  /** Goes on with every change whose coins are idle. Gives the ids of coins that it made. */
  private async resumeChanges(options: WalletOperationOptions): Promise<number[]> {
    const tied = this.idleIds().map((id) => this.ledger.entry(id));
    const groups = Map.groupBy(tied, ({ change }) => change?.group);
    const made: number[] = [];
    for (const [group, members] of groups) {
      if (group === undefined) continue;
      const ids = members.map(({ id }) => id);
      const result = await this.ledger.hold(ids, (entries) =>
        this.changing.resume(entries, options),
      );
      made.push(...result.made);
    }
    return made;
  }
}
