/** The wallet page's side of a payment, when a relay sends its request twice or damages a copy. */
import { afterEach, describe, expect, it } from 'vitest';
import type { SealedRecord } from '../../host-browser/src/storage/seal.ts';
import type { Vault } from '../../host-browser/src/storage/sealed-wallet-store.ts';
import { RatatoskrDesk } from '../../host-browser/src/worker/ratatoskr-desk.ts';
import { RatatoskrPlace } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from './real-clock.ts';
import { asIs, relayTo } from './relay.ts';
import { bytes } from './scripted-server.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Seals nothing: that is not what these tests are about. */
function memoryVault(): Vault {
  const values = new Map<string, unknown>();
  return {
    read: async (name) => values.get(name),
    keep: async (name, value) => void values.set(name, value),
    seal: async (_, plain) => plain.slice() as unknown as SealedRecord,
    unseal: async (_, record) => record as unknown as Uint8Array<ArrayBuffer>,
  };
}

async function start() {
  let runs = 0;
  const handle = async () => {
    runs++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return bytes('{"ok":true,"payment_id":"p"}');
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

async function viewOf(desk: RatatoskrDesk) {
  const stop = new AbortController();
  type View = Parameters<Parameters<RatatoskrDesk['watch']>[0]['progress']>[0];
  const { promise, resolve } = Promise.withResolvers<View>();
  const watching = desk.watch({ signal: stop.signal, progress: resolve });
  const view = await promise;
  stop.abort();
  await watching;
  return view;
}

const payment = { requestId: 'payment', code: 'code', amount: '1', ids: [1], asked: false };
const signal = new AbortController().signal;
const paid = { outcome: 'paid', words: 'p' };

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
    const { requestId, amount } = payment;
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
    expect(await stageAfterReload()).toMatchObject({ requestId: 'payment', stage: 'unsent' });
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
});
