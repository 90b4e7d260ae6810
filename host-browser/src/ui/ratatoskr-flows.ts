/** The Ratatoskr panel's work: what it shows, and what follows from its buttons. */

import type { ConnectWords, OfferView, RatatoskrView } from '../worker/ratatoskr-messages.ts';
import type { Question } from './confirm.ts';
import { amountFault } from './locker-words.ts';
import type { RatatoskrAction, RatatoskrState } from './ratatoskr-state.ts';
import { forgetQuestion, paidSentence } from './ratatoskr-words.ts';
import { codeOf, sentenceOf, type WalletSession } from './wallet-session.ts';

/** What the server said, and what the user did, the state of the connection says already. */
const IN_THE_STATE: ReadonlySet<string> = new Set([
  'ANDVARI_REFUSED',
  'ANDVARI_UNTRUSTED',
  'ANDVARI_CLOSED',
]);

export interface RatatoskrPage {
  /** There is something new to draw. */
  changed(): void;
  ask(question: Question): Promise<boolean>;
}

export class RatatoskrFlows {
  readonly #session: WalletSession;
  readonly #changed: () => void;
  readonly #ask: RatatoskrPage['ask'];
  readonly #leaving = new AbortController();
  #view: RatatoskrView | undefined;
  #offers: readonly OfferView[] | undefined;
  #asking = false;
  #words = '';
  #news = '';
  #ended = 0;

  constructor(session: WalletSession, { changed, ask }: RatatoskrPage) {
    this.#session = session;
    this.#changed = changed;
    this.#ask = ask;
    void this.#watch();
  }

  state(): RatatoskrState {
    const { ratatoskr: offered, demo } = this.#session.wallet.network;
    return {
      ...{ view: this.#view, offered, demo, offers: this.#offers },
      ...{ asking: this.#asking, words: this.#words, news: this.#news },
      ended: this.#ended,
    };
  }

  /** The page lets go of the wallet. */
  leave(): void {
    this.#leaving.abort();
  }

  async act(action: RatatoskrAction): Promise<void> {
    const { client } = this.#session;
    if (action.act === 'pay') return this.#pay(action.units);
    if (action.act === 'pay-again') return this.#onPayment('send', 'ratatoskrPayAgain');
    if (action.act === 'take-back') return this.#onPayment('take', 'ratatoskrTakeBack');
    if (action.act === 'forget-payment') {
      const question = forgetQuestion(this.#view?.payment);
      if (question !== undefined && !(await this.#ask(question))) return;
    }
    // Waiting for the first session can last: disconnecting must be possible meanwhile.
    if (action.act === 'disconnect') {
      await client.call('ratatoskrDisconnect', null);
      return;
    }
    if (action.act === 'connect') return this.#connect(action.words);
    await this.#work(async () => {
      if (action.act === 'retry') await client.call('ratatoskrRetry', null);
      if (action.act === 'forget-payment') await client.call('ratatoskrForgetPayment', null);
      if (action.act === 'register') {
        await client.call('ratatoskrRegister', { user: action.user });
        this.#news = 'This device is registered: connect now.';
      }
      if (action.act === 'market') {
        this.#offers = await client.call('ratatoskrMarket', action.words);
      }
    });
  }

  async #watch(): Promise<void> {
    const { client } = this.#session;
    try {
      await client.call('ratatoskrWatch', null, {
        signal: this.#leaving.signal,
        onProgress: (view) => {
          this.#view = view;
          this.#changed();
        },
      });
    } catch (error) {
      // The key of the device does not work here, or the worker has ended, and the page with it.
      this.#words = sentenceOf(error);
      this.#changed();
    }
  }

  async #connect(words: ConnectWords): Promise<void> {
    [this.#words, this.#news] = ['', ''];
    this.#changed();
    try {
      await this.#session.client.call('ratatoskrConnect', words);
    } catch (error) {
      if (!IN_THE_STATE.has(codeOf(error))) this.#words = sentenceOf(error);
    } finally {
      this.#ended++;
      this.#changed();
    }
  }

  /** Coins of exactly this value, through a locker. */
  async #pay(units: bigint | undefined): Promise<void> {
    const session = this.#session;
    const { client } = session;
    let ids: readonly number[] = [];
    await this.#work(async () => {
      if (units === undefined) {
        this.#words = 'Type an amount above 0, such as 1.5.';
        return;
      }
      try {
        ({ ids } = await client.call('choose', { units }));
      } catch (error) {
        if (codeOf(error) !== 'ANDVARI_WALLET_AMOUNT') throw error;
        this.#words = amountFault(units, session.coinsHere());
      }
    });
    if (ids.length === 0) return;
    await session.runTask(
      'send',
      (options) => client.call('ratatoskrPay', { ids }, options),
      ({ result }) => paidSentence(result),
    );
  }

  /** Work on the payment that was begun. */
  async #onPayment(
    kind: 'send' | 'take',
    method: 'ratatoskrPayAgain' | 'ratatoskrTakeBack',
  ): Promise<void> {
    const session = this.#session;
    const { client } = session;
    await session.runTask(
      kind,
      (options) => client.call(method, null, options),
      ({ result }) => paidSentence(result),
    );
  }

  async #work(work: () => Promise<void>): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    [this.#words, this.#news] = ['', ''];
    this.#changed();
    try {
      await work();
    } catch (error) {
      this.#words = sentenceOf(error);
    } finally {
      this.#asking = false;
      this.#ended++;
      this.#changed();
    }
  }
}
