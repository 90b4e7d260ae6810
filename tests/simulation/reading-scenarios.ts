/**
 * Applications that do not read what comes as it comes: they take the peer's streams one after the
 * other, each to its end, and answer it, or leave one to lie until the others have ended. Pools of
 * the default sizes for a few sessions, or small ones. No stream waits for another but by the order
 * of reading, so a run that does not come to its end has found one that is kept from its reader.
 */
import { randomFrom } from '../seeded-random.ts';
import { type Crowded, nodeOf, sizesOf } from './crowded-scenarios.ts';
import type { PairPlan, Reading, StreamPlan } from './scenario.ts';
import { chance } from './scenario.ts';

type Random = (below: number) => number;

function orderOf(random: Random): Reading {
  const seed = chance(random, 50) ? random(1000000) : undefined;
  return { order: chance(random, 75) ? 'in turn' : 'one last', seed };
}

function pairOf(random: Random, most: number): PairPlan {
  const streams: StreamPlan[] = [];
  const bidiPercent = 50 + 50 * random(2);
  for (const side of [0, 1] as const) {
    for (let left = 2 + random(11); left > 0; left--) {
      const expedited = chance(random, 5);
      streams.push({
        side,
        bidi: chance(random, bidiPercent),
        priority: random(4) * 80,
        expedited,
        unordered: chance(random, 15),
        bytes: chance(random, 20) ? random(2000) : random(expedited ? 65537 : most),
        cutShort: undefined,
        atUs: chance(random, 70) ? 0 : random(300000),
      });
    }
  }
  const way = { caller: 0, called: 1, atUs: 0, crossedUs: undefined };
  return { ...way, streams, reading: orderOf(random), ending: 'close', ender: 0, error: 0 };
}

/** What a seed stands for: two nodes, and pools for more sessions than the one that they have. */
export function readingOf(seed: number): Crowded {
  const random = randomFrom(seed);
  const isTight = chance(random, 50);
  const node = () => {
    const delayUs = 1000 + random(20000);
    const jitterUs = chance(random, 50) ? random(20000) : 0;
    const loss = chance(random, 50) ? random(400) : 0;
    const windowKiB = chance(random, 30) ? 16 + random(112) : 1024;
    return nodeOf({ delayUs, jitterUs, loss }, windowKiB);
  };
  const nodes = [node(), node()];
  const pairs = [pairOf(random, 50000 + random(isTight ? 150000 : 500000))];
  const sizes = nodes.map(() => {
    const sessions = 1 + random(4);
    return isTight ? sizesOf(random, sessions) : { sessions };
  });
  return { scenario: { seed, nodes, pairs, incidents: [], mayExpire: false }, sizes };
}
