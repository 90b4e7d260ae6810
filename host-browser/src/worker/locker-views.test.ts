import { describe, expect, it } from 'vitest';
import { lockerCoinStates } from './locker-views.ts';

const coin = (serialNumber: number, name: 'authentic' | 'counterfeit' | 'limbo') => ({
  denomination: 0,
  serialNumber,
  grade: { name, passes: 0, fails: 0, fracked: false, healable: false },
});
const listed = (serialNumber: number, servers: number) => ({
  denomination: 0,
  serialNumber,
  servers,
});

describe('where a coin of a locker is', () => {
  it('is inside from 13 servers on, whatever else is said of it', () => {
    const coins = [coin(1, 'authentic'), coin(2, 'authentic'), coin(3, 'limbo')];
    const check = { answered: 25, coins: [listed(1, 25), listed(2, 12), listed(3, 13)] };
    expect(lockerCoinStates(coins, check)).toEqual(['inside', 'open', 'inside']);
  });

  it('is gone only where most servers deny it, too', () => {
    const coins = [coin(1, 'counterfeit'), coin(2, 'authentic'), coin(3, 'limbo')];
    expect(lockerCoinStates(coins, { answered: 25, coins: [] })).toEqual(['gone', 'open', 'open']);
  });

  it('is not known before anybody was asked', () => {
    const coins = [coin(1, 'counterfeit'), coin(2, 'authentic')];
    expect(lockerCoinStates(coins, undefined)).toEqual(['open', 'open']);
  });

  it('is not taken from a coin of another denomination', () => {
    const check = { answered: 25, coins: [{ ...listed(1, 25), denomination: 1 }] };
    expect(lockerCoinStates([coin(1, 'authentic')], check)).toEqual(['open']);
  });
});
