import { describe, expect, it } from 'vitest';
import type { CoinView, TaskProgress } from '../worker/messages.ts';
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
  serialNumber: 1,
  lights: '0'.repeat(25),
  grade: 'untested',
  owned: false,
  unsettled: false,
});
const coins = [coin(1), coin(2), coin(3)];
const started: TaskProgress = {
  stage: 'started',
  round: 'detect',
  ids: [3, 1],
  serverIds: SERVERS,
};
const answer = (raidaId: number, indices: number[], lights: string): TaskProgress => ({
  stage: 'answer',
  raidaId,
  indices,
  lights,
});

describe('a task under way', () => {
  it('lights up the coins it is about, and no other', () => {
    const { coins: now } = advanceTask(startTask('detect'), coins, [started]);
    expect(now.map(({ lights }) => lights[7])).toEqual(['?', '0', '?']);
    expect(now[1]).toBe(coins[1]);
  });

  it('puts each answer on its coin and server', () => {
    const news = [started, answer(3, [1, 0], 'FA'), answer(24, [0], 'C')];
    const { coins: now } = advanceTask(startTask('detect'), coins, news);
    expect(now[0]?.lights).toBe(`???F${'?'.repeat(21)}`);
    expect(now[2]?.lights).toBe(`???A${'?'.repeat(20)}C`);
  });

  it('counts a server as done when it has answered for every coin', () => {
    let { task } = advanceTask(startTask('detect'), coins, [started, answer(0, [0], 'A')]);
    expect(announcementOf(task)).toBe('0 of 25 servers are done');
    expect(task.servers[0]).toBe('?');
    ({ task } = advanceTask(task, coins, [answer(0, [1], 'A'), answer(1, [0, 1], 'CD')]));
    expect(announcementOf(task)).toBe('2 of 25 servers are done');
    expect(task.servers.slice(0, 3)).toBe('AC?');
    expect(fractionOf(task)).toBeCloseTo(4 / 50);
    expect(headlineOf(task)).toBe('Checking 2 coins');
  });

  it('starts from nothing in a further round, and survives answers about nobody', () => {
    const again: TaskProgress = { ...started, round: 'find', ids: [1, 99] };
    const news = [started, answer(0, [0, 1], 'AA'), again, answer(5, [0, 1, 9], 'AAA')];
    const { task, coins: now } = advanceTask(startTask('pown'), coins, news);
    expect(task.answered).toEqual({ 5: 3 });
    expect(now.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(now[0]?.lights[5]).toBe('A');
    expect(headlineOf(task)).toMatch(/^Asking again about 2 coins/);
  });

  it('is at nothing before the first round', () => {
    expect(fractionOf(startTask('pown'))).toBe(0);
    expect(announcementOf(startTask('pown'))).toBe('Getting ready…');
  });
});

it('replaces one light', () => {
  expect(setLight('000', 0, 'A')).toBe('A00');
  expect(setLight('000', 2, 'A')).toBe('00A');
});
