import { describe, expect, it } from 'vitest';
import type { CoinView, Grade } from '../worker/views.ts';
import { healedSentence, healFault } from './heal-words.ts';

const coin = (grade: Grade, pass: number, fail = 25 - pass): CoinView => ({
  id: 1,
  denomination: 0,
  serialNumber: 1,
  lights: 'A'.repeat(pass) + 'F'.repeat(fail) + 'C'.repeat(25 - pass - fail),
  grade,
  owned: false,
  unsettled: false,
  openServers: 0,
  twofold: false,
  place: 'wallet',
});

describe('why a coin is not healed', () => {
  it('is said of a fracked coin only after it was tried', () => {
    expect(healFault(coin('fracked', 23), false)).toBeUndefined();
    expect(healFault(coin('fracked', 23), true)).toMatch(/^Servers 23, 24 did not take the word/);
    expect(healFault(coin('fracked', 24), true)).toMatch(/^Server 24 did not/);
  });

  it('is that too few servers vouch', () => {
    expect(healFault(coin('counterfeit', 12), false)).toBe(
      'Cannot be healed: 12 servers vouch for it, 13 must.',
    );
    expect(healFault(coin('counterfeit', 1), false)).toMatch(/: 1 server vouches for it/);
    expect(healFault(coin('counterfeit', 0), true)).toMatch(/: no server vouches for it/);
    expect(healFault(coin('limbo', 12, 12), true)).toMatch(/^Cannot be healed now: 12 servers v/);
  });

  it('is nothing where nothing is wrong, or nobody ever vouched', () => {
    expect(healFault(coin('authentic', 25), true)).toBeUndefined();
    expect(healFault(coin('limbo', 12, 0), true)).toBeUndefined();
    expect(healFault(coin('untested', 0, 0), true)).toBeUndefined();
    expect(healFault(coin('counterfeit', 0), false)).toBeUndefined();
  });
});

describe('how healing ended', () => {
  it('is good when every coin is whole', () => {
    const coins = [coin('authentic', 25), coin('authentic', 20, 0)];
    expect(healedSentence(coins, false)).toEqual({ tone: 'good', text: '2 coins healed.' });
    expect(healedSentence([], false).text).toBe('Nothing is left to heal.');
  });

  it('counts what is not whole, and is not good then', () => {
    const coins = [coin('authentic', 25), coin('fracked', 24), coin('limbo', 12, 3)];
    const { tone, text } = healedSentence(coins, false);
    expect(tone).toBe('plain');
    expect(text).toMatch(/^1 of 3 coins healed\. 1 still fracked\. 1 in limbo: .* says why\.$/);
    expect(healedSentence([coin('counterfeit', 9)], false).tone).toBe('bad');
  });

  it('never calls a stopped task good', () => {
    const { tone, text } = healedSentence([coin('authentic', 25)], true);
    expect([tone, text]).toEqual(['plain', 'Stopped. 1 coin healed.']);
  });
});
