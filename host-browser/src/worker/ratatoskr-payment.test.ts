import { describe, expect, it } from 'vitest';
import { NO_TOTALS } from '../ui/format.ts';
import type { Payment, PaymentEnd } from './payment-note.ts';
import type { RatatoskrDesk } from './ratatoskr-desk.ts';
import { type Purse, payAgain, payWithCoins, takeBack } from './ratatoskr-payment.ts';
import type {
  CoinView,
  ContentsView,
  LockerSource,
  Selection,
  SentView,
  WalletView,
} from './views.ts';

const coins = [1, 0].map((denomination, id) => ({ id, denomination }) as unknown as CoinView);
const view: WalletView = {
  ...{ coins, totals: NO_TOTALS, lockers: [] },
  network: { serverIds: [], demo: false },
};
const counts = { lockedCount: 0, pendingCount: 0, returnedCount: 0 };

const nothingTaken = {
  ...{ takenIds: [] as number[], missedCount: 0, leftCount: 0, pendingCount: 0, stopped: false },
};

/** What is on the disk, until the page ends. */
class Disk {
  latest: Payment | undefined;
  /** Coins in the payment's locker, and those of them that enough servers have there. */
  inside: number[] = [];
  locked: number[] = [];
}

/** A wallet whose lockers do what the test says, and a service that answers, says no or breaks. */
class FakePurse implements Purse {
  /** Coins that a send puts into the locker, and that get there. */
  sends = (ids: readonly number[]) => ({ inside: ids, locked: ids });
  /** What comes out of a refund's locker, and what is in it. */
  takes = () => ({ ...nothingTaken, takenIds: [3] });
  looks = (): ContentsView => ({ coins: [], answeredCount: 25, serverCount: 25 });
  answer: () => Promise<PaymentEnd> = async () => ({ outcome: 'paid', words: 'payment-1' });
  /** Whether an error leaves open if the payment was made. */
  isUnknown = true;
  readonly disk: Disk;
  readonly done: string[] = [];
  readonly asked: Payment[] = [];

  constructor(disk = new Disk()) {
    this.disk = disk;
  }

  get ratatoskr(): RatatoskrDesk {
    const { disk, done, asked } = this;
    const desk = {
      get payment() {
        const { end } = disk.latest ?? {};
        return end === undefined || end.refund?.state === 'open' ? disk.latest : undefined;
      },
      checkReady: () => done.push('ready'),
      begin: async (payment: Payment) => {
        disk.latest = payment;
      },
      endRefund: async (state: 'taken' | 'empty') => {
        const { end } = disk.latest ?? {};
        if (disk.latest === undefined || end?.refund === undefined) return;
        disk.latest = { ...disk.latest, end: { ...end, refund: { ...end.refund, state } } };
      },
      forgetPayment: async () => {
        disk.latest = undefined;
      },
      pay: async (payment: Payment) => {
        asked.push(payment);
        disk.latest = { ...payment, asked: true };
        try {
          const end = await this.answer();
          disk.latest = { ...disk.latest, end };
          return end;
        } catch (error) {
          if (!this.isUnknown) disk.latest = payment;
          throw error;
        }
      },
    };
    return desk as unknown as RatatoskrDesk;
  }

  view = () => view;

  locker(code: string) {
    const { inside: ids, locked, latest } = this.disk;
    if (ids.length === 0 || code !== latest?.code) return undefined;
    return { code, ids, locked, units: 0n };
  }

  lockerOf = (code: string) => (this.locker(code) ? 7 : undefined);

  async send({ ids }: Selection, _: unknown, code: string): Promise<SentView> {
    // Before any coin moves, all that is needed to go on is on the disk.
    expect(this.disk.latest).toMatchObject({ code, asked: false, amount: '11', ids: [0, 1] });
    this.done.push(`send ${ids}`);
    const { inside, locked } = this.sends(ids);
    const { disk } = this;
    disk.inside = [...new Set([...disk.inside, ...inside])];
    disk.locked = [...new Set([...disk.locked, ...locked])];
    return { wallet: view, ...counts };
  }

  async take(source: LockerSource) {
    this.done.push(source.from === 'code' ? `take ${source.code}` : 'take');
    if (source.from === 'code') return { wallet: view, ...this.takes() };
    this.disk.inside = [];
    return { wallet: view, ...nothingTaken };
  }

  async peek(code: string) {
    this.done.push(`peek ${code}`);
    return this.looks();
  }

  async passOn(id: number) {
    this.done.push(`forget ${id}`);
    return { wallet: view, forgottenCount: 2, keptCount: 0 };
  }

  async forgetGone(id: number) {
    this.done.push(`forget gone ${id}`);
  }
}

const context = () => ({ signal: new AbortController().signal, progress: () => undefined });
const pay = (purse: Purse) => payWithCoins(purse, [0, 1], context());

describe('a payment', () => {
  it('goes through a locker, and the coins are forgotten when they are taken', async () => {
    const purse = new FakePurse();
    expect(await pay(purse)).toMatchObject({ outcome: 'paid', amount: '11', words: 'payment-1' });
    expect(purse.done).toEqual(['ready', 'send 0,1', 'forget 7']);
    const [asked] = purse.asked;
    expect(asked?.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(asked?.code).toMatch(/^([0-9A-Z]{4}-){4}[0-9A-Z]{4}$/);
    // What became of it stays known, and another may begin.
    expect(purse.disk.latest).toMatchObject({ end: { outcome: 'paid', words: 'payment-1' } });
    expect(purse.ratatoskr.payment).toBeUndefined();
  });

  it('is made also when the coins cannot be looked at afterwards', async () => {
    const purse = new FakePurse();
    purse.passOn = () => Promise.reject(new Error('too few servers'));
    expect(await pay(purse)).toMatchObject({ outcome: 'paid' });
  });

  it('is not begun when no coin went into the locker', async () => {
    const purse = new FakePurse();
    purse.sends = () => ({ inside: [], locked: [] });
    const { outcome, words } = await pay(purse);
    expect({ outcome, words }).toMatchObject({ outcome: 'not-begun' });
    expect(words).toMatch(/in the wallet as before/);
    purse.send = () => Promise.reject(new Error('not authentic'));
    await expect(pay(purse)).rejects.toThrow('not authentic');
    expect([purse.asked, purse.disk.latest]).toEqual([[], undefined]);
  });

  it.each([
    { inside: [0], locked: [0] },
    { inside: [0, 1], locked: [0] },
  ])('waits for coins that are not in the locker: %j', async (sent) => {
    const purse = new FakePurse();
    purse.sends = () => sent;
    expect(await pay(purse)).toMatchObject({ outcome: 'unsent' });
    expect(purse.asked).toEqual([]);
    const begun = purse.disk.latest;
    purse.sends = (ids) => ({ inside: ids, locked: ids });
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'paid' });
    expect(purse.asked).toEqual([begun]);
  });

  it('is not sent when it was stopped meanwhile', async () => {
    const purse = new FakePurse();
    const stopped = { ...context(), signal: AbortSignal.abort() };
    expect((await payWithCoins(purse, [0, 1], stopped)).outcome).toBe('unsent');
    expect(purse.asked).toEqual([]);
  });

  it('that the service refuses leaves the coins in their locker', async () => {
    const purse = new FakePurse();
    purse.answer = async () => ({ outcome: 'refused', words: 'not today' });
    expect(await pay(purse)).toMatchObject({ outcome: 'refused', words: 'not today' });
    expect(purse.done).not.toContain('forget 7');
  });

  it('that never ran can be gone on with; one whose end is not known stays open', async () => {
    const purse = new FakePurse();
    purse.answer = () => Promise.reject(new Error('no answer'));
    purse.isUnknown = false;
    expect(await pay(purse)).toMatchObject({ outcome: 'unsent', words: 'no answer' });
    purse.isUnknown = true;
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'open', words: 'no answer' });
    // Until then no other begins, and its coins are not taken from under the service.
    await expect(pay(purse)).rejects.toMatchObject({ code: 'ANDVARI_PAYMENT_OPEN' });
    await expect(takeBack(purse, context())).rejects.toMatchObject({
      code: 'ANDVARI_PAYMENT_OPEN',
    });
    purse.answer = new FakePurse().answer;
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'paid', amount: '11' });
    const ids = new Set(purse.asked.map(({ requestId, code }) => `${requestId} ${code}`));
    expect([purse.asked.length, ids.size]).toEqual([3, 1]);
    await expect(payAgain(purse, context())).rejects.toMatchObject({ code: 'ANDVARI_NO_PAYMENT' });
  });
});

describe('a refund', () => {
  const refund = { code: 'REFUND', state: 'open' } as const;
  async function refunded(change: Partial<FakePurse> = {}) {
    const purse = Object.assign(new FakePurse(), change);
    purse.answer = async () => ({ outcome: 'refused', words: 'too little', refund });
    return { purse, paid: await pay(purse) };
  }

  it('is taken into the wallet at once', async () => {
    const { purse, paid } = await refunded();
    expect(paid).toMatchObject({ outcome: 'refunded', words: 'too little' });
    expect(purse.done).toEqual(['ready', 'send 0,1', 'take REFUND', 'forget gone 7']);
    expect(purse.disk.latest?.end?.refund?.state).toBe('taken');
    expect(purse.ratatoskr.payment).toBeUndefined();
  });

  it.each([
    ['offline', () => Promise.reject(new Error('offline')), 'offline'],
    ['stopped', async () => ({ wallet: view, ...nothingTaken, stopped: true }), 'Not all'],
    [
      'known to too few servers yet',
      async () => ({ wallet: view, ...nothingTaken, takenIds: [3], pendingCount: 1 }),
      'Not all',
    ],
    [
      'on too few servers',
      async () => ({ wallet: view, ...nothingTaken, takenIds: [3], leftCount: 1 }),
      'Not all',
    ],
  ])('that is %s stays noted, code and all, until it is taken', async (_, take, fault) => {
    const { purse, paid } = await refunded({
      take,
      looks: () => ({ coins: [], answeredCount: 12, serverCount: 25 }),
    });
    expect(paid).toMatchObject({ outcome: 'refund', words: 'too little' });
    expect(paid.fault).toContain(fault);
    expect(purse.disk.latest?.end?.refund).toEqual(refund);
    // No other payment takes its place, also after a reload.
    const later = new FakePurse(purse.disk);
    await expect(pay(later)).rejects.toMatchObject({ code: 'ANDVARI_PAYMENT_OPEN' });
    expect(await takeBack(later, context())).toMatchObject({ outcome: 'refunded' });
    // Neither the service nor the payment's own locker is asked for anything.
    expect([later.done, later.asked]).toEqual([['take REFUND', 'forget gone 7'], []]);
    expect(later.ratatoskr.payment).toBeUndefined();
  });

  it('whose locker is empty is over, and is not told as taken', async () => {
    const take = () => Promise.reject(new Error('empty'));
    const { purse, paid } = await refunded({ take });
    expect(paid).toMatchObject({ outcome: 'refund-empty' });
    expect(purse.disk.latest?.end?.refund?.state).toBe('empty');
    const other = await refunded({ takes: () => ({ ...nothingTaken, missedCount: 1 }) });
    expect(other.paid).toMatchObject({ outcome: 'refund-empty' });
    // As long as something is in it, it is not empty.
    const coin = { denomination: 0, serialNumber: 1, servers: 9 };
    const looks = () => ({ coins: [coin], answeredCount: 25, serverCount: 25 });
    expect((await refunded({ take, looks })).paid).toMatchObject({ outcome: 'refund' });
  });
});

describe('a page that ends in the middle of a payment', () => {
  /** The page ends while coins go into the locker; the next one finds this on the disk. */
  async function cutOff(inside: number[], locked: number[]): Promise<FakePurse> {
    const purse = new FakePurse();
    const { promise, resolve } = Promise.withResolvers<void>();
    purse.send = () => {
      resolve();
      return new Promise(() => undefined);
    };
    void pay(purse);
    await promise;
    Object.assign(purse.disk, { inside, locked });
    return new FakePurse(purse.disk);
  }

  it.each([
    [[], [], ['ready', 'send 0,1', 'forget 7']],
    [[0], [0], ['ready', 'send 1', 'forget 7']],
    // Noted as on their way: whether they have got there is for the send to ask.
    [[0, 1], [], ['ready', 'send 0,1', 'forget 7']],
    [[0, 1], [1], ['ready', 'send 0', 'forget 7']],
    [
      [0, 1],
      [0, 1],
      ['ready', 'forget 7'],
    ],
  ])('goes on from coins %j in the locker, %j of them known', async (inside, locked, steps) => {
    const purse = await cutOff(inside, locked);
    const { requestId, code } = purse.disk.latest as Payment;
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'paid', amount: '11' });
    expect(purse.done).toEqual(steps);
    expect(purse.asked).toMatchObject([{ requestId, code }]);
  });

  it.each([
    [[], []],
    [[0, 1], ['take']],
  ])('takes back coins %j', async (inside, steps) => {
    const purse = await cutOff(inside, []);
    expect(await takeBack(purse, context())).toMatchObject({ outcome: 'taken-back' });
    expect(purse.done).toEqual(steps);
    expect(purse.disk.latest).toBeUndefined();
    await expect(takeBack(purse, context())).rejects.toMatchObject({ code: 'ANDVARI_NO_PAYMENT' });
  });

  it('keeps the payment when not all coins came back', async () => {
    const purse = await cutOff([0, 1], []);
    purse.take = () => Promise.reject(new Error('offline'));
    await expect(takeBack(purse, context())).rejects.toThrow('offline');
    expect(purse.ratatoskr.payment).toBeDefined();
  });
});
