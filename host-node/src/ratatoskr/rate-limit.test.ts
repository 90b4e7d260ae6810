import { describe, expect, it } from 'vitest';
import { DeviceRateLimit } from './rate-limit.ts';

const admitted = (count: number, admit: () => boolean) =>
  Array.from({ length: count }, admit).filter(Boolean).length;

describe('DeviceRateLimit', () => {
  it('takes 60 in a minute and 1000 in an hour, of each device', () => {
    const limit = new DeviceRateLimit({ perMinute: 60, perHour: 1000 }, 10);
    expect(admitted(100, () => limit.admit('a', 0))).toBe(60);
    expect(admitted(100, () => limit.admit('b', 0))).toBe(60);
    let taken = 60;
    for (let minute = 1; minute < 60; minute++) {
      taken += admitted(100, () => limit.admit('a', minute * 60_000));
    }
    // 1000 at once, and by the end of the hour nearly as many again that have come since.
    expect(taken).toBeGreaterThan(1000);
    expect(taken).toBeLessThan(2000);
    expect(admitted(100, () => limit.admit('a', 59 * 60_000))).toBeLessThan(17);
  });

  it('counts nothing against the minute that the hour refuses', () => {
    const limit = new DeviceRateLimit({ perMinute: 10, perHour: 12 }, 10);
    expect(admitted(20, () => limit.admit('a', 0))).toBe(10);
    expect(admitted(20, () => limit.admit('a', 60_000))).toBe(2);
  });

  it('forgets who is as good as new, and nobody else, however many come', () => {
    const limit = new DeviceRateLimit({ perMinute: 60, perHour: 60 }, 3);
    for (const id of ['a', 'b', 'c']) expect(limit.admit(id, 0)).toBe(true);
    expect(limit.admit('d', 0)).toBe(false);
    expect(limit.size).toBe(3);
    limit.admit('a', 60_000);
    expect(limit.admit('d', 60_000)).toBe(true);
    expect(limit.size).toBe(2);
    limit.sweep(1e9);
    expect(limit.size).toBe(0);
  });
});
