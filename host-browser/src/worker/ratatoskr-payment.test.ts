import { describe, expect, it } from 'vitest';
import { NO_TOTALS } from '../ui/format.ts';
import type { CoinView, SentView, WalletView } from './messages.ts';
import type { Payment, RatatoskrDesk } from './ratatoskr-desk.ts';
import { type Purse, payAgain, payWithCoins } from './ratatoskr-payment.ts';
import type { ServiceAnswer } from './service-words.ts';

const coins = [1, 0].map((denomination, id) => ({ id, denomination }) as unknown as CoinView);
const view: WalletView = {
  ...{ coins, totals: NO_TOTALS, lockers: [] },
  network: { serverIds: [], demo: false },
};
const yes: ServiceAnswer = { ok: true, message: '', fields: { payment_id: 'payment-1' } };

/** A wallet whose lockers do what the test says, and a service that answers, says no or breaks. */
class FakePurse implements Purse {
  sent: Partial<SentView> = { lockerId: 7, lockedCount: 2 };
  answer: () => Promise<ServiceAnswer> = async () => yes;
  /** Whether an error leaves the payment open. */
  staysOpen = true;
  payment: Payment | undefined;
  readonly done: string[] = [];
  readonly asked: (Payment & { again: boolean })[] = [];

  get ratatoskr(): RatatoskrDesk {
    const open = () => this.payment;
    const desk = {
      get payment() {
        return open();
      },
      checkReady: () => this.done.push('ready'),
      pay: async (payment: Payment, { again }: { again: boolean }) => {
        this.asked.push({ ...payment, again });
        this.payment = payment;
        try {
          const answer = await this.answer();
          this.payment = undefined;
          return answer;
        } catch (error) {
          if (!this.staysOpen) this.payment = undefined;
          throw error;
        }
      },
    };
    return desk as unknown as RatatoskrDesk;
  }

  view = () => view;
  lockerCode = (id: number) => `code of ${id}`;
  lockerOf = () => 7;

  async send(): Promise<SentView> {
    this.done.push('send');
    const counts = { lockedCount: 0, pendingCount: 0, returnedCount: 0 };
    return { wallet: view, ...counts, ...this.sent };
  }

  async passOn(id: number) {
    this.done.push(`forget ${id}`);
    return { wallet: view, forgottenCount: 2, keptCount: 0 };
  }
}

const context = () => ({ signal: new AbortController().signal, progress: () => undefined });
const pay = (purse: Purse) => payWithCoins(purse, [0, 1], context());

describe('a payment', () => {
  it('goes through a locker, and the coins are forgotten when they are taken', async () => {
    const purse = new FakePurse();
    expect(await pay(purse)).toMatchObject({ outcome: 'paid', amount: '11', words: 'payment-1' });
    expect(purse.done).toEqual(['ready', 'send', 'forget 7']);
    const [asked] = purse.asked;
    expect(asked).toMatchObject({ code: 'code of 7', amount: '11', again: false });
    expect(asked?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is made also when the coins cannot be looked at afterwards', async () => {
    const purse = new FakePurse();
    purse.passOn = () => Promise.reject(new Error('too few servers'));
    expect(await pay(purse)).toMatchObject({ outcome: 'paid' });
  });

  it.each<[Partial<SentView>, RegExp]>([
    [{}, /in the wallet as before/],
    [{ lockerId: 7, lockedCount: 0, pendingCount: 2 }, /in the wallet as before/],
    [{ lockerId: 7, lockedCount: 1, returnedCount: 1 }, /nothing was paid/],
  ])('is not begun when the coins did not all go into the locker: %j', async (sent, words) => {
    const purse = new FakePurse();
    purse.sent = sent;
    const result = await pay(purse);
    expect(result.outcome).toBe('not-begun');
    expect(result.words).toMatch(words);
    expect(purse.asked).toEqual([]);
  });

  it('is not begun when it was stopped meanwhile', async () => {
    const purse = new FakePurse();
    const stopped = { ...context(), signal: AbortSignal.abort() };
    expect((await payWithCoins(purse, [0, 1], stopped)).outcome).toBe('not-begun');
    expect(purse.asked).toEqual([]);
  });

  it('that the service refuses leaves the coins in their locker', async () => {
    const purse = new FakePurse();
    purse.answer = async () => ({ ok: false, message: 'not today', fields: {} });
    expect(await pay(purse)).toMatchObject({ outcome: 'refused', words: 'not today' });
    expect(purse.done).not.toContain('forget 7');
  });

  it('that never ran is refused; one whose end is not known stays open', async () => {
    const purse = new FakePurse();
    purse.answer = () => Promise.reject(new Error('no answer'));
    purse.staysOpen = false;
    expect(await pay(purse)).toMatchObject({ outcome: 'refused', words: 'no answer' });
    purse.staysOpen = true;
    expect(await pay(purse)).toMatchObject({ outcome: 'open', words: 'no answer' });
    // Until then no other begins.
    await expect(pay(purse)).rejects.toMatchObject({ code: 'ANDVARI_PAYMENT_OPEN' });
    purse.answer = async () => yes;
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'paid', amount: '11' });
    const [, open, again] = purse.asked;
    expect(again).toEqual({ ...open, again: true });
    await expect(payAgain(purse, context())).rejects.toMatchObject({ code: 'ANDVARI_NO_PAYMENT' });
  });
});
