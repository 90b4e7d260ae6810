/**
 * What a seed stands for: the nodes and the ways to them, what happens to them, who calls whom and
 * what is transferred. Every kind of fault has seeds of its own and seeds in which it meets others.
 */
import { randomFrom } from '../seeded-random.ts';
import { type Link, PERFECT } from './network.ts';

/** When all is well again: from then on everything has to come to its end. */
export const HEAL_US = 20e6;

/** Something that happens to the network, a host or its sessions at a time after the start. */
export interface Incident {
  atUs: number;
  kind:
    | 'cut'
    | 'mend'
    | 'rebind'
    | 'move'
    /** Calls the peer at its other address; at one where nobody is. */
    | 'roam'
    | 'astray'
    | 'shrink'
    | 'rekey'
    | 'ping'
    /** Packets of somebody who has seen some; ones that he has seen, again. */
    | 'forge'
    | 'replay'
    /** The host's clock jumps by `us`; its calendar; or it does nothing for so long. */
    | 'jump'
    | 'calendar'
    | 'sleep'
    /** A caller of another version; a peer of another version is called. */
    | 'stranger'
    | 'foreigner';
  node: number;
  /** Of a cut: whose packets do not come any more [everybody's]. */
  from?: number;
  us?: number;
}

export interface StreamPlan {
  /** 0: the caller opens it; 1: whoever was called. */
  side: 0 | 1;
  /** Both ways, with an answer of as many bytes. */
  bidi: boolean;
  priority: number;
  expedited: boolean;
  /** Whoever reads it takes ranges as they come. */
  unordered: boolean;
  bytes: number;
  /** Its sender gives it up, or its reader wants no more, after some bytes. */
  cutShort: 'reset' | 'stop' | undefined;
  /** When it is opened. */
  atUs: number;
}

export interface NodePlan {
  link: Link;
  headerProtection: boolean;
  stealth: boolean;
  /** Half-open handshakes above which callers get cookies. */
  retryAbove: number;
  windowKiB: number;
  rekeyPackets: number;
  rekeySeconds: number;
  keepalive: boolean;
}

/** How a session ends. */
export type Ending = 'close' | 'both close' | 'idle' | 'vanish';

/** In which order an application takes the peer's streams, and the answers to its own. */
export interface Reading {
  /** All as they come; one to its end before the next; or one of them when all others end. */
  order: 'at once' | 'in turn' | 'one last';
  /** Of those that have been opened, which is next: the first, or one that this seed draws. */
  seed: number | undefined;
}

export interface PairPlan {
  caller: number;
  called: number;
  atUs: number;
  /** The other one calls too, so long after; undefined: it does not. */
  crossedUs: number | undefined;
  streams: StreamPlan[];
  /** Of both applications [at once]. */
  reading?: Reading;
  ending: Ending;
  /** Who ends it, and with which error. */
  ender: 0 | 1;
  error: number;
}

export interface Scenario {
  seed: number;
  nodes: NodePlan[];
  pairs: PairPlan[];
  incidents: Incident[];
  /** Their times count from when the first session stands [from the start of the run]. */
  fromSession?: boolean;
  /** A move waits for the end of the one before; then an onlooker must not see whose they are. */
  patient?: boolean;
  /** A session without keepalives may end by its idle time after an address has changed. */
  mayExpire: boolean;
}

export interface ScenarioLimits {
  /** Bytes of a stream, as a rule, at the most [75,000]. */
  bytes?: number;
  /** Nodes at the most [5]. */
  nodes?: number;
}

type Random = (below: number) => number;

export const chance = (random: Random, percent: number) => random(100) < percent;

function linkOf(random: Random): Link {
  const delayUs = 500 + random(chance(random, 20) ? 150000 : 30000);
  const rate = chance(random, 50) ? 125000 + random(12500000) : 0;
  const link: Link = { ...PERFECT, delayUs, rate, mtu: 1252 + random(250) };
  if (rate) link.queueBytes = Math.max(8000, Math.floor((rate * (delayUs + random(100000))) / 1e6));
  if (chance(random, 40)) link.jitterUs = random(delayUs);
  if (chance(random, 60)) link.loss = random(chance(random, 20) ? 2000 : 300);
  if (chance(random, 25)) {
    link.burst = random(50);
    link.burstUs = 1000 + random(200000);
  }
  if (chance(random, 30)) link.duplicate = random(1000);
  if (chance(random, 30)) link.corrupt = random(300);
  if (chance(random, 25)) link.straggle = random(200);
  return link;
}

function nodeOf(random: Random, keepalive: boolean): NodePlan {
  return {
    link: linkOf(random),
    headerProtection: chance(random, 35),
    stealth: chance(random, 20),
    retryAbove: chance(random, 25) ? -1 : 512,
    windowKiB: chance(random, 30) ? 16 + random(48) : 1024,
    rekeyPackets: chance(random, 15) ? 60 + random(200) : 1000000,
    rekeySeconds: chance(random, 10) ? 1 + random(3) : 120,
    keepalive,
  };
}

/** An outage is shorter than the idle time, or sessions rightly end. */
function outage(random: Random, nodes: number, incidents: Incident[]): void {
  const node = random(nodes);
  const atUs = random(3000000);
  const endUs = atUs + 1000 + random(5000000);
  // Of one or of all others, and of a part of the network from the rest.
  const from = random(3) ? undefined : (node + 1) % nodes;
  const cutOff = random(4) || nodes < 3 ? [node] : [node, (node + 1) % nodes];
  for (const one of cutOff) {
    const who = from === undefined || from === one ? { node: one } : { node: one, from };
    incidents.push({ ...who, atUs, kind: 'cut' }, { ...who, atUs: endUs, kind: 'mend' });
  }
}

function incidentsOf(random: Random, nodes: number): Incident[] {
  const incidents: Incident[] = [];
  // Only one host changes its address: if two did unheard, they could not find each other again.
  const mobile = random(nodes);
  const spanUs = 200000 + random(3000000);
  const some = (kind: Incident['kind'], percent: number, most: number, us?: () => number) => {
    if (!chance(random, percent)) return;
    for (let left = 1 + random(most); left > 0; left--) {
      const node = kind === 'rebind' || kind === 'move' ? mobile : random(nodes);
      incidents.push({ atUs: random(spanUs), kind, node, ...(us ? { us: us() } : {}) });
    }
  };
  if (chance(random, 20)) outage(random, nodes, incidents);
  some('rebind', 20, 2);
  some('move', 15, 2);
  some('shrink', 10, 1);
  some('rekey', 25, 3);
  some('ping', 20, 2);
  some('forge', 25, 3);
  some('replay', 20, 3);
  some('jump', 15, 2, () => random(10000000) - 3000000);
  some('calendar', 15, 2, () => random(400000000) - 200000000);
  some('sleep', 15, 2, () => random(random(3) ? 100000 : 8000000));
  some('stranger', 10, 1);
  some('foreigner', 5, 1);
  return incidents.sort((a, b) => a.atUs - b.atUs);
}

function streamsOf(random: Random, most: number): StreamPlan[] {
  const streams: StreamPlan[] = [];
  for (let left = 1 + random(5); left > 0; left--) {
    const expedited = chance(random, 15);
    const bidi = chance(random, 40);
    const isCut = !bidi && chance(random, 15);
    streams.push({
      side: random(2) as 0 | 1,
      bidi,
      priority: random(256),
      expedited,
      unordered: chance(random, 25),
      bytes: random(
        expedited ? 65537 : chance(random, 30) ? 200 : chance(random, 15) ? 8 * most : most,
      ),
      cutShort: isCut ? (random(2) ? 'reset' : 'stop') : undefined,
      atUs: chance(random, 50) ? 0 : random(500000),
    });
  }
  return streams;
}

function endingOf(random: Random, keepalive: boolean): Ending {
  if (!keepalive && chance(random, 40)) return 'idle';
  if (chance(random, 15)) return 'both close';
  return chance(random, 10) ? 'vanish' : 'close';
}

/** Who calls whom: everybody is in a pair, and no two are in the same. */
function pairsOf(random: Random, nodes: number, keepalive: boolean, most: number): PairPlan[] {
  const pairs: PairPlan[] = [];
  for (let node = 1; node < nodes; node++) {
    for (let other = 0; other < node; other++) {
      if (other !== node - 1 && !chance(random, 35)) continue;
      const turned = random(2) === 0;
      pairs.push({
        caller: turned ? node : other,
        called: turned ? other : node,
        atUs: nodes === 2 ? 0 : random(1000000),
        crossedUs: chance(random, 15) ? random(chance(random, 50) ? 1000 : 400000) : undefined,
        streams: streamsOf(random, nodes === 2 ? most : most >> 2),
        ending: endingOf(random, keepalive),
        ender: random(2) as 0 | 1,
        error: chance(random, 70) ? 0 : 2,
      });
    }
  }
  return pairs;
}

/** The scenario of a seed. */
export function scenarioOf(seed: number, limits: ScenarioLimits = {}): Scenario {
  const random = randomFrom(seed);
  const { bytes = 75000, nodes: most = 5 } = limits;
  const count = chance(random, 15) ? Math.min(most, 3 + random(3)) : 2;
  const keepalive = chance(random, 65);
  return {
    seed,
    nodes: Array.from({ length: count }, () => nodeOf(random, keepalive)),
    incidents: incidentsOf(random, count),
    pairs: pairsOf(random, count, keepalive, bytes),
    mayExpire: !keepalive,
  };
}
