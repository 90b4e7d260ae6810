/** What a test opens is closed behind it, the last one first. */
import { afterEach } from 'vitest';

/** For a file of tests, or one group: a function that takes what closes the thing just opened. */
export function closedAfterEach(): (close: () => unknown) => void {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  return (close) => void closers.push(close);
}
