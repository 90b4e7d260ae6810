import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NetworkWatch } from './network-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells each change once, while it is started', () => {
  let [addresses, told] = ['192.0.2.7', 0];
  const watch = new NetworkWatch(
    () => void told++,
    () => addresses,
  );
  addresses = '192.0.2.8';
  vi.advanceTimersByTime(10_000);
  watch.start();
  watch.start();
  vi.advanceTimersByTime(10_000);
  expect(told).toBe(0);
  addresses = '192.0.2.9';
  vi.advanceTimersByTime(10_000);
  expect(told).toBe(1);
  watch.stop();
  addresses = '192.0.2.8';
  vi.advanceTimersByTime(10_000);
  watch.start();
  vi.advanceTimersByTime(10_000);
  expect(told).toBe(1);
  watch.stop();
});
