/**
 * What a seed stands for: the links both ways, what happens to them, and what is transferred. Every
 * kind of fault has seeds of its own and seeds in which it meets others.
 */
import { randomFrom } from '../seeded-random.ts';
import { type Link, PERFECT } from './network.ts';

/** Something that happens to the network or a session at a time after the start. */
export interface Incident {
  atUs: number;
  kind: 'cut' | 'mend' | 'rebind' | 'move' | 'shrink' | 'rekey' | 'ping' | 'forge';
  /** Which side: 0 called, 1 answered. */
  side: 0 | 1;
}

export interface StreamPlan {
  side: 0 | 1;
  /** Both ways, with an answer of as many bytes. */
  bidi: boolean;
  priority: number;
  expedited: boolean;
  /** Whoever reads it takes ranges as they come. */
  unordered: boolean;
  bytes: number;
  /** When it is opened. */
  atUs: number;
}

export interface Scenario {
  seed: number;
  /** Links towards side 0 and side 1. */
  links: [Link, Link];
  incidents: Incident[];
  streams: StreamPlan[];
  headerProtection: boolean;
  windowKib: number;
  rekeyPackets: number;
  rekeySeconds: number;
  keepalive: boolean;
}

type Random = (below: number) => number;

const chance = (random: Random, percent: number) => random(100) < percent;

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

/** An outage is shorter than the idle time, or the session rightly ends. */
function outage(random: Random, incidents: Incident[]): void {
  const side = random(2) as 0 | 1;
  const atUs = random(3000000);
  incidents.push({ atUs, kind: 'cut', side });
  incidents.push({ atUs: atUs + 1000 + random(5000000), kind: 'mend', side });
}

function incidentsOf(random: Random): Incident[] {
  const incidents: Incident[] = [];
  // Only one side changes its address: if both did unheard, they could not find each other again.
  const mobile = random(2) as 0 | 1;
  const spanUs = 200000 + random(3000000);
  const some = (kind: Incident['kind'], percent: number, most: number) => {
    if (!chance(random, percent)) return;
    for (let left = 1 + random(most); left > 0; left--) {
      const side = kind === 'rebind' || kind === 'move' ? mobile : (random(2) as 0 | 1);
      incidents.push({ atUs: random(spanUs), kind, side });
    }
  };
  if (chance(random, 20)) outage(random, incidents);
  some('rebind', 20, 2);
  some('move', 15, 2);
  some('shrink', 10, 1);
  some('rekey', 25, 3);
  some('ping', 20, 2);
  some('forge', 25, 3);
  return incidents.sort((a, b) => a.atUs - b.atUs);
}

function streamsOf(random: Random, most: number): StreamPlan[] {
  const streams: StreamPlan[] = [];
  for (let left = 1 + random(5); left > 0; left--) {
    const expedited = chance(random, 15);
    streams.push({
      side: random(2) as 0 | 1,
      bidi: chance(random, 40),
      priority: random(256),
      expedited,
      unordered: false,
      bytes: random(
        expedited ? 65537 : chance(random, 30) ? 200 : chance(random, 15) ? 8 * most : most,
      ),
      atUs: chance(random, 50) ? 0 : random(500000),
    });
  }
  return streams;
}

/** The scenario of a seed; `most`: bytes of a stream at the most. */
export function scenarioOf(seed: number, most = 150000): Scenario {
  const random = randomFrom(seed);
  const links: [Link, Link] = [linkOf(random), linkOf(random)];
  const incidents = incidentsOf(random);
  const streams = streamsOf(random, most);
  for (const stream of streams) stream.unordered = chance(random, 25);
  return {
    seed,
    links,
    incidents,
    streams,
    headerProtection: chance(random, 50),
    windowKib: chance(random, 30) ? 16 + random(48) : 1024,
    rekeyPackets: chance(random, 15) ? 60 + random(200) : 1000000,
    rekeySeconds: chance(random, 10) ? 1 + random(3) : 120,
    keepalive: true,
  };
}

/**
 * A NAT forgets its mapping again and again while packets are lost both ways: side 0 is behind it.
 * In half of the seeds it only receives, so that little comes from its new address.
 */
export function rebindingOf(seed: number): Scenario {
  const random = randomFrom(seed ^ 0x4e4154);
  const linkTo = (): Link => ({
    ...PERFECT,
    delayUs: 500 + random(60000),
    rate: 250000 + random(1000000),
    queueBytes: 64000,
    loss: 500 + random(3000),
  });
  const links: [Link, Link] = [linkTo(), linkTo()];
  const incidents: Incident[] = [];
  for (let left = 1 + random(4), atUs = 50000; left > 0; left--) {
    atUs += random(700000);
    incidents.push({ atUs, kind: 'rebind', side: 0 });
    // What goes right behind it is lost for certain, one way or the other.
    if (chance(random, 60)) {
      const side = random(2) as 0 | 1;
      incidents.push({ atUs: atUs + random(40000), kind: 'cut', side });
      incidents.push({ atUs: atUs + 50000 + random(300000), kind: 'mend', side });
    }
  }
  const bytes = 100000 + random(300000);
  incidents.sort((a, b) => a.atUs - b.atUs);
  return { ...download(seed, links, bytes, random(2) as 0 | 1), incidents };
}

/**
 * The same once, with no other loss than that of the first challenge (even seeds) or of its answer
 * (odd ones), and without keepalives: side 0 only receives, and acks one small stream, no more,
 * from its new address.
 */
export function lostChallengeOf(seed: number): Scenario {
  const random = randomFrom(seed ^ 0x10057);
  const linkTo = (): Link => ({ ...PERFECT, delayUs: 2000 + random(60000), rate: 500000 });
  const links: [Link, Link] = [linkTo(), linkTo()];
  const roundTripUs = links[0].delayUs + links[1].delayUs;
  const side = (seed & 1) as 0 | 1;
  const smallUs = 6 * roundTripUs + 100000 + random(200000);
  const atUs = smallUs + links[0].delayUs - random(links[0].delayUs);
  // The ack leaves 25 ms after the stream's frames came, at the latest.
  const ackUs = smallUs + links[0].delayUs + 30000;
  // The first two frames are acked at once; the answer leaves a round trip later.
  const fromUs = side ? smallUs + links[0].delayUs + 4000 : atUs + 1;
  const untilUs = ackUs + roundTripUs + 20000;
  const incidents: Incident[] = [
    { atUs, kind: 'rebind', side: 0 },
    { atUs: fromUs, kind: 'cut', side },
    { atUs: untilUs, kind: 'mend', side },
  ];
  const whole = download(seed, links, 20000, 1);
  const [plan] = whole.streams as [StreamPlan];
  const streams = [plan, { ...plan, bytes: 800, atUs: smallUs }, { ...plan, atUs: untilUs }];
  return { ...whole, streams, incidents, keepalive: false };
}

function download(seed: number, links: [Link, Link], bytes: number, side: 0 | 1): Scenario {
  const plan = { side, bidi: false, priority: 1, expedited: false, unordered: false };
  return {
    seed,
    links,
    incidents: [],
    streams: [{ ...plan, bytes, atUs: 0 }],
    headerProtection: false,
    windowKib: 1024,
    rekeyPackets: 1000000,
    rekeySeconds: 120,
    keepalive: true,
  };
}
