/**
 * A payment from the wallet's coins: into a locker, its code to Heidrun, and the coins out of this
 * wallet when Heidrun has them. Whatever is cut off, the coins are in the locker until somebody
 * takes them out: Heidrun, or the user, who finds it under "Lockers".
 */

import { coinValueUnits, formatUnits } from '@andvari/host-common/raida/coin';
import type { PassedOnView, Selection, SentView, TaskProgress, WalletView } from './messages.ts';
import { WorkerFailure } from './messages.ts';
import type { Payment, RatatoskrDesk } from './ratatoskr-desk.ts';
import type { PaidView } from './ratatoskr-messages.ts';

interface Context {
  readonly signal: AbortSignal;
  progress(progress: TaskProgress): void;
}

/** What a payment needs of the wallet's desk. */
export interface Purse {
  readonly ratatoskr: RatatoskrDesk;
  view(): WalletView;
  send(selection: Selection, context: Context): Promise<SentView>;
  lockerCode(id: number): string;
  lockerOf(code: string): number | undefined;
  passOn(id: number, context: Pick<Context, 'signal'>): Promise<PassedOnView>;
}

/** Throws WorkerFailure before anything has begun. */
export async function payWithCoins(
  purse: Purse,
  ids: readonly number[],
  context: Context,
): Promise<PaidView> {
  const { ratatoskr } = purse;
  if (ratatoskr.payment !== undefined) {
    const text = 'An earlier payment is still open: ask about it, or forget it, first.';
    throw new WorkerFailure('ANDVARI_PAYMENT_OPEN', text);
  }
  ratatoskr.checkReady();
  const coins = purse.view().coins.filter(({ id }) => ids.includes(id));
  const units = coins.reduce((sum, { denomination }) => sum + coinValueUnits(denomination), 0n);
  const amount = formatUnits(units);
  const { lockerId, lockedCount } = await purse.send({ ids }, context);
  if (lockerId === undefined || lockedCount < ids.length || context.signal.aborted) {
    const words =
      lockedCount === 0
        ? 'The coins did not go into a locker: they are in the wallet as before.'
        : 'Not all coins went into the locker: nothing was paid, take them back from it.';
    return { wallet: purse.view(), outcome: 'not-begun', amount, words };
  }
  const requestId = crypto.randomUUID();
  const payment = { requestId, code: purse.lockerCode(lockerId), amount };
  return settle(purse, payment, { ...context, again: false });
}

/** Asks about the payment that is open. Throws WorkerFailure. */
export async function payAgain(purse: Purse, context: Context): Promise<PaidView> {
  const { payment } = purse.ratatoskr;
  if (payment === undefined) {
    throw new WorkerFailure('ANDVARI_NO_PAYMENT', 'No payment is open any more.');
  }
  return settle(purse, payment, { ...context, again: true });
}

async function settle(
  purse: Purse,
  payment: Payment,
  { signal, again }: Context & { again: boolean },
): Promise<PaidView> {
  const { ratatoskr } = purse;
  const { amount, code } = payment;
  try {
    const answer = await ratatoskr.pay(payment, { signal, again });
    if (!answer.ok) {
      return { wallet: purse.view(), outcome: 'refused', amount, words: answer.message };
    }
    await forgetCoins(purse, code);
    const words = String(answer.fields['payment_id'] ?? '');
    return { wallet: purse.view(), outcome: 'paid', amount, words };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const outcome = ratatoskr.payment === undefined ? 'refused' : 'open';
    return { wallet: purse.view(), outcome, amount, words };
  }
}

/** The payment is made: what cannot be looked at now stays under "Lockers" until it can. */
async function forgetCoins(purse: Purse, code: string): Promise<void> {
  const lockerId = purse.lockerOf(code);
  if (lockerId === undefined) return;
  try {
    await purse.passOn(lockerId, { signal: AbortSignal.timeout(FORGET_TIMEOUT_MS) });
  } catch {
    // As said.
  }
}

const FORGET_TIMEOUT_MS = 20_000;
