/** What a wallet tells of an operation while it runs: plain objects that workers can pass on. */
import { tell } from './lanes.ts';
import type { WalletProgress } from './wallet-groups.ts';

export interface WalletStage {
  operation: 'heal' | 'lock' | 'peek' | 'unlock' | 'change';
  /**
   * `settle`: servers say which of two ANs they hold. `tickets`, `fix`: healing. `detect`: servers
   * say whether the ANs are right. `put`, `peek`, `take`: lockers. `reserve`, `exchange`: change.
   */
  stage: 'settle' | 'tickets' | 'fix' | 'detect' | 'put' | 'peek' | 'take' | 'reserve' | 'exchange';
  /** Servers that have answered, or were given up: 0 opens a stage, `total` ends it. */
  done: number;
  total: number;
  /** Coins that the stage is about; 0 while nobody knows. */
  coins: number;
}

export interface WalletOperationOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  onLights?: (progress: WalletProgress) => void;
  onStage?: (stage: WalletStage) => void;
}

/** Options of one step; `heard`: a server has answered something. */
export interface StepOptions extends WalletOperationOptions {
  heard?: (raidaId: number) => void;
}

export type RunStage = <Result>(
  stage: WalletStage['stage'],
  about: { coins: number; servers: number },
  step: (options: StepOptions) => Promise<Result>,
) => Promise<Result>;

/** Runs steps of an operation and tells onStage how many servers have answered. */
export function stagesOf(
  operation: WalletStage['operation'],
  options: WalletOperationOptions,
): RunStage {
  return async (stage, { coins, servers: total }, step) => {
    options.signal?.throwIfAborted();
    const told = (done: number) => tell(options.onStage, { operation, stage, done, total, coins });
    const heard = new Set<number>();
    told(0);
    const result = await step({
      ...options,
      heard: (raidaId) => {
        if (heard.has(raidaId) || heard.size + 1 >= total) return;
        heard.add(raidaId);
        told(heard.size);
      },
    });
    told(total);
    return result;
  };
}
