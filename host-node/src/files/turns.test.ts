import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

/** A work that ends when the test says so. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let begun = false;
  const run = () => {
    begun = true;
    return promise;
  };
  return { run, resolve, reject, begun: () => begun };
}
const soon = () => new Promise((resolve) => setImmediate(resolve));

test('so many at once, the others in order, also after a failure', async () => {
  const turns = new Turns(2, 10);
  const works = [work(), work(), work(), work()];
  const ends = works.map(({ run }) => turns.run(run).catch((error: Error) => error.message));
  const begun = () => works.map((one) => one.begun());
  await soon();
  expect(begun()).toEqual([true, true, false, false]);
  works[1]?.reject(new Error('no'));
  await soon();
  expect(begun()).toEqual([true, true, true, false]);
  for (const one of works) one.resolve('yes');
  expect(await Promise.all(ends)).toEqual(['yes', 'no', 'yes', 'yes']);
  const late = work();
  late.resolve('late');
  await expect(turns.run(late.run)).resolves.toBe('late');
});

test('so many wait, one more is refused', async () => {
  const turns = new Turns(1, 1);
  const [first, second] = [work(), work()];
  const ends = [turns.run(first.run), turns.run(second.run)];
  await expect(turns.run(work().run)).rejects.toMatchObject({ code: 'ANDVARI_BUSY' });
  first.resolve('1');
  second.resolve('2');
  expect(await Promise.all(ends)).toEqual(['1', '2']);
});

test('what was given up while it waited is not begun, and its turn passes on', async () => {
  const turns = new Turns(1, 2);
  const abort = new AbortController();
  const [first, second, third] = [work(), work(), work()];
  const before = turns.run(first.run);
  const given = turns.run(second.run, abort.signal);
  const after = turns.run(third.run);
  abort.abort(new Error('given up'));
  third.resolve('3');
  first.resolve('1');
  await expect(given).rejects.toThrow('given up');
  expect(await Promise.all([before, after])).toEqual(['1', '3']);
  expect(second.begun()).toBe(false);
});
