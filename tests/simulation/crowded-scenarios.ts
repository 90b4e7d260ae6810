/**
 * Small pools and more streams, both ways and of every kind, than find room in them: whatever one
 * side waits for is held by what waits for the other. Nothing else goes wrong but loss and reorder,
 * so that a run that does not come to its end has found two that wait for each other.
 */
import type { TransferSizes } from '../../host-common/src/engine/configuration.ts';
import { randomFrom } from '../seeded-random.ts';
import { type Link, PERFECT } from './network.ts';
import {
  chance,
  type NodePlan,
  type PairPlan,
  type Scenario,
  type StreamPlan,
} from './scenario.ts';

type Random = (below: number) => number;

/** Pools of a node: from the least that a session can do with on, each now and then a wide one. */
export function sizesOf(random: Random, sessions: number): TransferSizes {
  const of = (least: number, more: number) =>
    sessions * (chance(random, 20) ? 8 : 1) * least + random(sessions * more);
  return {
    sessions,
    streams: of(4, 12),
    sentChunks: of(3, 8),
    keyChunks: of(1, 4),
    blocks: of(8, 24),
    ranges: of(64, 128),
    messages: of(8, 8),
    events: 64,
  };
}

function streamOf(random: Random, side: 0 | 1, most: number): StreamPlan {
  const expedited = chance(random, 10);
  return {
    side,
    bidi: chance(random, 30),
    priority: random(4) * 80,
    expedited,
    unordered: chance(random, 30),
    bytes: random(expedited ? 65537 : most),
    cutShort: undefined,
    atUs: chance(random, 60) ? 0 : random(300000),
  };
}

function pairOf(random: Random, caller: number, called: number): PairPlan {
  const most = 20000 + random(180000);
  const streams: StreamPlan[] = [];
  for (const side of [0, 1] as const) {
    for (let left = 1 + random(14); left > 0; left--) streams.push(streamOf(random, side, most));
  }
  return {
    caller,
    called,
    atUs: 0,
    crossedUs: undefined,
    streams,
    ending: 'close',
    ender: random(2) as 0 | 1,
    error: 0,
  };
}

export interface Crowded {
  scenario: Scenario;
  /** Of each node. */
  sizes: TransferSizes[];
}

export function nodeOf(link: Partial<Link>, windowKiB: number): NodePlan {
  return {
    link: { ...PERFECT, ...link },
    headerProtection: false,
    stealth: false,
    retryAbove: 512,
    windowKiB,
    rekeyPackets: 1000000,
    rekeySeconds: 120,
    keepalive: true,
  };
}

/** What a seed stands for: two nodes, or three of which each has a session with the others. */
export function crowdedOf(seed: number): Crowded {
  const random = randomFrom(seed);
  const count = chance(random, 40) ? 3 : 2;
  const node = () => {
    const delayUs = 1000 + random(20000);
    const jitterUs = chance(random, 70) ? random(20000) : 0;
    const loss = chance(random, 60) ? random(600) : 0;
    return nodeOf({ delayUs, jitterUs, loss }, chance(random, 40) ? 16 + random(48) : 256);
  };
  const nodes = Array.from({ length: count }, node);
  const pairs = [pairOf(random, 0, 1)];
  if (count === 3) pairs.push(pairOf(random, 1, 2), pairOf(random, 2, 0));
  const scenario = { seed, nodes, pairs, incidents: [], mayExpire: false };
  const sizes = nodes.map(() => sizesOf(random, count - 1 + random(2)));
  return { scenario, sizes };
}

/** Six streams of 200 kB each way at once, of rising priorities, over a way that loses 3 %. */
export function sixEachWay(seed: number, sizes: TransferSizes): Crowded {
  const node = () => nodeOf({ delayUs: 7000, jitterUs: 7000, loss: 300 }, 256);
  const streams = Array.from({ length: 12 }, (_, i): StreamPlan => {
    const way = { bidi: false, expedited: false, unordered: false, cutShort: undefined };
    return { ...way, side: (i & 1) as 0 | 1, priority: (i >> 1) * 40, bytes: 200000, atUs: 0 };
  });
  const pair = { caller: 0, called: 1, atUs: 0, crossedUs: undefined, streams };
  const pairs: PairPlan[] = [{ ...pair, ending: 'close', ender: 0, error: 0 }];
  const scenario = { seed, nodes: [node(), node()], pairs, incidents: [], mayExpire: false };
  return { scenario, sizes: [sizes, sizes] };
}
