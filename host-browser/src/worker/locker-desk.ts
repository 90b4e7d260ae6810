/**
 * Lockers of the open wallet: what the servers said of each, and the rule that no code is forgotten
 * while coins depend on it. Belongs to one Wallet; its owner calls one method at a time.
 */

import { QUORUM } from '@andvari/host-common/raida/grading';
import type { Wallet, WalletOperationOptions } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type { LockerView as WalletLocker } from '@andvari/host-common/raida/wallet-locker';
import {
  type LockerCheck,
  type LockerCoinState,
  lockerCoinStates,
  lockerId,
  lockerView,
} from './locker-views.ts';
import { WorkerFailure } from './messages.ts';
import type { LockerView } from './views.ts';

interface ForgottenCounts {
  readonly forgottenCount: number;
  readonly keptCount: number;
}

export class LockerDesk {
  readonly #wallet: Wallet;
  /** By code. */
  readonly #checks = new Map<string, LockerCheck>();

  constructor(wallet: Wallet) {
    this.#wallet = wallet;
  }

  views(): LockerView[] {
    return this.#wallet
      .lockers()
      .map((locker) => lockerView(locker, this.#coins(locker), this.#checks.get(locker.code)));
  }

  /** Throws WorkerFailure ANDVARI_NO_LOCKER. */
  code(id: number): string {
    return this.#find(id).code;
  }

  /** Id of the locker with this code; undefined: no coin of this wallet is in it. */
  idOf(code: string): number | undefined {
    const locker = this.#wallet.lockers().find((one) => one.code === code);
    return locker && lockerId(locker);
  }

  async checkAll(options: WalletOperationOptions): Promise<void> {
    for (const locker of this.#wallet.lockers()) await this.#check(locker, options);
  }

  /** Looks into one locker, if the wallet still has coins there. */
  async checkCode(code: string, options: WalletOperationOptions): Promise<void> {
    const locker = this.#wallet.lockers().find((one) => one.code === code);
    if (locker !== undefined) await this.#check(locker, options);
  }

  /**
   * Forgets the coins that are in the locker, or have been taken out by somebody else. Those that
   * are on too few servers stay: nobody else could take them, so they would be lost.
   */
  passOn(id: number, options: WalletOperationOptions): Promise<ForgottenCounts> {
    return this.#forget(id, options, ['inside', 'gone']);
  }

  /** Forgets the coins that somebody else has taken out; what is in the locker stays known. */
  forgetGone(id: number, options: WalletOperationOptions): Promise<ForgottenCounts> {
    return this.#forget(id, options, ['gone']);
  }

  async #forget(
    id: number,
    options: WalletOperationOptions,
    which: readonly LockerCoinState[],
  ): Promise<ForgottenCounts> {
    const locker = this.#find(id);
    await this.#check(locker, options);
    const check = this.#checks.get(locker.code);
    if (check === undefined) {
      const text = 'Too few servers answered to be sure; nothing was forgotten. Try again later.';
      throw new WorkerFailure('ANDVARI_TOO_FEW_SERVERS', text);
    }
    const states = lockerCoinStates(this.#coins(locker), check);
    const safe = locker.ids.filter((_, index) => which.includes(states[index] ?? 'open'));
    await this.#wallet.remove(safe);
    return { forgottenCount: safe.length, keptCount: locker.ids.length - safe.length };
  }

  /** Look first, then ask whether the coins are still ours: a coin cannot slip in between. */
  async #check({ code, ids }: WalletLocker, options: WalletOperationOptions): Promise<void> {
    this.#checks.delete(code);
    const contents = await this.#wallet.peek(code, options);
    await this.#wallet.detect(ids, options);
    if (contents.answered >= QUORUM) this.#checks.set(code, contents);
  }

  #coins({ ids }: WalletLocker): WalletCoin[] {
    return ids.flatMap((id) => this.#wallet.coin(id) ?? []);
  }

  #find(id: number): WalletLocker {
    const locker = this.#wallet.lockers().find((one) => lockerId(one) === id);
    if (locker !== undefined) return locker;
    throw new WorkerFailure('ANDVARI_NO_LOCKER', 'This locker is no longer in the wallet.');
  }
}
