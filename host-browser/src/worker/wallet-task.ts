/** A work of the wallet with its servers, as the desk runs it. */
import type { Wallet, WalletOperationOptions } from '@andvari/host-common/raida/wallet';
import type { Unfinished } from '../storage/sealed-wallet-store.ts';
import type { TaskProgress } from './views.ts';

export interface TaskContext {
  readonly signal: AbortSignal;
  progress(progress: TaskProgress): void;
}

export interface Task<Result> {
  readonly ids: readonly number[];
  readonly run: (wallet: Wallet, options: WalletOperationOptions) => Promise<Result>;
  /** Noted in the store as long as it runs. */
  readonly note?: Unfinished;
}
