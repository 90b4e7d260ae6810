import { describe, expect, test } from 'vitest';
import { gradeCoin, type Light } from './grading.ts';

function lights(passes: number, fails: number, others: Light = 'timeout'): Light[] {
  const list = new Array<Light>(25).fill(others);
  return list.fill('pass', 0, passes).fill('fail', passes, passes + fails);
}

describe('grading', () => {
  test.each([
    [25, 0, 'authentic', false],
    [13, 0, 'authentic', false],
    [13, 12, 'authentic', true],
    [24, 1, 'authentic', true],
    [12, 13, 'counterfeit', false],
    [0, 25, 'counterfeit', false],
    [0, 13, 'counterfeit', false],
    [12, 12, 'limbo', false],
    [12, 0, 'limbo', false],
    [0, 0, 'limbo', false],
  ] as const)('%i passes and %i fails: %s', (passes, fails, name, fracked) => {
    expect(gradeCoin(lights(passes, fails))).toEqual({
      name,
      passes,
      fails,
      fracked,
      healable: fracked,
    });
  });

  test('a coin that nobody was asked about is untested', () => {
    expect(gradeCoin(lights(0, 0, 'none')).name).toBe('untested');
    expect(gradeCoin(lights(0, 1, 'none')).name).toBe('limbo');
  });

  test.each([24, 26])('%i lights are no lights', (count) => {
    expect(() => gradeCoin(new Array<Light>(count).fill('pass'))).toThrow(RangeError);
  });
});
