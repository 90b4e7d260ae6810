import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { totalUnits } from '@andvari/host-common/raida/coin';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { MemoryWalletStore, type WalletStore } from '@andvari/host-common/raida/wallet-store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCodec, FakeNetwork } from '../../../../tests/client/fake-server.ts';
import { type Death, Mortal, sixteenths } from '../../../../tests/client/mortal.ts';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import type { ServiceRequest } from '../service-bus.ts';
import { Heidrun } from './heidrun.ts';
import { Payments } from './heidrun-payments.ts';

const long = process.env.ANDVARI_LONG === '1';
let folder = '';
let files = 0;
const open: Payments[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-heidrun-'));
});
afterEach(() => {
  for (const payments of open.splice(0)) payments.close();
  rmSync(folder, { recursive: true });
});

/** A payer with coins of 1, 0.1 and 10, a locker with these ids, and Heidrun. */
async function place(ids: readonly number[] = [1, 2]) {
  const network = new FakeNetwork();
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const payer = await Wallet.open({ store: new MemoryWalletStore(), client });
  const coins = [0, -1, 1].map((denomination) => network.mint({ denomination, serialNumber: 7 }));
  const { added } = await payer.importCoins({ coins });
  await payer.takeOwnership(added);
  const { code } = await payer.lock(ids);
  const store = new MemoryWalletStore();
  const payments = new Payments(join(folder, `payments-${files++}.db`));
  open.push(payments);
  const heidrunOf = (walletStore: WalletStore = store) =>
    new Heidrun({ client: () => Promise.resolve(client), store: walletStore, payments });
  return { network, client, payer, code, store, payments, heidrunOf, heidrun: heidrunOf() };
}

function request(json: unknown, requestId = randomUUID() as string): ServiceRequest {
  return {
    ...{ deviceId: 'd', userId: 'u', requestId, payload: new Uint8Array(), json },
    requestType: 'PAYMENT_REQUEST',
    signal: new AbortController().signal,
  };
}

/** What Heidrun answers, or the code with which it fails. */
async function pay(heidrun: Heidrun, words: object, requestId?: string) {
  try {
    const answer = await heidrun.handle(request(words, requestId));
    return JSON.parse(new TextDecoder().decode(answer));
  } catch (error) {
    return { code: (error as { code?: string }).code };
  }
}

/** One coin, the 0.1, goes after the look and before the taking. */
function thiefOf(network: FakeNetwork) {
  let looked = 0;
  return (_: number, bytes: Uint8Array) => {
    const isTake = bytes[0] === 8 && bytes[1] === 84;
    if (isTake && looked++ === 0) {
      for (const server of network.servers) server.coins.set('-1:7', Buffer.alloc(16, 9));
    }
    return undefined;
  };
}

describe('Heidrun', () => {
  it('takes what is in the locker, once, and owns it alone', async () => {
    const { heidrun, client, store, code } = await place();
    const words = { locker_code: code.toLowerCase().replaceAll('-', ' '), amount: '1.10' };
    const paid = await pay(heidrun, words, 'r');
    expect(paid).toMatchObject({ ok: true, taken: '1.1', coins: 2 });
    expect(await pay(heidrun, words, 'r')).toEqual(paid);
    expect(await pay(heidrun, words)).toMatchObject({ error: 'LOCKER_USED' });
    const wallet = await Wallet.open({ store, client });
    expect(wallet.coins().map(({ owned, grade }) => [owned, grade.passes])).toEqual([
      [true, 25],
      [true, 25],
    ]);
  });

  it.each([
    ['too little', '1.10000001', 'TOO_LITTLE'],
    ['too much', '1', 'TOO_MUCH'],
    ['nothing', '0', 'TOO_MUCH'],
  ])('leaves %s where it is', async (_, amount, error) => {
    const { heidrun, payer, code } = await place();
    const answer = await pay(heidrun, { locker_code: code, amount });
    expect(answer).toMatchObject({ ok: false, error, found: '1.1' });
    expect((await payer.unlock(code)).taken).toHaveLength(2);
    // Emptied by its owner.
    const empty = await pay(heidrun, { locker_code: code });
    expect(empty).toMatchObject({ ok: false, error: 'EMPTY_LOCKER' });
  });

  it.each([
    ['no code', {}],
    ['a code that is a number', { locker_code: 7 }],
    ['a negative amount', { locker_code: 'x', amount: '-1' }],
    ['an amount as a number', { locker_code: 'x', amount: 1 }],
    ['nine decimals', { locker_code: 'x', amount: '0.123456789' }],
    ['nothing at all', undefined],
    ['a string', 'a'.repeat(1_000_000)],
    ['an array', [{ locker_code: 'x' }]],
  ])('refuses %s', async (_, words) => {
    const { heidrun } = await place();
    expect(await pay(heidrun, words as object)).toMatchObject({ error: 'INVALID_REQUEST' });
    expect(await pay(heidrun, { locker_code: 'x' })).toMatchObject({ error: 'WRONG_CODE' });
  });

  it('takes nothing while servers are down, and the same request pays later', async () => {
    const { heidrun, network, payer, code } = await place();
    network.fault = (raidaId) => (raidaId < 13 ? 'down' : undefined);
    const words = { locker_code: code, amount: '1.1' };
    expect(await pay(heidrun, words, 'r')).toEqual({ code: 'SERVICE_UNAVAILABLE' });
    network.fault = () => undefined;
    expect((await payer.peek(code)).coins).toHaveLength(2);
    expect(await pay(heidrun, words, 'r')).toMatchObject({ ok: true, taken: '1.1' });
  });

  it('takes one of two payments that name the same locker at once', async () => {
    const { heidrun, code } = await place();
    const answers = await Promise.all([1, 2].map(() => pay(heidrun, { locker_code: code })));
    expect(answers.map(({ ok }) => ok).sort()).toEqual([false, true]);
    expect(answers.find(({ ok }) => !ok)).toMatchObject({ error: 'LOCKER_USED' });
  });

  it('gives back what it got when somebody else was faster with the rest', async () => {
    const { heidrun, heidrunOf, network, client, code, ...rest } = await place();
    const words = { locker_code: code, amount: '1.1' };
    network.fault = thiefOf(network);
    const answer = await pay(heidrun, words, 'r');
    expect(answer).toMatchObject({ ok: false, error: 'TOO_LITTLE', found: '1' });
    network.fault = () => undefined;
    expect(await pay(heidrun, words, 'r')).toEqual(answer);
    // The coins are the payer's: they take no room here.
    const owner = await Wallet.open({ store: rest.store, client });
    expect(owner.coins()).toEqual([]);
    const payer = await Wallet.open({ store: new MemoryWalletStore(), client });
    expect((await payer.unlock(answer.refund_code)).taken).toHaveLength(1);
    expect(await pay(heidrunOf(), words, 'r')).toEqual(answer);
  });

  it('answers a paid payment as paid, wherever its coins are by then', async () => {
    const { heidrun, heidrunOf, network, client, store, code } = await place();
    const words = { locker_code: code, amount: '1.1' };
    const paid = await pay(heidrun, words, 'r');
    expect(paid).toMatchObject({ ok: true, taken: '1.1' });
    // Its owner passes one coin on through a locker of his own, and has no servers then.
    const owner = await Wallet.open({ store, client });
    const { code: own } = await owner.lock([1]);
    network.fault = () => 'down';
    for (const later of [heidrun, heidrunOf()]) {
      expect(await pay(later, words, 'r')).toEqual(paid);
      expect(JSON.stringify(await pay(later, words, 'r'))).not.toContain(own);
    }
    network.fault = () => undefined;
    const { taken } = await (await Wallet.open({ store: new MemoryWalletStore(), client })).unlock(
      own,
    );
    expect(taken).toHaveLength(1);
    await owner.remove(owner.coins().map(({ id }) => id));
    expect(await pay(heidrunOf(), words, 'r')).toEqual(paid);
  });

  it('answers no other payment as one that was made', async () => {
    const { heidrun, payer, code } = await place();
    const paid = await pay(heidrun, { locker_code: code, amount: '1.1' }, 'r');
    expect(paid).toMatchObject({ ok: true });
    const { code: other } = await payer.lock([3]);
    for (const words of [
      { locker_code: other, amount: '1.1' },
      { locker_code: code, amount: '1' },
      { locker_code: code },
    ]) {
      expect(await pay(heidrun, words, 'r')).toMatchObject({ error: 'REQUEST_USED' });
    }
    const same = { locker_code: code.toLowerCase(), amount: '1.10' };
    expect(await pay(heidrun, same, 'r')).toEqual(paid);
  });

  it('takes nothing when there is no room to remember it', async () => {
    const { heidrunOf, client, store, payer, code } = await place();
    const payments = new Payments(join(folder, 'full.db'), 1);
    open.push(payments);
    const heidrun = new Heidrun({ client: async () => client, store, payments });
    const { code: second } = await payer.lock([3]);
    const words = { locker_code: code };
    const paid = await pay(heidrun, words, 'r');
    expect(paid).toMatchObject({ ok: true });
    expect(await pay(heidrun, { locker_code: second })).toEqual({ code: 'SERVICE_UNAVAILABLE' });
    expect(await pay(heidrun, words, 'r')).toEqual(paid);
    expect(await pay(heidrunOf(), { locker_code: second })).toMatchObject({ ok: true });
  });

  it('loses nothing, wherever it is cut off, and pays once', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const runs = long ? 400 : 40;
    for (let run = 0; run < runs; run++) {
      const { heidrunOf, network, client, payer, store, code } = await place();
      const words = { locker_code: code, amount: '1.1' };
      const whats = ['before save', 'after save', 'exchange'] as const;
      for (let life = 0; life < 3; life++) {
        const what = whats[random(3)] as Death['what'];
        const mortal = new Mortal({ at: random(what === 'exchange' ? 120 : 6), what });
        const chances = sixteenths(random(1e6));
        network.fault = () => {
          if (!mortal.mayExchange()) return 'down';
          const chance = chances.next().value as number;
          return chance < 2 ? 'lost' : chance < 4 ? 'unanswered' : undefined;
        };
        await pay(heidrunOf(mortal.store(store)), words, 'r');
      }
      network.fault = () => undefined;
      const last = heidrunOf();
      let answer = await pay(last, words, 'r');
      if (answer.code) answer = await pay(last, words, 'r');
      const note = `seed ${seed}, run ${run}: ${JSON.stringify(answer)}`;
      expect(answer, note).toMatchObject({ ok: true, taken: '1.1', coins: 2 });
      expect(await pay(heidrunOf(), words, 'r'), note).toEqual(answer);
      const wallet = await Wallet.open({ store, client });
      await wallet.detect();
      const good = wallet.coins().filter(({ grade }) => grade.name === 'authentic');
      expect(totalUnits(good), note).toBe(110_000_000n);
      // The payer's own wallet, which knew the coins, sees that they have gone.
      expect((await payer.unlock(code)).taken, note).toEqual([]);
    }
  });

  it('gives back all that it got, in one locker, wherever it is cut off', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const runs = long ? 400 : 40;
    for (let run = 0; run < runs; run++) {
      const { heidrunOf, network, client, store, code } = await place();
      const words = { locker_code: code, amount: '1.1' };
      const steal = thiefOf(network);
      const whats = ['before save', 'after save', 'exchange'] as const;
      for (let life = 0; life < 3; life++) {
        const what = whats[random(3)] as Death['what'];
        const mortal = new Mortal({ at: random(what === 'exchange' ? 200 : 9), what });
        const chances = sixteenths(random(1e6));
        network.fault = (raidaId, bytes) => {
          if (!mortal.mayExchange()) return 'down';
          steal(raidaId, bytes);
          const chance = chances.next().value as number;
          return chance < 2 ? 'lost' : chance < 4 ? 'unanswered' : undefined;
        };
        await pay(heidrunOf(mortal.store(store)), words, 'r');
      }
      network.fault = (raidaId, bytes) => steal(raidaId, bytes);
      const last = heidrunOf();
      let answer = await pay(last, words, 'r');
      for (let again = 0; again < 3 && answer.code; again++) answer = await pay(last, words, 'r');
      const note = `seed ${seed}, run ${run}: ${JSON.stringify(answer)}`;
      expect(answer, note).toMatchObject({ error: 'TOO_LITTLE', found: '1' });
      expect(await pay(heidrunOf(), words, 'r'), note).toEqual(answer);
      const payer = await Wallet.open({ store: new MemoryWalletStore(), client });
      expect((await payer.unlock(answer.refund_code)).taken, note).toHaveLength(1);
      await payer.detect();
      expect(payer.coins()[0]?.grade.name, note).toBe('authentic');
    }
  });

  it('makes nothing up for payments of format 1, which had no outcome', async () => {
    const { client, store, code } = await place();
    const path = join(folder, 'format-1.db');
    const digest = createHash('sha256').update(`heidrun:${code}`).digest();
    const old = new DatabaseSync(path);
    old.exec(`
      CREATE TABLE payment (device TEXT NOT NULL, request TEXT NOT NULL,
        locker BLOB NOT NULL UNIQUE, coins TEXT, PRIMARY KEY (device, request)) STRICT;
      PRAGMA application_id = ${0x416e6450}; PRAGMA user_version = 1;
      INSERT INTO payment VALUES ('d', 'taken', x'00', '[1,2]');
    `);
    old.prepare(`INSERT INTO payment VALUES ('d', 'begun', ?, NULL)`).run(digest);
    old.close();
    const payments = new Payments(path);
    open.push(payments);
    expect(payments.undecidedCoins()).toEqual(new Set());
    expect(JSON.parse(payments.find({ deviceId: 'd', requestId: 'taken' })?.answer ?? '')).toEqual(
      expect.objectContaining({ ok: false, error: 'OUTCOME_NOT_KEPT' }),
    );
    const heidrun = new Heidrun({ client: async () => client, store, payments });
    const words = { locker_code: code, amount: '1.1' };
    expect(await pay(heidrun, words, 'taken')).toMatchObject({ error: 'REQUEST_USED' });
    expect(await pay(heidrun, words, 'begun')).toMatchObject({ ok: true, taken: '1.1' });
  });

  it('keeps its payments in a file of its own kind', () => {
    const path = join(folder, 'payments.db');
    new Payments(path).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    new Payments(path).close();
    writeFileSync(path, 'x'.repeat(4096));
    const wrong = expect.objectContaining({ code: 'ANDVARI_RATATOSKR_PAYMENTS' });
    expect(() => new Payments(path)).toThrow(wrong);
  });
});
