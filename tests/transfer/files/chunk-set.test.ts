import { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import { expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../seeded-random.ts';

it('is what a set of numbers is', () => {
  const seed = seedOfRun();
  const random = randomFrom(seed);
  for (const count of [0, 1, 7, 8, 9, 64, 1000]) {
    const set = new ChunkSet(count);
    const model = new Set<number>();
    for (let step = 0; step < 3 * count; step++) {
      const index = random(count);
      if (random(4) > 0) {
        expect(set.add(index), `seed ${seed}`).toBe(!model.has(index));
        model.add(index);
      } else expect(set.delete(index), `seed ${seed}`).toBe(model.delete(index));
      const from = random(count + 1);
      let missing = from;
      while (model.has(missing)) missing++;
      expect(set.firstMissing(from), `seed ${seed}`).toBe(missing);
    }
    expect(set.size).toBe(model.size);
    const again = ChunkSet.from(count, set.bytes);
    for (let index = 0; index < count; index++) expect(again.has(index)).toBe(model.has(index));
    for (let index = 0; index < count; index++) set.add(index);
    expect([set.isFull, set.firstMissing()]).toEqual([true, count]);
  }
});

it('takes no chunk that the file does not have, and no bytes of another length', () => {
  const set = new ChunkSet(9);
  expect(() => set.add(9)).toThrow(RangeError);
  expect(() => set.add(-1)).toThrow(RangeError);
  expect([set.has(9), set.delete(9)]).toEqual([false, false]);
  for (const length of [0, 1, 3]) {
    expect(() => ChunkSet.from(9, new Uint8Array(length))).toThrow(RangeError);
  }
  // What lies behind the last chunk is none.
  expect(ChunkSet.from(9, Uint8Array.of(0, 0xfe)).size).toBe(0);
});
