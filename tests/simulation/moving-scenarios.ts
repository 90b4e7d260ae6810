/**
 * Scenarios of one kind: the caller moves, its NAT forgets it, it tries other addresses of the peer
 * and addresses of nobody, both rekey, and packets are lost.
 */
import { randomFrom } from '../seeded-random.ts';
import { type Link, PERFECT } from './network.ts';
import {
  chance,
  type Incident,
  type NodePlan,
  type Scenario,
  type StreamPlan,
} from './scenario.ts';

type Random = (below: number) => number;

/** Within the time of one epoch, and before all has to be well (HEAL_US). */
const SPAN_US = 16_000_000;

function nodeOf(link: Link, rekeyPackets = 1000000): NodePlan {
  return {
    link,
    headerProtection: false,
    stealth: false,
    retryAbove: 512,
    windowKiB: 1024,
    rekeyPackets,
    rekeySeconds: 120,
    keepalive: true,
  };
}

function streamsOf(random: Random, count: number): StreamPlan[] {
  return Array.from({ length: count }, () => ({
    side: random(2) as 0 | 1,
    bidi: chance(random, 40),
    priority: random(4) * 80,
    expedited: false,
    unordered: false,
    bytes: random(chance(random, 50) ? 2000 : 100000),
    cutShort: undefined,
    atUs: random(SPAN_US),
  }));
}

function linkOf(random: Random, isWild: boolean): Link {
  const delayUs = 500 + random(chance(random, 20) ? 150000 : 30000);
  const rate = 125000 + random(1000000);
  const link: Link = { ...PERFECT, delayUs, rate, queueBytes: 64000 };
  if (chance(random, 50)) link.jitterUs = random(delayUs);
  if (chance(random, 60)) link.loss = random(isWild ? 3000 : 500);
  if (chance(random, 30)) link.duplicate = random(1000);
  if (chance(random, 25)) link.straggle = random(200);
  return link;
}

const KINDS: Incident['kind'][] = ['move', 'roam', 'astray', 'rebind', 'rekey'];

function incidentsOf(random: Random, isWild: boolean): Incident[] {
  const incidents: Incident[] = [];
  const kinds = KINDS.filter((kind) => kind === 'move' || chance(random, 60));
  // One after the other, or some at once.
  for (let left = 1 + random(40), atUs = 0; left > 0; left--) {
    atUs = chance(random, isWild ? 30 : 15) ? atUs + random(3000) : random(SPAN_US);
    const kind = kinds[random(kinds.length)] ?? 'move';
    incidents.push({ atUs, kind, node: kind === 'rekey' ? random(2) : 0 });
  }
  for (let left = isWild ? random(4) : 0; left > 0; left--) {
    const atUs = random(SPAN_US);
    const node = random(2);
    const from = chance(random, 50) ? { from: 1 - node } : {};
    incidents.push({ ...from, atUs, kind: 'cut', node });
    incidents.push({ ...from, atUs: atUs + random(4000000), kind: 'mend', node });
  }
  for (let left = isWild ? random(3) : 0; left > 0; left--) {
    incidents.push({ atUs: random(SPAN_US), kind: 'sleep', node: random(2), us: random(2000000) });
  }
  return incidents.sort((a, b) => a.atUs - b.atUs);
}

const PLAN = { caller: 0, called: 1, atUs: 0, crossedUs: undefined };
const END = { ending: 'close' as const, ender: 0 as const, error: 0 };

/**
 * What a seed stands for. Of even ones an onlooker shall not be able to tell which addresses are
 * one node's; in odd ones moves follow each other unheard, ways are cut and hosts sleep, so that a
 * session has nothing but to live.
 */
export function movingOf(seed: number): Scenario {
  const random = randomFrom(seed ^ 0x30e5);
  const isWild = seed % 2 === 1;
  const rekeyPackets = () => (chance(random, 15) ? 60 + random(400) : 1000000);
  const nodes = [0, 1].map(() => nodeOf(linkOf(random, isWild), rekeyPackets()));
  const streams = streamsOf(random, 1 + random(12));
  return {
    seed,
    nodes,
    pairs: [{ ...PLAN, ...END, streams }],
    incidents: incidentsOf(random, isWild),
    fromSession: true,
    patient: !isWild,
    mayExpire: false,
  };
}

/** So many moves, one after the other, within the time of one epoch. */
export function manyMovesOf(moves: number, kind: 'move' | 'rebind' = 'move'): Scenario {
  const link = { ...PERFECT, delayUs: 2000, rate: 2000000 };
  const random = randomFrom(moves);
  const everyUs = SPAN_US / moves;
  const incidents = Array.from({ length: moves }, (_, i): Incident => {
    const isRoaming = kind === 'move' && i % 3 === 2;
    return { atUs: Math.floor(i * everyUs), kind: isRoaming ? 'roam' : kind, node: 0 };
  });
  // The session is there until all of them are over.
  const last = streamsOf(random, 1).map((stream) => ({ ...stream, atUs: SPAN_US + everyUs }));
  return {
    seed: 1,
    nodes: [nodeOf(link), nodeOf(link)],
    pairs: [{ ...PLAN, ...END, streams: [...streamsOf(random, 12), ...last] }],
    incidents,
    fromSession: true,
    patient: true,
    mayExpire: false,
  };
}
