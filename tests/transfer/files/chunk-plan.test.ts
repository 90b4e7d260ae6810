import { ChunkPlan } from '@andvari/host-common/transfer/files/chunk-plan';
import { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../seeded-random.ts';

/** A plan for `count` chunks of which none is there. */
function planFor(count: number) {
  const have = new ChunkSet(count);
  const plan = new ChunkPlan<string>(have);
  const come = (index: number) => {
    have.add(index);
    plan.came(index);
  };
  return { have, plan, come };
}

describe('a plan of chunks', () => {
  it('asks nobody twice, and two at the most', () => {
    const { plan } = planFor(3);
    expect(['a', 'a', 'b', 'a'].map((source) => plan.take(source))).toEqual([0, 1, 2, 2]);
    // Near the end: what the other has been asked for longest.
    expect(['b', 'b', 'b', 'c'].map((source) => plan.take(source))).toEqual([
      ...[0, 1, undefined],
      undefined,
    ]);
  });

  it('gives what one leaves to the others, at once', () => {
    const { plan, come } = planFor(4);
    expect([plan.take('a'), plan.take('a'), plan.take('b')]).toEqual([0, 1, 2]);
    come(0);
    plan.left('a');
    expect([plan.take('b'), plan.take('b'), plan.take('b')]).toEqual([1, 3, undefined]);
  });

  it('does not ask again for what two were asked and one has brought', () => {
    const { plan, come } = planFor(1);
    expect([plan.take('a'), plan.take('b')]).toEqual([0, 0]);
    come(0);
    plan.left('b');
    expect([plan.take('a'), plan.isDone]).toEqual([undefined, true]);
  });

  it('every chunk comes, whoever answers, in whatever order, and whoever leaves', () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    for (let round = 0; round < 200; round++) {
      const count = random(40);
      const { have, plan, come } = planFor(count);
      for (let known = random(count + 1); known > 0; known--) have.add(random(count));
      const sources = new Map<string, number[]>([['always', []]]);
      let names = 0;
      for (let step = 0; !plan.isDone; step++) {
        expect(step, `seed ${seed}, round ${round}`).toBeLessThan(4000);
        if (random(10) === 0) sources.set(`source ${names++}`, []);
        const all = [...sources.keys()];
        const name = all[random(all.length)] as string;
        const asked = sources.get(name) as number[];
        if (random(2) === 0) {
          const index = plan.take(name);
          if (index !== undefined) {
            expect(have.has(index) || asked.includes(index), `seed ${seed}`).toBe(false);
            asked.push(index);
          }
        } else if (asked.length > 0) come(asked.splice(random(asked.length), 1)[0] as number);
        else if (name !== 'always' && random(4) === 0) {
          sources.delete(name);
          plan.left(name);
        }
      }
      expect(have.isFull).toBe(true);
    }
  });
});
