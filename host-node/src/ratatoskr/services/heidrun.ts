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
 * LOCKER_USED (another request has paid with it). If somebody else took coins of the locker at the
 * same moment, TOO_LITTLE comes with `refund_code`, a new locker with those that Heidrun got.
 *
 * While servers do not answer the code is SERVICE_UNAVAILABLE: the same request, with the same
 * request_id, goes on where it stopped.
 */
import { createHash } from 'node:crypto';
import type { RaidaClient } from '@andvari/host-common/raida/client';
import { formatUnits, totalUnits, UNITS_PER_COIN } from '@andvari/host-common/raida/coin';
import { openDigests } from '@andvari/host-common/raida/digests';
import { QUORUM } from '@andvari/host-common/raida/grading';
import { parseLockerCode } from '@andvari/host-common/raida/locker-code';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { WalletError } from '@andvari/host-common/raida/wallet-error';
import type { WalletStore } from '@andvari/host-common/raida/wallet-store';
import { z } from 'zod';
import { Turns } from '../../files/turns.ts';
import { type Service, ServiceFailure, type ServiceRequest } from '../service-bus.ts';
import { emitAnswer, Refusal, refusalAnswer } from './answer.ts';
import type { Payments } from './heidrun-payments.ts';

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
  locker: Uint8Array;
  /** Units of 1e-8. */
  units: bigint | undefined;
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
      const paid = await this.#turns.run(() => this.#pay(request, wish), request.signal);
      return emitAnswer({ ok: true, ...paid });
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error);
      if (error instanceof ServiceFailure) throw error;
      // Whatever it was, the same request goes on with what the payments and the wallet know.
      throw new ServiceFailure('SERVICE_ERROR', '', { again: true, cause: error });
    }
  }

  async #pay(request: ServiceRequest, wish: Wish): Promise<object> {
    const { payments } = this.#options;
    const wallet = await this.#open();
    const known = payments.find(request);
    if (!known) {
      if (payments.hasLocker(wish.locker)) {
        throw new Refusal('LOCKER_USED', 'another payment was made with this locker');
      }
      await this.#look(wallet, wish, request.signal);
      payments.begin(request, wish.locker);
    }
    // From here on no deadline cuts it: what has begun comes to an end.
    const coins = await this.#take(wallet, request, { wish, known: known?.coins });
    return this.#settle(wallet, request, { wish, coins });
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
    if (known) await wallet.resolvePending();
    if (coins?.every((id) => wallet.coin(id)?.owned)) return coins;
    // A refund has taken them out of the wallet's free coins again.
    if (coins && refundOf(wallet, wish.code, coins)) return coins;
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

  async #settle(
    wallet: Wallet,
    request: ServiceRequest,
    { wish, coins }: { wish: Wish; coins: number[] },
  ): Promise<object> {
    const refunded = refundOf(wallet, wish.code, coins);
    if (refunded) throw tooLittle(refunded.units, refunded.code);
    const there = coins.flatMap((id) => wallet.coin(id) ?? []);
    const isOpen = there.some(({ owned, grade }) => !owned && grade.fails < QUORUM);
    if (isOpen) throw unavailable('servers are still to answer; send the same request again');
    const owned = there.filter((coin) => coin.owned);
    const units = totalUnits(owned);
    if (owned.length === 0) {
      throw new Refusal('EMPTY_LOCKER', 'somebody else has taken the coins');
    }
    if (wish.units !== undefined && units < wish.units) {
      const { locked, code } = await wallet.lock(owned.map(({ id }) => id));
      if (locked.length === 0) throw unavailable('the refund is not made yet');
      throw tooLittle(units, code);
    }
    const taken = formatUnits(units);
    return { payment_id: paymentId(request), taken, coins: owned.length };
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
  const parsed = paymentSchema.safeParse(json);
  if (!parsed.success) {
    throw new Refusal('INVALID_REQUEST', 'wanted a locker_code, and an amount or none');
  }
  const { locker_code, amount } = parsed.data;
  try {
    const code = parseLockerCode(locker_code, await openDigests());
    const locker = createHash('sha256').update(`heidrun:${code}`).digest();
    return { code, locker, units: amount === undefined ? undefined : unitsOf(amount) };
  } catch (error) {
    if (!(error instanceof WalletError)) throw error;
    throw new Refusal('WRONG_CODE', 'no wallet has made this locker code');
  }
}

function unitsOf(amount: string): bigint {
  const [, whole = '0', fraction = ''] = AMOUNT.exec(amount) ?? [];
  return BigInt(whole) * UNITS_PER_COIN + BigInt(fraction.padEnd(8, '0'));
}

/** The locker in which coins of a payment went back. */
function refundOf(wallet: Wallet, code: string, coins: readonly number[]) {
  return wallet
    .lockers()
    .find((locker) => locker.code !== code && locker.locked.some((id) => coins.includes(id)));
}

function tooLittle(units: bigint, refundCode: string): Refusal {
  const message = 'somebody else has taken coins of the locker; the others are in a new one';
  const more = { found: formatUnits(units), refund_code: refundCode };
  return new Refusal('TOO_LITTLE', message, more);
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
