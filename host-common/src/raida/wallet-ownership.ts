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
import { operation, type WalletQuestions } from './wallet-questions.ts';
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

  private async send(
    group: readonly WalletEntry[],
    options: StepOptions,
    keys?: Uint8Array,
  ): Promise<void> {
    const { client, ledger } = this.questions;
    const proposed = group.map((entry) => propose(entry, this.random));
    await ledger.commit(() => ({ put: proposed }));
    const asked: (readonly CoinAnswer[])[] = [];
    const removes = (entry: WalletEntry, raidaId: number) =>
      keys !== undefined && inLocker(entry, raidaId);
    const select = (removed: boolean) => (raidaId: number) =>
      indicesWhere(
        proposed,
        (entry) => takesPart(entry, raidaId) && removes(entry, raidaId) === removed,
      );
    await this.questions.ask<CoinAnswer>(proposed, options, {
      run: async (onAnswers) => {
        const list = proposed.map(asProposal);
        const pown = client.pown(list, operation(options, { onAnswers, select: select(false) }));
        if (!keys) return pown;
        const more = operation(options, { onAnswers, select: select(true) });
        const ended = await Promise.allSettled([pown, client.lockers.remove(list, keys, more)]);
        for (const end of ended) if (end.status === 'rejected') throw end.reason;
        return ended;
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
    await this.questions.find(this.questions.current(proposed), options, (index, raidaId) => {
      const status = asked[index]?.[raidaId]?.status;
      return status === 'fail' || status === 'error';
    });
  }
}
