import { RateMeter } from '@andvari/host-common/transfer/files/rate-meter';
import { expect, it } from 'vitest';

it('tells the rate from the first look on, and what is left by it', () => {
  const meter = new RateMeter(1000, 500);
  expect([meter.rate, meter.eta(1), meter.eta(0)]).toEqual([0, undefined, 0]);
  meter.look(2000, 1500);
  expect(meter.rate).toBeCloseTo(1000);
  expect(meter.eta(5000)).toBeCloseTo(5);
  meter.look(3000, 2500);
  expect(meter.rate).toBeCloseTo(1000);
});

it('sees a pause within seconds, and what goes on behind it', () => {
  const meter = new RateMeter(0);
  for (let second = 1; second <= 10; second++) meter.look(second * 1000, second * 1000);
  for (let second = 11; second <= 25; second++) meter.look(second * 1000, 10_000);
  expect(meter.rate).toBeLessThan(10);
  expect(meter.eta(10_000) ?? Infinity).toBeGreaterThan(1000);
  for (let second = 26; second <= 40; second++) meter.look(second * 1000, (second - 15) * 1000);
  expect(meter.rate).toBeGreaterThan(900);
});

it('two looks at one moment are one', () => {
  const meter = new RateMeter(0);
  meter.look(0, 1000);
  meter.look(50, 1000);
  expect(meter.rate).toBe(0);
  meter.look(1000, 1000);
  expect(meter.rate).toBeCloseTo(1000);
});

it('knows no time that is left in a stall, nor one of years, and knows it again behind it', () => {
  const meter = new RateMeter(0);
  for (let second = 1; second <= 10; second++) meter.look(second * 1000, second * 1000);
  meter.look(19_999, 10_000);
  expect(meter.eta(1000)).toBeGreaterThan(1);
  meter.look(20_100, 10_000);
  expect(meter.eta(1000)).toBeUndefined();
  meter.look(21_100, 11_000);
  expect(meter.eta(1000)).toBeGreaterThan(1);
  expect(meter.eta(1e12)).toBeUndefined();
});
