/**
 * Changes of ownership: new ANs for coins, by pown, or by removal from a locker where the AN is the
 * key of one. Saved before they are sent.
 */
import type { CoinAnswer } from './answers.ts';
import { authenticationNumber } from './coin.ts';
import { isLockerKey, type RandomSource } from './new-numbers.ts';
import {
  applyPowned,
  propose,
  takesPart,
  unanswered,
  unsettled,
  type WalletEntry,
} from './wallet-entry.ts';
import { asLights, asProposal, indicesWhere } from './wallet-groups.ts';
import { operation, type Question, type WalletQuestions } from './wallet-questions.ts';
import type { StepOptions } from './wallet-stage.ts';

/** Whether the server's AN (as far as anyone knows) is the key of a locker. */
export function inLocker(entry: WalletEntry, raidaId: number): boolean {
  return isLockerKey(authenticationNumber(entry.authenticationNumbers, raidaId));
}

/** Whether a server may still carry out a request to put the coin in a locker. */
function mayEnterLocker(entry: WalletEntry): boolean {
  const { proposedNumbers } = entry;
  if (!proposedNumbers) return false;
  return indicesOfMask(unsettled(entry)).some((raidaId) =>
    isLockerKey(authenticationNumber(proposedNumbers, raidaId)),
  );
}

/** Ids of the servers whose bits are set. */
export function indicesOfMask(mask: number): number[] {
  return Array.from({ length: 32 }, (_, raidaId) => raidaId).filter((id) => (mask >>> id) & 1);
}

/** Servers that hold the AN though a new one, of this wallet alone, was sent to them. */
function openOwn({ offered, proposedNumbers }: WalletEntry): number {
  if (!proposedNumbers) return 0;
  const own = indicesOfMask(offered).filter(
    (raidaId) => !isLockerKey(authenticationNumber(proposedNumbers, raidaId)),
  );
  return own.reduce((mask, raidaId) => mask | (1 << raidaId), 0);
}

export class Ownership {
  private readonly questions: WalletQuestions;
  private readonly random: RandomSource;

  constructor(questions: WalletQuestions, random: RandomSource) {
    this.questions = questions;
    this.random = random;
  }

  /**
   * New ANs for a group in which no coin occurs twice. `keys`: of the locker that all of them are
   * in (400 bytes); where that is so they are taken out of it.
   */
  async take(
    group: readonly WalletEntry[],
    options: StepOptions,
    keys?: Uint8Array,
  ): Promise<void> {
    const { questions } = this;
    // What came unfinished is settled first: where that succeeds, the new AN is one of ours.
    await questions.findUnanswered(
      group.filter((entry) => unanswered(entry) !== 0),
      options,
    );
    // A put that may be under way is finished first, so that there are never three candidates.
    const entering = questions.current(group).filter(mayEnterLocker);
    if (entering.length > 0) await this.send(entering, options, keys);
    options.signal?.throwIfAborted();
    await this.send(questions.current(group), options, keys);
  }

  /**
   * Sends a change of ownership once more to the servers that were away for it and have said since
   * that they hold the old AN; all others are left alone. So a server that was away for a while is
   * one like the others before anybody is asked to vouch for the coin, or it goes to a locker.
   */
  async finish(group: readonly WalletEntry[], options: StepOptions): Promise<void> {
    const { client, ledger } = this.questions;
    const late = group.filter((entry) => openOwn(entry) !== 0);
    const masks = late.map(openOwn);
    const proposed = late.map((entry, index): WalletEntry => {
      const mask = masks[index] ?? 0;
      return { ...entry, unknown: entry.unknown | mask, offered: entry.offered & ~mask };
    });
    if (proposed.length === 0) return;
    await ledger.commit(() => ({ put: proposed }));
    await this.sendProposed(proposed, options, (onAnswers) => {
      const select = (raidaId: number) =>
        indicesWhere(proposed, (_, index) => (((masks[index] ?? 0) >> raidaId) & 1) === 1);
      return client.pown(proposed.map(asProposal), operation(options, { onAnswers, select }));
    });
  }

  private async send(
    group: readonly WalletEntry[],
    options: StepOptions,
    keys?: Uint8Array,
  ): Promise<void> {
    const { client, ledger } = this.questions;
    const proposed = group.map((entry) => propose(entry, this.random));
    await ledger.commit(() => ({ put: proposed }));
    const removes = (entry: WalletEntry, raidaId: number) =>
      keys !== undefined && inLocker(entry, raidaId);
    const select = (removed: boolean) => (raidaId: number) =>
      indicesWhere(
        proposed,
        (entry) => takesPart(entry, raidaId) && removes(entry, raidaId) === removed,
      );
    await this.sendProposed(proposed, options, async (onAnswers) => {
      const list = proposed.map(asProposal);
      const pown = client.pown(list, operation(options, { onAnswers, select: select(false) }));
      if (!keys) return pown;
      const more = operation(options, { onAnswers, select: select(true) });
      const ended = await Promise.allSettled([pown, client.lockers.remove(list, keys, more)]);
      for (const end of ended) if (end.status === 'rejected') throw end.reason;
      return ended;
    });
  }

  /** Sends proposals that are in the ledger, and asks again where the answer is no plain yes. */
  private async sendProposed(
    proposed: readonly WalletEntry[],
    options: StepOptions,
    run: Question<CoinAnswer>['run'],
  ): Promise<void> {
    const asked: (readonly CoinAnswer[])[] = [];
    await this.questions.ask<CoinAnswer>(proposed, options, {
      run,
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
    await this.questions.find(this.questions.current(proposed), options, (index, raidaId) => {
      const status = asked[index]?.[raidaId]?.status;
      return status === 'fail' || status === 'error';
    });
  }
}
