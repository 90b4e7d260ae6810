/**
 * Heidrun, for demonstration: payments with RAIDA coins. The payer puts coins in a locker and sends
 * its code; Heidrun takes them into its own wallet. Payloads are JSON.
 *
 * Request: `{request_type:"PAYMENT_REQUEST", locker_code, amount?}`
 * Answer: `{ok:true, payment_id, taken, coins}`
 *
 * Amounts are decimal numbers of CloudCoins as text. With `amount` the locker must hold exactly
 * that. What cannot be paid is answered `{ok:false, error, message}`, and then the coins are where
 * they were: INVALID_REQUEST, WRONG_CODE, EMPTY_LOCKER, TOO_LITTLE and TOO_MUCH (with `found`),
 * LOCKER_USED (another request has paid with it), REQUEST_USED (this request_id is of a payment
 * with another locker or amount). If somebody else took coins of the locker at the same moment,
 * TOO_LITTLE comes with `refund_code`, a new locker with those that Heidrun got.
 *
 * A payment that has taken coins is answered as it ended, for good. While servers do not answer
 * the code is SERVICE_UNAVAILABLE: the same request, with the same request_id, goes on where it
 * stopped.
 */
import { createHash } from 'node:crypto';
import type { RaidaClient } from '@andvari/host-common/raida/client';
import { formatUnits, totalUnits, UNITS_PER_COIN } from '@andvari/host-common/raida/coin';
import { openDigests } from '@andvari/host-common/raida/digests';
import { QUORUM } from '@andvari/host-common/raida/grading';
import { newLockerCode, parseLockerCode } from '@andvari/host-common/raida/locker-code';
import { systemRandom } from '@andvari/host-common/raida/new-numbers';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { WalletError } from '@andvari/host-common/raida/wallet-error';
import type { LockerView } from '@andvari/host-common/raida/wallet-locker';
import type { WalletStore } from '@andvari/host-common/raida/wallet-store';
import { z } from 'zod';
import { Turns } from '../../files/turns.ts';
import { type Service, ServiceFailure, type ServiceRequest } from '../service-bus.ts';
import { objectOf, Refusal, refusalAnswer } from './answer.ts';
import type { Payment, Payments } from './heidrun-payments.ts';

/** Payments one after the other: their coins may be the same, and nobody is in that much haste. */
const WAITING_MAX = 256;
const AMOUNT = /^(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,8}))?$/;

const paymentSchema = z.object({
  locker_code: z.string().max(200),
  amount: z.string().regex(AMOUNT).optional(),
});

export interface HeidrunOptions {
  /** Called at the first payment. */
  client: () => Promise<RaidaClient>;
  /** Heidrun's own; taken coins are there. Closed by its owner after close(). */
  store: WalletStore;
  payments: Payments;
}

/** What a payment is about. */
interface Wish {
  code: string;
  /** A digest of the code. */
  locker: Buffer;
  /** Units of 1e-8. */
  units: bigint | undefined;
  /** The same as Payment has it. */
  amount: string;
}

export class Heidrun implements Service {
  readonly name = 'Heidrun';
  readonly resumes = true;
  readonly #options: HeidrunOptions;
  readonly #turns = new Turns(1, WAITING_MAX);
  #wallet: Promise<Wallet> | undefined;

  constructor(options: HeidrunOptions) {
    this.#options = options;
  }

  async handle(request: ServiceRequest): Promise<Uint8Array> {
    try {
      const wish = await parseWish(request.json);
      const answer = await this.#turns.run(() => this.#pay(request, wish), request.signal);
      return new TextEncoder().encode(answer);
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error);
      if (error instanceof ServiceFailure) throw error;
      // Whatever it was, the same request goes on with what the payments and the wallet know.
      throw new ServiceFailure('SERVICE_ERROR', '', { again: true, cause: error });
    }
  }

  /** The answer of a payment that has ended. Throws Refusal for one that has not begun. */
  async #pay(request: ServiceRequest, wish: Wish): Promise<string> {
    const { payments } = this.#options;
    const known = payments.find(request);
    if (known) refuseOther(known, wish);
    // What became of its coins since, in the wallet or out of it, changes nothing about it.
    if (known?.answer !== undefined) return known.answer;
    const wallet = await this.#open();
    if (known) await wallet.resolvePending();
    else await this.#begin(wallet, request, wish);
    // From here on no deadline cuts it: what has begun comes to an end.
    const { coins, refund } = known ?? {};
    if (refund !== undefined) return this.#refund(wallet, request, { coins: coins ?? [], refund });
    return this.#settle(wallet, request, {
      ...{ wish, coins: await this.#take(wallet, request, { wish, known: coins }) },
    });
  }

  async #begin(wallet: Wallet, request: ServiceRequest, wish: Wish): Promise<void> {
    const { payments } = this.#options;
    if (payments.hasLocker(wish.locker)) {
      throw new Refusal('LOCKER_USED', 'another payment was made with this locker');
    }
    if (payments.isFull) throw unavailable('no room for another payment; nothing was taken');
    await this.#look(wallet, wish, request.signal);
    payments.begin(request, wish);
  }

  /** Whether the locker holds what is to be paid. Changes nothing. */
  async #look(wallet: Wallet, { code, units }: Wish, signal: AbortSignal): Promise<void> {
    const { coins, answered } = await wallet.peek(code, { signal });
    if (answered < QUORUM) throw unavailable('too few RAIDA servers answer; nothing was taken');
    const takable = coins.filter(({ servers }) => servers >= QUORUM);
    const found = totalUnits(takable);
    if (takable.length === 0) throw new Refusal('EMPTY_LOCKER', 'nothing is in the locker');
    if (units === undefined || found === units) return;
    const more = { found: formatUnits(found) };
    throw found < units
      ? new Refusal('TOO_LITTLE', 'the locker holds less than the amount', more)
      : new Refusal('TOO_MUCH', 'the locker holds more than the amount', more);
  }

  /** Ids of the coins that came out of the locker, as far as servers have said so. */
  async #take(
    wallet: Wallet,
    request: ServiceRequest,
    { wish, known }: { wish: Wish; known: number[] | undefined },
  ): Promise<number[]> {
    const { payments } = this.#options;
    let coins = known;
    if (coins?.every((id) => wallet.coin(id)?.owned)) return coins;
    try {
      await wallet.unlock(wish.code, {
        onStage: ({ stage, done }) => {
          if (stage !== 'take' || done > 0) return;
          const own = wallet.lockers().find(({ code }) => code === wish.code)?.ids ?? [];
          coins = [...new Set([...(coins ?? []), ...own])];
          payments.keepCoins(request, coins);
        },
      });
    } catch (error) {
      if (!(error instanceof WalletError) || error.code !== 'ANDVARI_WALLET_LOCKER') throw error;
      if (coins) return coins;
      payments.forget(request);
      throw unavailable('the locker was emptied meanwhile, or too few servers answer');
    }
    return coins ?? [];
  }

  /** Whether what came out of the locker is what was to be paid; else it goes back. */
  async #settle(
    wallet: Wallet,
    request: ServiceRequest,
    { wish, coins }: { wish: Wish; coins: number[] },
  ): Promise<string> {
    const there = coins.flatMap((id) => wallet.coin(id) ?? []);
    const isOpen = there.some(({ owned, grade }) => !owned && grade.fails < QUORUM);
    if (isOpen) throw unavailable('servers are still to answer; send the same request again');
    const owned = there.filter((coin) => coin.owned);
    const units = totalUnits(owned);
    if (owned.length === 0) {
      const message = 'somebody else has taken the coins';
      return this.#end(request, { ok: false, error: 'EMPTY_LOCKER', message });
    }
    if (wish.units !== undefined && units < wish.units) {
      const refund = newLockerCode(systemRandom, await openDigests());
      this.#options.payments.keepRefund(request, refund);
      return this.#refund(wallet, request, { coins, refund });
    }
    const taken = formatUnits(units);
    return this.#end(request, {
      ...{ ok: true, payment_id: paymentId(request), taken, coins: owned.length },
    });
  }

  /** Puts the payment's coins into the locker that was made for them alone, or goes on with it. */
  async #refund(
    wallet: Wallet,
    request: ServiceRequest,
    { coins, refund }: { coins: readonly number[]; refund: string },
  ): Promise<string> {
    const find = () => wallet.lockers().find(({ code }) => code === refund);
    // Coins whose way in was cut off come back first: nobody has been told the code yet.
    const begun = find();
    if (begun && !isFull(begun)) await wallet.unlock(refund);
    const missing = coins.filter((id) => wallet.coin(id)?.owned);
    if (missing.length > 0) await wallet.lock(missing, { code: refund });
    const locker = find();
    if (!locker || !isFull(locker) || coins.some((id) => wallet.coin(id)?.owned)) {
      throw unavailable('the refund is not made yet');
    }
    const message = 'somebody else has taken coins of the locker; the others are in a new one';
    const found = formatUnits(locker.units);
    const answer = this.#end(request, {
      ...{ ok: false, error: 'TOO_LITTLE', message, found, refund_code: refund },
    });
    // They are the payer's, whom the payments tell the code: here they would only take room.
    await wallet.remove(locker.ids);
    return answer;
  }

  #end(request: ServiceRequest, answer: object): string {
    const text = JSON.stringify(answer);
    this.#options.payments.end(request, text);
    return text;
  }

  /** The wallet, and first of all what an earlier run was cut off in. */
  #open(): Promise<Wallet> {
    this.#wallet ??= (async () => {
      const { client, store } = this.#options;
      const wallet = await Wallet.open({ store, client: await client() });
      await wallet.resolvePending();
      return wallet;
    })().catch((error) => {
      this.#wallet = undefined;
      throw error;
    });
    return this.#wallet;
  }

  /** Forget the keys here. Payments under way end with an error and go on in the next process. */
  async close(): Promise<void> {
    (await this.#wallet?.catch(() => undefined))?.close();
  }
}

async function parseWish(json: unknown): Promise<Wish> {
  const parsed = paymentSchema.safeParse(objectOf(json));
  if (!parsed.success) {
    throw new Refusal('INVALID_REQUEST', 'wanted a locker_code, and an amount or none');
  }
  const { locker_code, amount } = parsed.data;
  try {
    const code = parseLockerCode(locker_code, await openDigests());
    const locker = createHash('sha256').update(`heidrun:${code}`).digest();
    const units = amount === undefined ? undefined : unitsOf(amount);
    return { code, locker, units, amount: units === undefined ? '' : formatUnits(units) };
  } catch (error) {
    if (!(error instanceof WalletError)) throw error;
    throw new Refusal('WRONG_CODE', 'no wallet has made this locker code');
  }
}

function unitsOf(amount: string): bigint {
  const [, whole = '0', fraction = ''] = AMOUNT.exec(amount) ?? [];
  return BigInt(whole) * UNITS_PER_COIN + BigInt(fraction.padEnd(8, '0'));
}

/** A request_id is of one payment: another locker or amount is not answered as it. */
function refuseOther({ locker, amount }: Payment, wish: Wish): void {
  const isSame = wish.locker.equals(locker) && (amount ?? wish.amount) === wish.amount;
  if (isSame) return;
  const problem = 'this request_id is of a payment with another locker or amount';
  throw new Refusal('REQUEST_USED', problem);
}

/** Enough servers have all of its coins there. */
function isFull({ ids, locked }: LockerView): boolean {
  return locked.length === ids.length;
}

function unavailable(message: string): ServiceFailure {
  return new ServiceFailure('SERVICE_UNAVAILABLE', message, { again: true });
}

function paymentId({ deviceId, requestId }: ServiceRequest): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([deviceId, requestId]))
    .digest('hex');
  return `payment-${digest.slice(0, 16)}`;
}
