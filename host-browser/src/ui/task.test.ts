import { describe, expect, it } from 'vitest';
import type { CoinView, TaskProgress } from '../worker/views.ts';
import {
  advanceTask,
  announcementOf,
  fractionOf,
  headlineOf,
  setLight,
  startTask,
} from './task.ts';

const SERVERS = Array.from({ length: 25 }, (_, raidaId) => raidaId);
const coin = (id: number): CoinView => ({
  id,
  denomination: 0,
  serialNumber: id,
  lights: '0'.repeat(25),
  grade: 'untested',
  owned: false,
  unsettled: false,
  openServers: 0,
  twofold: false,
  place: 'wallet',
});
const coins = [coin(1), coin(2), coin(3)];
const started: TaskProgress = { stage: 'started', ids: [3, 1], serverIds: SERVERS };
const answer = (raidaId: number, ids: number[], lights: string): TaskProgress => ({
  stage: 'answer',
  raidaId,
  ids,
  lights,
});

describe('a task under way', () => {
  it('lights up the coins it is about, and no other', () => {
    const { coins: now } = advanceTask(startTask('detect'), coins, [started]);
    expect(now.map(({ lights }) => lights[7])).toEqual(['?', '0', '?']);
    expect(now[1]).toBe(coins[1]);
  });

  it('puts each answer on its coin and server', () => {
    const news = [started, answer(3, [1, 3], 'FA'), answer(24, [3], 'C')];
    const { coins: now } = advanceTask(startTask('detect'), coins, news);
    expect(now[0]?.lights).toBe(`???F${'?'.repeat(21)}`);
    expect(now[2]?.lights).toBe(`???A${'?'.repeat(20)}C`);
  });

  it('counts a server as done when it has answered for every coin, once', () => {
    let { task } = advanceTask(startTask('detect'), coins, [started, answer(0, [3], 'A')]);
    expect(announcementOf(task)).toBe('0 of 25 servers are done');
    expect(task.servers[0]).toBe('?');
    const more = [answer(0, [3], 'A'), answer(0, [1], 'F'), answer(1, [3, 1], 'CD')];
    ({ task } = advanceTask(task, coins, more));
    expect(announcementOf(task)).toBe('2 of 25 servers are done');
    expect(task.servers.slice(0, 3)).toBe('AC?');
    expect(fractionOf(task)).toBeCloseTo(4 / 50);
    expect(headlineOf(task)).toBe('Checking 2 coins');
  });

  it('leaves lights alone while settling, but for those that are told', () => {
    const known = coins.map((one) => ({ ...one, lights: 'A'.repeat(25) }));
    const news = [started, answer(5, [1], 'F')];
    const { task, coins: now } = advanceTask(startTask('settle'), known, news);
    expect(now[0]?.lights).toBe(`AAAAAF${'A'.repeat(19)}`);
    expect(now[2]).toBe(known[2]);
    expect(fractionOf(task)).toBeUndefined();
    expect(announcementOf(task)).toBe('1 server answered so far');
  });

  it('goes through its steps, and leaves lights alone that still stand', () => {
    const known = coins.map((one) => ({ ...one, lights: 'A'.repeat(25) }));
    const step = { stage: 'step', step: 'fix', done: 1, total: 3 } as const;
    const { task, coins: now } = advanceTask(startTask('heal'), known, [started, step]);
    expect(announcementOf(task)).toBe('Step 2 of 3, fix: 1 of 3 servers');
    expect(fractionOf(task)).toBeCloseTo(4 / 9);
    expect(now[0]).toBe(known[0]);
    expect(headlineOf(task)).toBe('Healing 2 coins');
    const begun = advanceTask(startTask('heal'), known, [started]).task;
    expect([announcementOf(begun), fractionOf(begun)]).toEqual(['Getting ready…', undefined]);
  });

  it('survives answers about a coin that is gone', () => {
    const { coins: now } = advanceTask(startTask('pown'), coins, [started, answer(5, [99], 'A')]);
    expect(now.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it('is at nothing before it has started', () => {
    expect(fractionOf(startTask('pown'))).toBeUndefined();
    expect(announcementOf(startTask('pown'))).toBe('Getting ready…');
  });
});

it('replaces one light', () => {
  expect(setLight('000', 0, 'A')).toBe('A00');
  expect(setLight('000', 2, 'A')).toBe('00A');
});
