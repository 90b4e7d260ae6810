/** The wallet page's side of a payment, when a relay sends its request twice or damages a copy. */
import { afterEach, describe, expect, it } from 'vitest';
import { RatatoskrDesk } from '../../host-browser/src/worker/ratatoskr-desk.ts';
import { openDigests } from '../../host-common/src/raida/digests.ts';
import { newLockerCode } from '../../host-common/src/raida/locker-code.ts';
import { RatatoskrPlace } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../host-node/src/ratatoskr/testing/real-clock.ts';
import { memoryVault, viewOf } from './page-desk.ts';
import { asIs, relayTo } from './relay.ts';
import { bytes, idOf } from './scripted-server.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(answer = '{"ok":true,"payment_id":"p"}') {
  let runs = 0;
  const handle = async () => {
    runs++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return bytes(answer);
  };
  const place = await RatatoskrPlace.start({
    ...{ clock: new RealClock(), refuseBeforeS: 0 },
    bus: { routes: routesTo(handle) },
  });
  ends.push(() => place.close());
  const relay = await relayTo(place.url, ends);
  const vault = memoryVault();
  const desk = await RatatoskrDesk.open(vault);
  ends.push(() => desk.close());
  const { id: deviceId, publicKey } = (await viewOf(desk)).device;
  const key = Uint8Array.from(Buffer.from(publicKey, 'hex'));
  place.registry.register({ deviceId, publicKey: key, userIds: ['owner'] });
  const serverKey = Buffer.from(place.server.publicKey as Uint8Array).toString('hex');
  const more = { webTransportUrl: '', certificateHashes: '', user: 'owner', hashesOffered: false };
  await desk.connect({ url: relay.url, serverKey, ...more });
  return { desk, vault, relay, runs: () => runs };
}

const routesTo = (handle: () => Promise<Uint8Array>) =>
  new Map([['PAYMENT_REQUEST', { name: 'payments', handle }]]);

const requestId = idOf(1);
const payment = { requestId, code: 'code', amount: '1', ids: [1], asked: false };
const signal = new AbortController().signal;
const paid = { outcome: 'paid', words: 'p' };

it.each([
  ['01'.padEnd(64, '0'), 'owner'],
  ['', '\ud800'],
])(
  'the page says at once what no connection can have: key %j, user %j',
  async (serverKey, user) => {
    const desk = await RatatoskrDesk.open(memoryVault());
    ends.push(() => desk.close());
    const more = { webTransportUrl: '', certificateHashes: '', hashesOffered: false };
    const words = { url: 'ws://127.0.0.1:9/ratatoskr', serverKey, user, ...more };
    await expect(desk.connect(words)).rejects.toMatchObject({ code: 'ANDVARI_ENDPOINT' });
  },
);

describe('a payment of the page', () => {
  it('that a relay sends twice is paid', async () => {
    const { desk, relay, runs } = await start();
    relay.there = (message) => [message, message];
    expect(await desk.pay(payment, { signal })).toEqual(paid);
    expect([desk.payment, runs()]).toEqual([undefined, 1]);
  });

  it('stays noted when a damaged copy is refused, and is asked about again', async () => {
    const { desk, relay, runs } = await start();
    // 08 03: message_type is 3.
    relay.there = (message) => [message.with(1, 9), message];
    const error = await desk.pay(payment, { signal }).catch((problem) => problem);
    expect(error).toMatchObject({ serverCode: 'INVALID_REQUEST', outcome: 'unknown' });
    const { amount } = payment;
    expect((await viewOf(desk)).payment).toEqual({ requestId, amount, stage: 'asked', words: '' });
    relay.there = asIs;
    const { payment: noted = payment } = desk;
    expect(await desk.pay(noted, { signal })).toEqual(paid);
    expect([desk.payment, runs()]).toEqual([undefined, 1]);
  });

  it('is as before when it is sure that it did not run', async () => {
    const { desk, runs } = await start();
    const long = { ...payment, requestId: 'x'.repeat(257) };
    await expect(desk.pay(long, { signal })).rejects.toMatchObject({ outcome: 'not-executed' });
    expect([desk.payment, runs()]).toEqual([long, 0]);
  });

  it('is known to the next page at each step', async () => {
    const { desk, vault, relay } = await start();
    const stageAfterReload = async () => {
      const next = await RatatoskrDesk.open(vault);
      ends.push(() => next.close());
      return (await viewOf(next)).payment;
    };
    expect(await stageAfterReload()).toBeUndefined();
    await desk.begin(payment);
    expect(await stageAfterReload()).toMatchObject({ requestId, stage: 'unsent' });
    const seen: unknown[] = [];
    let leave = () => {};
    relay.there = (message) => {
      // Before its first byte leaves, it is noted that the service may have it.
      void stageAfterReload().then((view) => {
        seen.push(view);
        leave();
      });
      return [message];
    };
    const looked = new Promise<void>((resolve) => {
      leave = resolve;
    });
    await Promise.all([desk.pay(payment, { signal }), looked]);
    expect(seen[0]).toMatchObject({ stage: expect.stringMatching(/asked|paid/) });
    expect(await stageAfterReload()).toMatchObject({ stage: 'paid', words: 'p' });
    await desk.forgetPayment();
    expect(await stageAfterReload()).toBeUndefined();
  });

  it('keeps the code of a refund, and says so when it is none', async () => {
    const code = newLockerCode((into) => into.fill(1), await openDigests());
    const answer = (refund_code: unknown) =>
      JSON.stringify({ ok: false, error: 'TOO_LITTLE', message: 'less', found: '1', refund_code });
    const good = await start(answer(code.toLowerCase()));
    const refund = { code, state: 'open' };
    const told = { outcome: 'refused', words: 'less', refund };
    expect(await good.desk.pay(payment, { signal })).toEqual(told);
    const next = await RatatoskrDesk.open(good.vault);
    ends.push(() => next.close());
    const view = { stage: 'refund', refundCode: code, words: 'less' };
    expect((await viewOf(next)).payment).toMatchObject(view);
    expect(next.payment?.end?.refund).toEqual(refund);
    await next.endRefund('taken');
    const { payment: ended } = await viewOf(await RatatoskrDesk.open(good.vault));
    expect(ended).toEqual({ requestId, amount: '1', stage: 'refunded', words: 'less' });
    for (const [bad, words] of [
      ['ABCD-REFUND', 'less (ABCD-REFUND is no code of a refund)'],
      [7, 'less'],
    ]) {
      const { desk } = await start(answer(bad));
      expect(await desk.pay(payment, { signal })).toEqual({ outcome: 'refused', words });
    }
  });
});
