import { expect, it } from 'vitest';
import { AckDelay } from './ack-delay.ts';

function afterOne(): AckDelay {
  const delay = new AckDelay();
  delay.received();
  delay.read();
  return delay;
}

it('the acknowledgement of a lone packet waits 10 ms, however often it is asked', () => {
  const delay = afterOne();
  expect(delay.waits(100)).toBe(true);
  expect(delay.untilMs).toBe(110);
  expect(delay.waits(109.9)).toBe(true);
  expect(delay.untilMs).toBe(110);
  expect(delay.waits(110)).toBe(false);
});

it.each<[string, (delay: AckDelay) => void]>([
  ['a second packet came', (delay) => delay.received()],
  ['there is something to send', (delay) => delay.urgent()],
])('it goes at once when %s', (_, happens) => {
  const delay = afterOne();
  expect(delay.waits(100)).toBe(true);
  happens(delay);
  expect(delay.waits(100)).toBe(false);
  delay.sent();
  expect(delay.untilMs).toBe(Number.POSITIVE_INFINITY);
});

it('nothing waits after a packet that nobody reads, or without one', () => {
  const delay = new AckDelay();
  expect(delay.waits(100)).toBe(false);
  delay.received();
  expect(delay.waits(100)).toBe(false);
  expect(delay.untilMs).toBe(Number.POSITIVE_INFINITY);
});
