/**
 * A payment from the wallet's coins: into a locker, its code to Heidrun, and the coins out of this
 * wallet when Heidrun has them. It is noted (payment-note.ts) before any coin moves. Whatever is
 * cut off, the coins are in the wallet or in the locker until somebody takes them out: Heidrun, or
 * the user, here or under "Lockers".
 */

import { coinValueUnits, formatUnits } from '@andvari/host-common/raida/coin';
import { openDigests } from '@andvari/host-common/raida/digests';
import { QUORUM } from '@andvari/host-common/raida/grading';
import { newLockerCode } from '@andvari/host-common/raida/locker-code';
import { systemRandom } from '@andvari/host-common/raida/new-numbers';
import type { LockerView } from '@andvari/host-common/raida/wallet-locker';
import { WorkerFailure } from './messages.ts';
import type { Payment } from './payment-note.ts';
import type { RatatoskrDesk } from './ratatoskr-desk.ts';
import type { PaidView, RefundStage } from './ratatoskr-messages.ts';
import type {
  ContentsView,
  LockerSource,
  PassedOnView,
  Selection,
  SentView,
  TakenView,
  TaskProgress,
  WalletView,
} from './views.ts';

interface Context {
  readonly signal: AbortSignal;
  progress(progress: TaskProgress): void;
}

/** What a payment needs of the wallet's desk. */
export interface Purse {
  readonly ratatoskr: RatatoskrDesk;
  view(): WalletView;
  /** Into the locker of this code, also coins that were on their way there. */
  send(selection: Selection, context: Context, code: string): Promise<SentView>;
  /** Undefined: no coin of this wallet is in it. */
  locker(code: string): LockerView | undefined;
  lockerOf(code: string): number | undefined;
  take(source: LockerSource, context: Context): Promise<TakenView>;
  peek(code: string, context: Context): Promise<ContentsView>;
  passOn(id: number, context: Pick<Context, 'signal'>): Promise<PassedOnView>;
  /** Coins that others have taken out of the locker. */
  forgetGone(id: number, context: Pick<Context, 'signal'>): Promise<void>;
}

/** Throws WorkerFailure before anything has begun. */
export async function payWithCoins(
  purse: Purse,
  ids: readonly number[],
  context: Context,
): Promise<PaidView> {
  const { ratatoskr } = purse;
  if (ratatoskr.payment !== undefined) {
    const text = 'An earlier payment is still open: go on with it, or end it, first.';
    throw new WorkerFailure('ANDVARI_PAYMENT_OPEN', text);
  }
  ratatoskr.checkReady();
  const coins = purse.view().coins.filter(({ id }) => ids.includes(id));
  const units = coins.reduce((sum, { denomination }) => sum + coinValueUnits(denomination), 0n);
  const amount = formatUnits(units);
  const code = newLockerCode(systemRandom, await openDigests());
  const payment = { requestId: crypto.randomUUID(), code, amount, ids, asked: false };
  await ratatoskr.begin(payment);
  return goOn(purse, payment, context);
}

/** Goes on with the payment that is open, from where it was cut off. Throws WorkerFailure. */
export async function payAgain(purse: Purse, context: Context): Promise<PaidView> {
  const payment = openPayment(purse);
  if (payment.end !== undefined) return takeRefund(purse, payment, context);
  purse.ratatoskr.checkReady();
  return goOn(purse, payment, context);
}

/**
 * Ends the payment that is open, if the service was not asked yet or has made a refund. Throws
 * WorkerFailure.
 */
export async function takeBack(purse: Purse, context: Context): Promise<PaidView> {
  const payment = openPayment(purse);
  if (payment.end !== undefined) return takeRefund(purse, payment, context);
  const { asked, amount, code } = payment;
  if (asked) {
    const text = 'The service may have the payment already: ask it again.';
    throw new WorkerFailure('ANDVARI_PAYMENT_OPEN', text);
  }
  const lockerId = purse.lockerOf(code);
  if (lockerId !== undefined) await purse.take({ from: 'locker', lockerId }, context);
  if (purse.lockerOf(code) !== undefined) {
    return { wallet: purse.view(), outcome: 'unsent', amount, words: 'Some coins are not back.' };
  }
  await purse.ratatoskr.forgetPayment();
  return { wallet: purse.view(), outcome: 'taken-back', amount, words: '' };
}

function openPayment({ ratatoskr: { payment } }: Purse): Payment {
  if (payment !== undefined) return payment;
  throw new WorkerFailure('ANDVARI_NO_PAYMENT', 'No payment is open any more.');
}

async function goOn(purse: Purse, payment: Payment, context: Context): Promise<PaidView> {
  if (payment.asked) return settle(purse, payment, context);
  const { amount, code } = payment;
  try {
    const isFull = await fill(purse, payment, context);
    if (isFull && !context.signal.aborted) return await settle(purse, payment, context);
  } finally {
    // All are in the wallet as before: there is nothing to go on with.
    if (purse.locker(code) === undefined && purse.ratatoskr.payment?.asked === false) {
      await purse.ratatoskr.forgetPayment();
    }
  }
  const isBegun = purse.ratatoskr.payment !== undefined;
  const words = isBegun
    ? 'Not all coins are in the locker.'
    : 'The coins did not go into a locker: they are in the wallet as before.';
  return { wallet: purse.view(), outcome: isBegun ? 'unsent' : 'not-begun', amount, words };
}

/**
 * Whether all coins of the payment are in its locker then. Some may be there from before, others
 * only noted as on their way when the page ended: whether they got there is asked by the send.
 */
async function fill(purse: Purse, { ids, code }: Payment, context: Context): Promise<boolean> {
  const missing = () => ids.filter((id) => !purse.locker(code)?.locked.includes(id));
  const before = missing();
  if (before.length > 0) await purse.send({ ids: before }, context, code);
  return missing().length === 0;
}

async function settle(purse: Purse, payment: Payment, context: Context): Promise<PaidView> {
  const { ratatoskr } = purse;
  const { amount, code } = payment;
  try {
    const end = await ratatoskr.pay(payment, { signal: context.signal });
    const { outcome, words } = end;
    if (outcome === 'paid') await forgetCoins(purse, code, 'passOn');
    if (end.refund !== undefined) return await takeRefund(purse, { ...payment, end }, context);
    return { wallet: purse.view(), outcome, amount, words };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const outcome = ratatoskr.payment?.asked ? 'open' : 'unsent';
    return { wallet: purse.view(), outcome, amount, words };
  }
}

/** Into the wallet; what cannot be had now is noted, code and all, and is tried again. */
async function takeRefund(
  purse: Purse,
  { amount, code: own, end }: Payment,
  context: Context,
): Promise<PaidView> {
  const { words = '', refund: { code } = { code: '' } } = end ?? {};
  const ended = async (state: 'taken' | 'empty', outcome: RefundStage): Promise<PaidView> => {
    await purse.ratatoskr.endRefund(state);
    // The service has taken them out; the same coins as before are in the wallet now.
    await forgetCoins(purse, own, 'forgetGone');
    return { wallet: purse.view(), outcome, amount, words };
  };
  let fault = 'Not all of its coins are here yet.';
  try {
    const taken = await purse.take({ from: 'code', code }, context);
    const { stopped, takenIds, pendingCount, leftCount } = taken;
    if (!stopped && pendingCount === 0 && leftCount === 0) {
      return takenIds.length > 0 ? ended('taken', 'refunded') : ended('empty', 'refund-empty');
    }
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
    if (await isEmpty(purse, code, context)) return ended('empty', 'refund-empty');
  }
  return { wallet: purse.view(), outcome: 'refund', amount, words, fault };
}

/** Enough servers say that nothing is in the locker. */
async function isEmpty(purse: Purse, code: string, context: Context): Promise<boolean> {
  try {
    const { coins, answeredCount } = await purse.peek(code, context);
    return answeredCount >= QUORUM && coins.length === 0;
  } catch {
    return false;
  }
}

/** What cannot be looked at now stays under "Lockers" until it can. */
async function forgetCoins(
  purse: Purse,
  code: string,
  how: 'passOn' | 'forgetGone',
): Promise<void> {
  const lockerId = purse.lockerOf(code);
  if (lockerId === undefined) return;
  try {
    await purse[how](lockerId, { signal: AbortSignal.timeout(FORGET_TIMEOUT_MS) });
  } catch {
    // As said.
  }
}

const FORGET_TIMEOUT_MS = 20_000;
