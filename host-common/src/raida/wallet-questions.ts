/** What a wallet asks servers about its entries. Every answer is recorded as soon as it is in. */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import type { CoinAnswer, FindAnswer } from './answers.ts';
import type { OperationOptions, RaidaClient } from './client.ts';
import type { Progress } from './lanes.ts';
import {
  applyDetected,
  applyFound,
  lightOfFound,
  unanswered,
  unsettled,
  type WalletEntry,
} from './wallet-entry.ts';
import { asLights, asProposal, indicesWhere } from './wallet-groups.ts';
import type { WalletLedger } from './wallet-ledger.ts';
import type { StepOptions } from './wallet-stage.ts';

/** One question to the servers about a list of entries. */
export interface Question<Answer> {
  run(onAnswers: (progress: Progress<Answer>) => void): Promise<unknown>;
  /** The entry after its 25 answers. */
  apply(entry: WalletEntry, row: readonly Answer[], index: number): WalletEntry;
  told(progress: Progress<Answer>): void;
}

export class WalletQuestions {
  readonly client: RaidaClient;
  readonly ledger: WalletLedger;

  constructor(client: RaidaClient, ledger: WalletLedger) {
    this.client = client;
    this.ledger = ledger;
  }

  /** The entries as they are now. */
  current(entries: readonly WalletEntry[]): WalletEntry[] {
    return entries.map(({ id }) => this.ledger.entry(id));
  }

  /** Lights for all; entries with two candidates at a server are found, which may settle them. */
  async detect(group: readonly WalletEntry[], options: StepOptions): Promise<void> {
    const settled = group.filter((entry) => unsettled(entry) === 0);
    await this.ask<CoinAnswer>(settled, options, {
      run: (onAnswers) => this.client.detect(settled, operation(options, { onAnswers })),
      apply: applyDetected,
      told: asLights(settled, options.onLights, ({ status }) => status),
    });
    const open = group.filter((entry) => unsettled(entry) !== 0);
    await this.find(open, options, () => true);
  }

  /** Asks servers that have not said which of two ANs they hold. */
  findUnanswered(entries: readonly WalletEntry[], options: StepOptions): Promise<void> {
    const open = entries.filter((entry) => unanswered(entry) !== 0);
    return this.find(open, options, (index, raidaId) => {
      const entry = open[index];
      return entry !== undefined && ((unanswered(entry) >> raidaId) & 1) === 1;
    });
  }

  /** Asks the servers that are wanted for an entry which of its ANs they hold. */
  find(
    entries: readonly WalletEntry[],
    options: StepOptions,
    wanted: (index: number, raidaId: number) => boolean,
  ): Promise<void> {
    return this.ask<FindAnswer>(entries, options, {
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
  async ask<Answer extends CoinAnswer | FindAnswer>(
    entries: readonly WalletEntry[],
    { heard }: StepOptions,
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
        if (progress.indices.length > 0) heard?.(progress.raidaId);
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
export function operation<Answer>(
  { signal, timeoutMs }: StepOptions,
  more: Pick<OperationOptions<Answer>, 'onAnswers' | 'select' | 'requestBytesMax'>,
): OperationOptions<Answer> {
  return { signal, timeoutMs, ...more };
}
