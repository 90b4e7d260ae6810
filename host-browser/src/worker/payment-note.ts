/**
 * The payment that was begun last, as it is on the disk: before any coin of it moves, before the
 * service is asked, and when it has answered, so that a page that ends at any moment knows how to
 * go on. With its request_id a payment is made once, however often it is asked for.
 *
 * Name `payment` of the vault: sealed JSON of Payment.
 */

import type { SealedRecord } from '../storage/seal.ts';
import type { Vault } from '../storage/sealed-wallet-store.ts';

const NAME = 'payment';

export interface PaymentEnd {
  readonly outcome: 'paid' | 'refused';
  /** The service's number of the payment, or its reason. */
  readonly words: string;
  readonly refund?: Refund;
}

/** Coins that the service had got and has put into a locker of its own making. */
export interface Refund {
  /** The service has told it once: until its coins are here, it is all that there is of them. */
  readonly code: string;
  /** `empty`: nothing is in the locker, or not any more. */
  readonly state: 'open' | 'taken' | 'empty';
}

export interface Payment {
  readonly requestId: string;
  /** Of the locker that pays. */
  readonly code: string;
  /** Decimal. */
  readonly amount: string;
  /** Of the coins that pay; they may be in the locker already. */
  readonly ids: readonly number[];
  /** The service may have the request, and take the coins: only asking again tells. */
  readonly asked: boolean;
  readonly end?: PaymentEnd;
}

export class PaymentNote {
  readonly #vault: Vault;
  readonly #changed: () => void;
  #latest: Payment | undefined;

  private constructor(vault: Vault, changed: () => void, latest: Payment | undefined) {
    this.#vault = vault;
    this.#changed = changed;
    this.#latest = latest;
  }

  /** Throws SealError, DatabaseError. */
  static async load(vault: Vault, changed: () => void): Promise<PaymentNote> {
    const sealed = (await vault.read(NAME)) as SealedRecord | undefined;
    if (sealed === undefined) return new PaymentNote(vault, changed, undefined);
    const text = new TextDecoder().decode(await vault.unseal(NAME, sealed));
    // Sealed by this wallet's own key: nobody else can have written it.
    return new PaymentNote(vault, changed, JSON.parse(text) as Payment);
  }

  /** Until the user has seen how it ended, or the next begins. */
  get latest(): Payment | undefined {
    return this.#latest;
  }

  /** The one that has not ended, or whose refund has not come. */
  get open(): Payment | undefined {
    const { end } = this.#latest ?? {};
    return end === undefined || end.refund?.state === 'open' ? this.#latest : undefined;
  }

  /** In the place of the one before; on the disk when this resolves. */
  async keep(payment: Payment): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(payment));
    await this.#vault.keep(NAME, await this.#vault.seal(NAME, bytes));
    bytes.fill(0);
    this.#latest = payment;
    this.#changed();
  }

  async forget(): Promise<void> {
    await this.#vault.keep(NAME, undefined);
    this.#latest = undefined;
    this.#changed();
  }
}
