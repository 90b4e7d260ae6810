import { describe, expect, it } from 'vitest';
import type { CoinView, LockerView, WalletView } from '../worker/views.ts';
import { NO_TOTALS } from './format.ts';
import {
  amountFault,
  contentsWords,
  lockerState,
  passedOnSentence,
  passOnQuestion,
  sentSentence,
  takenSentence,
} from './locker-words.ts';

const network = { serverIds: [], demo: false };
const wallet: WalletView = { coins: [], totals: NO_TOTALS, network, lockers: [] };
const locker = (changes: Partial<LockerView>): LockerView => ({
  id: 1,
  ids: [1, 2, 3],
  units: 300_000_000n,
  checked: true,
  insideCount: 3,
  goneCount: 0,
  ...changes,
});

describe('a locker of this wallet', () => {
  it('says where its coins are', () => {
    expect(lockerState(locker({ checked: false, insideCount: 0 }))).toMatch(/^Not checked/);
    expect(lockerState(locker({}))).toMatch(/^Waiting in the locker/);
    expect(lockerState(locker({ insideCount: 0, goneCount: 3 }))).toMatch(/^Emptied/);
    expect(lockerState(locker({ insideCount: 1, goneCount: 1 }))).toBe(
      '1 coin waiting. 1 coin taken by whoever had the code. ' +
        '1 coin on too few servers for anybody else: take them back.',
    );
  });

  it('is not forgotten without a warning while coins are in it', () => {
    expect(passOnQuestion(locker({}))).toMatchObject({ danger: true });
    expect(passOnQuestion(locker({ insideCount: 1, goneCount: 2 }))).toMatchObject({
      danger: true,
    });
    const { danger, title } = passOnQuestion(locker({ insideCount: 0, goneCount: 3 }));
    expect([danger, title]).toEqual([undefined, 'Forget this locker?']);
  });

  it('tells of coins that stayed because they would be lost', () => {
    expect(passedOnSentence({ wallet, forgottenCount: 3, keptCount: 0 }).tone).toBe('good');
    const { tone, text } = passedOnSentence({ wallet, forgottenCount: 1, keptCount: 2 });
    expect([tone, text]).toEqual(['bad', expect.stringMatching(/^2 coins stayed .* Take them b/)]);
  });
});

describe('how work with a locker ended', () => {
  const counts = { lockedCount: 0, pendingCount: 0, returnedCount: 0 };
  const ends = { takenIds: [], pendingCount: 0, missedCount: 0, leftCount: 0, stopped: false };

  it('is good when every coin went', () => {
    const sent = sentSentence({ wallet, ...counts, lockerId: 1, lockedCount: 2 }, false);
    expect(sent).toEqual({ tone: 'good', text: '2 coins in the locker.' });
  });

  it('is not good when some stayed, or when it was stopped', () => {
    const part = { wallet, ...counts, lockerId: 1, lockedCount: 2, pendingCount: 1 };
    expect(sentSentence(part, false)).toMatchObject({ tone: 'plain' });
    expect(sentSentence({ wallet, ...counts, returnedCount: 2 }, false).tone).toBe('bad');
    expect(sentSentence({ wallet, ...counts }, true).text).toMatch(/^Stopped\./);
    expect(takenSentence({ wallet, ...ends, stopped: true }).text).toMatch(/^Stopped\./);
    const { tone, text } = takenSentence({ wallet, ...ends, missedCount: 1, leftCount: 1 });
    expect(tone).toBe('bad');
    expect(text).toMatch(/^1 coin had been taken by somebody else\. 1 coin on too few servers/);
  });
});

describe('a look into a locker', () => {
  const coin = (denomination: number, servers: number) => ({
    denomination,
    serialNumber: denomination,
    servers,
  });
  const seen = (servers: number[], answeredCount = 25) =>
    contentsWords({
      coins: servers.map((count, index) => coin(index, count)),
      answeredCount,
      serverCount: 25,
    });

  it('counts what can be taken', () => {
    expect(seen([25, 25])).toEqual({
      takableCount: 2,
      text: '1 × 10, 1 × 1: value 11, on all 25 servers.',
    });
    expect(seen([13, 25, 12])).toEqual({
      takableCount: 2,
      text:
        '1 × 10, 1 × 1: value 11, on at least 13 of 25 servers. ' +
        '1 coin on fewer than 13 servers cannot be taken.',
    });
  });

  it('offers nothing without 13 servers, or without coins', () => {
    expect(seen([12], 12)).toMatchObject({ takableCount: 0 });
    expect(seen([12], 12).text).toMatch(/^Only 12 servers answered/);
    expect(seen([12])).toMatchObject({ takableCount: 0 });
    expect(seen([])).toEqual({
      takableCount: 0,
      text: 'It is empty, or no such locker was ever filled.',
    });
  });
});

describe('an amount', () => {
  const coin = (changes: Partial<CoinView>): CoinView => ({
    id: 1,
    denomination: 1,
    serialNumber: 1,
    lights: 'A'.repeat(25),
    grade: 'authentic',
    owned: true,
    unsettled: false,
    openServers: 0,
    twofold: false,
    place: 'wallet',
    ...changes,
  });

  it('that the coins do not make up exactly is told from one that is too large', () => {
    const coins = [coin({}), coin({ denomination: 0, grade: 'fracked' })];
    expect(amountFault(1_200_000_000n, coins)).toMatch(/^Your own coins make up 11 in all/);
    expect(amountFault(1_050_000_000n, coins)).toMatch(/^Your coins do not make up 10\.5 exactly/);
  });

  it('is not made up of coins that others know, or that are not sure', () => {
    const changes = [{ owned: false }, { unsettled: true }, { grade: 'limbo' as const }];
    const coins = changes.map(coin);
    expect(amountFault(1n, coins)).toMatch(/^Your own coins make up 0 in all/);
  });
});
