/** Scenarios of one kind: addresses change while packets are lost, and the session lives. */
import { randomFrom } from '../seeded-random.ts';
import { type Link, PERFECT } from './network.ts';
import {
  chance,
  type Incident,
  type NodePlan,
  type Scenario,
  type StreamPlan,
} from './scenario.ts';

/**
 * A NAT forgets its mapping again and again while packets are lost both ways: the caller is behind
 * it. In half of the seeds it only receives, so that little comes from its new address.
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
    incidents.push({ atUs, kind: 'rebind', node: 0 });
    // What goes right behind it is lost for certain, one way or the other.
    if (chance(random, 60)) {
      const node = random(2);
      incidents.push({ atUs: atUs + random(40000), kind: 'cut', node });
      incidents.push({ atUs: atUs + 50000 + random(300000), kind: 'mend', node });
    }
  }
  const bytes = 100000 + random(300000);
  incidents.sort((a, b) => a.atUs - b.atUs);
  const side = random(2) as 0 | 1;
  return { ...download({ seed, links, keepalive: true }, [streamOf(bytes, side, 0)]), incidents };
}

/**
 * The same once, with no other loss than that of the first challenge (even seeds) or of its answer
 * (odd ones), and without keepalives: the caller only receives, and acks one small stream, no more,
 * from its new address.
 */
export function lostChallengeOf(seed: number): Scenario {
  const random = randomFrom(seed ^ 0x10057);
  const linkTo = (): Link => ({ ...PERFECT, delayUs: 2000 + random(60000), rate: 500000 });
  const links: [Link, Link] = [linkTo(), linkTo()];
  const roundTripUs = links[0].delayUs + links[1].delayUs;
  const node = seed & 1;
  const smallUs = 6 * roundTripUs + 100000 + random(200000);
  const atUs = smallUs + links[0].delayUs - random(links[0].delayUs);
  // The ack leaves 25 ms after the stream's frames came, at the latest.
  const ackUs = smallUs + links[0].delayUs + 30000;
  // The first two frames are acked at once; the answer leaves a round trip later.
  const fromUs = node ? smallUs + links[0].delayUs + 4000 : atUs + 1;
  const untilUs = ackUs + roundTripUs + 20000;
  const incidents: Incident[] = [
    { atUs, kind: 'rebind', node: 0 },
    { atUs: fromUs, kind: 'cut', node },
    { atUs: untilUs, kind: 'mend', node },
  ];
  const streams = [streamOf(20000, 1, 0), streamOf(800, 1, smallUs), streamOf(20000, 1, untilUs)];
  return { ...download({ seed, links, keepalive: false }, streams), incidents };
}

function streamOf(bytes: number, side: 0 | 1, atUs: number): StreamPlan {
  const plain = { bidi: false, priority: 1, expedited: false, unordered: false };
  return { ...plain, side, bytes, atUs, cutShort: undefined };
}

interface Kind {
  seed: number;
  links: [Link, Link];
  keepalive: boolean;
}

function download({ seed, links, keepalive }: Kind, streams: StreamPlan[]): Scenario {
  const nodeOf = (link: Link): NodePlan => ({
    link,
    headerProtection: false,
    stealth: false,
    retryAbove: 512,
    windowKiB: 1024,
    rekeyPackets: 1000000,
    rekeySeconds: 120,
    keepalive,
  });
  const plan = { caller: 0, called: 1, atUs: 0, crossedUs: undefined };
  const end = { ending: 'close' as const, ender: 0 as const, error: 0 };
  return {
    seed,
    nodes: [nodeOf(links[0]), nodeOf(links[1])],
    pairs: [{ ...plan, ...end, streams }],
    incidents: [],
    fromSession: true,
    mayExpire: false,
  };
}
