/**
 * A wallet: coins, what is known of them, and changes of ownership that survive a crash at any
 * moment. New ANs are saved before they are sent, and both are kept until the server has said which
 * of the two it holds.
 *
 * Operations on different coins may run side by side; on the same coin the second is refused.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import type { CoinAnswer, FindAnswer } from './answers.ts';
import type { OperationOptions, RaidaClient } from './client.ts';
import { type CoinKeys, coinNumber } from './coin.ts';
import { type CoinFile, type FileCoin, formatCoinFile, type NamedFile } from './coin-file.ts';
import type { Progress } from './lanes.ts';
import { WALLET_ENTRIES_MAX } from './limits.ts';
import { type RandomSource, systemRandom } from './new-numbers.ts';
import {
  applyDetected,
  applyFound,
  applyPowned,
  lightOfFound,
  newEntry,
  parseLights,
  propose,
  sameKeys,
  takesPart,
  unanswered,
  unsettled,
  viewOf,
  type WalletCoin,
  type WalletEntry,
} from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';
import {
  asLights,
  asProposal,
  groupsOf,
  indicesWhere,
  roundsOf,
  type WalletProgress,
} from './wallet-groups.ts';
import { WalletLedger } from './wallet-ledger.ts';
import type { WalletStore } from './wallet-store.ts';
import { totalsOf, type WalletTotals } from './wallet-totals.ts';

export interface WalletOptions {
  store: WalletStore;
  client: RaidaClient;
  /** Source of new ANs; crypto.getRandomValues if left out. */
  random?: RandomSource;
}

export interface WalletOperationOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  onLights?: (progress: WalletProgress) => void;
}

export interface ImportResult {
  /** Ids of the new entries, in the file's order. */
  added: number[];
  /** Those of `added` whose coin was in the wallet already, with other keys. */
  candidates: number[];
  /** Coins that were in the wallet with the same keys, and were left out. */
  duplicates: number;
}

/** One question to the servers about a list of entries. */
interface Question<Answer> {
  run(onAnswers: (progress: Progress<Answer>) => void): Promise<unknown>;
  /** The entry after its 25 answers. */
  apply(entry: WalletEntry, row: readonly Answer[], index: number): WalletEntry;
  told(progress: Progress<Answer>): void;
}

export class Wallet {
  private readonly client: RaidaClient;
  private readonly random: RandomSource;
  private readonly ledger: WalletLedger;

  private constructor(options: WalletOptions, ledger: WalletLedger) {
    this.client = options.client;
    this.random = options.random ?? systemRandom;
    this.ledger = ledger;
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
      const room = WALLET_ENTRIES_MAX - this.ledger.size;
      if (put.length > room) {
        const problem = `${put.length} new coins do not fit: the wallet has room for ${room}`;
        throw new WalletError('ANDVARI_WALLET_FULL', problem);
      }
      return { put, nextId: this.ledger.nextId + put.length };
    });
    return result;
  }

  /** The coins as one file. A change of ownership that is not finished travels with them. */
  exportCoins(ids: readonly number[], tag = ''): NamedFile {
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
   * Asks all servers about the coins (all that are idle, if left out). Where a server may hold one
   * of two ANs it is asked which, so this also settles what it can.
   */
  async detect(ids?: readonly number[], options: WalletOperationOptions = {}): Promise<void> {
    await this.ledger.hold(ids ?? this.idleIds(), async (entries) => {
      for (const group of groupsOf(entries)) {
        const settled = group.filter((entry) => unsettled(entry) === 0);
        await this.ask<CoinAnswer>(settled, {
          run: (onAnswers) => this.client.detect(settled, operation(options, { onAnswers })),
          apply: applyDetected,
          told: asLights(settled, options.onLights, ({ status }) => status),
        });
        const open = group.filter((entry) => unsettled(entry) !== 0);
        await this.find(open, options, () => true);
      }
    });
  }

  /**
   * Gives the coins new ANs that nobody else has. They are saved before they are sent. Where no
   * answer tells which AN a server holds, both stay, and resolvePending() asks again. Rejects with
   * the signal's reason when cancelled: what was answered by then is recorded like any answer.
   */
  async takeOwnership(ids: readonly number[], options: WalletOperationOptions = {}): Promise<void> {
    await this.ledger.hold(ids, async (entries) => {
      for (const group of roundsOf(entries).flatMap(groupsOf)) {
        options.signal?.throwIfAborted();
        await this.takeGroup(group, options);
      }
    });
  }

  /**
   * Asks each server that has not said so which AN it holds, old or new; also after a restart.
   * Gives the ids of the coins that are settled now and were not. Works on idle coins only.
   */
  async resolvePending(options: WalletOperationOptions = {}): Promise<number[]> {
    const ids = this.idleIds().filter((id) => unanswered(this.ledger.entry(id)) !== 0);
    await this.ledger.hold(ids, async (entries) => {
      for (const group of groupsOf(entries)) await this.findUnanswered(group, options);
    });
    return ids.filter((id) => unanswered(this.ledger.entry(id)) === 0);
  }

  /** Forgets the keys here (not in the store). Operations under way then end with an error. */
  close(): void {
    this.ledger.close();
  }

  private idleIds(): number[] {
    const entries = Array.from(this.ledger.entries());
    return entries.filter((entry) => !this.ledger.isHeld(entry)).map(({ id }) => id);
  }

  private async takeGroup(group: WalletEntry[], options: WalletOperationOptions): Promise<void> {
    // What came unfinished is settled first: where that succeeds, the new AN is one of ours.
    const open = group.filter((entry) => unanswered(entry) !== 0);
    await this.findUnanswered(open, options);
    const current = group.map(({ id }) => this.ledger.entry(id));
    const proposed = current.map((entry) => propose(entry, this.random));
    await this.ledger.commit(() => ({ put: proposed }));
    const asked: (readonly CoinAnswer[])[] = [];
    await this.ask<CoinAnswer>(proposed, {
      run: (onAnswers) => {
        const select = (raidaId: number) =>
          indicesWhere(proposed, (entry) => takesPart(entry, raidaId));
        return this.client.pown(
          proposed.map(asProposal),
          operation(options, { onAnswers, select }),
        );
      },
      apply: (entry, row, index) => {
        asked[index] = row;
        return applyPowned(entry, row);
      },
      // A `fail` is no light yet: the server may hold the proposal.
      told: asLights(proposed, options.onLights, ({ status }) =>
        status === 'fail' ? undefined : status,
      ),
    });
    // Servers that answered, but not with a plain yes, are asked at once; silent ones later.
    const after = proposed.map(({ id }) => this.ledger.entry(id));
    await this.find(after, options, (index, raidaId) => {
      const status = asked[index]?.[raidaId]?.status;
      return status === 'fail' || status === 'error';
    });
  }

  private findUnanswered(entries: WalletEntry[], options: WalletOperationOptions): Promise<void> {
    return this.find(entries, options, (index, raidaId) => {
      const entry = entries[index];
      return entry !== undefined && ((unanswered(entry) >> raidaId) & 1) === 1;
    });
  }

  /** Asks the servers that are wanted for an entry which of its ANs they hold. */
  private find(
    entries: WalletEntry[],
    options: WalletOperationOptions,
    wanted: (index: number, raidaId: number) => boolean,
  ): Promise<void> {
    return this.ask<FindAnswer>(entries, {
      run: (onAnswers) => {
        const select = (raidaId: number) =>
          indicesWhere(entries, (_, index) => wanted(index, raidaId));
        return this.client.find(entries.map(asProposal), operation(options, { onAnswers, select }));
      },
      apply: applyFound,
      told: asLights(entries, options.onLights, ({ status }) => lightOfFound(status)),
    });
  }

  /** Records every answer, also those that came before the question was cancelled or failed. */
  private async ask<Answer extends CoinAnswer | FindAnswer>(
    entries: readonly WalletEntry[],
    question: Question<Answer>,
  ): Promise<void> {
    if (entries.length === 0) return;
    const none = { status: 'none' } as Answer;
    const rows = entries.map(() => new Array<Answer>(RAIDA_COUNT).fill(none));
    let failure: { reason: unknown } | undefined;
    try {
      await question.run((progress) => {
        for (const [place, index] of progress.indices.entries()) {
          const row = rows[index];
          if (row) row[progress.raidaId] = progress.answers[place] ?? none;
        }
        question.told(progress);
      });
    } catch (reason) {
      failure = { reason };
    }
    const changed = entries.map((entry, index) => question.apply(entry, rows[index] ?? [], index));
    await this.ledger.learn(changed);
    if (failure) throw failure.reason;
  }
}

/** The client's options for one question. */
function operation<Answer>(
  { signal, timeoutMs }: WalletOperationOptions,
  more: Pick<OperationOptions<Answer>, 'onAnswers' | 'select'>,
): OperationOptions<Answer> {
  return { signal, timeoutMs, ...more };
}
