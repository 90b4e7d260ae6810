/**
 * Many short streams over a way that loses much, while one rekey follows the other: frames whose
 * ack was lost go again in later epochs, and none of them may open a stream that is over. Some are
 * read late, so that their sender is refused for longer than an epoch lasts, which must not keep
 * the session in it.
 */
import { randomFrom } from '../seeded-random.ts';
import { type Crowded, nodeOf, sizesOf } from './crowded-scenarios.ts';
import type { Reading, StreamPlan } from './scenario.ts';
import { chance } from './scenario.ts';

type Random = (below: number) => number;

function streamOf(random: Random, side: 0 | 1, spanUs: number): StreamPlan {
  const expedited = chance(random, 10);
  const bidi = chance(random, 40);
  const isCut = !bidi && chance(random, 15);
  return {
    side,
    bidi,
    priority: random(4) * 80,
    expedited,
    unordered: chance(random, 15),
    bytes: random(chance(random, 60) ? 3000 : 60000),
    cutShort: isCut ? (random(2) ? 'reset' : 'stop') : undefined,
    atUs: random(spanUs),
  };
}

/** What a seed stands for: two nodes, of which each sends so few packets in an epoch. */
export function rekeyingOf(seed: number): Crowded {
  const random = randomFrom(seed ^ 0x2e4e);
  const spanUs = 1 + random(4_000_000);
  const node = () => {
    const link = {
      delayUs: 500 + random(40000),
      jitterUs: chance(random, 50) ? random(40000) : 0,
      loss: random(chance(random, 50) ? 4500 : 2000),
      straggle: chance(random, 40) ? random(1000) : 0,
    };
    const windowKiB = chance(random, 30) ? 16 + random(48) : 1024;
    return { ...nodeOf(link, windowKiB), rekeyPackets: 12 + random(chance(random, 50) ? 30 : 100) };
  };
  const nodes = [node(), node()];
  const streams = Array.from({ length: 4 + random(40) }, () => {
    return streamOf(random, random(2) as 0 | 1, spanUs);
  });
  const order = chance(random, 50) ? 'in turn' : 'one last';
  const reading: Reading = { order, seed: random(1000000) };
  const way = { caller: 0, called: 1, atUs: 0, crossedUs: undefined };
  const end = { ending: 'close' as const, ender: 0 as const, error: 0 };
  const late = chance(random, 40) ? { reading } : {};
  const sizes = nodes.map(() => {
    return chance(random, 30) ? sizesOf(random, 1 + random(2)) : { sessions: 1 + random(4) };
  });
  const pairs = [{ ...way, ...end, streams, ...late }];
  return { scenario: { seed, nodes, pairs, incidents: [], mayExpire: false }, sizes };
}
