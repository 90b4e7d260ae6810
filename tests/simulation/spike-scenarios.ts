/** Scenarios of one kind: the round trip has a spike while one rekey follows the other. */
import { randomFrom } from '../seeded-random.ts';
import { PERFECT } from './network.ts';
import { chance, type Incident, type NodePlan, type Scenario } from './scenario.ts';

/** A scenario, and when its host woke for the last time, counted from the session's start. */
export interface Spike {
  scenario: Scenario;
  wokenUs: number;
}

/**
 * One host sleeps for seconds, so that both measure round trips of seconds in the end. Packets or
 * age of an epoch are used up soon on one side, on the other never or soon too; whoever sleeps may
 * be the one or the other, sender or reader. `loss`: of 10000 packets [none is
 * lost, so that nothing else holds data up].
 */
export function spikeOf(seed: number, loss = 0): Spike {
  const random = randomFrom(seed ^ 0x591e);
  const isShort = random(2);
  const nodeOf = (node: number): NodePlan => {
    const rekeysOften = node === isShort || chance(random, 25);
    const byAge = chance(random, 50);
    return {
      link: { ...PERFECT, loss, delayUs: 500 + random(30000), rate: 125000 + random(250000) },
      headerProtection: false,
      stealth: false,
      retryAbove: 512,
      windowKiB: 1024,
      rekeyPackets: rekeysOften && !byAge ? 60 + random(200) : 1000000,
      rekeySeconds: rekeysOften && byAge ? 1 + random(3) : 120,
      keepalive: true,
    };
  };
  const incidents: Incident[] = [];
  const node = random(2);
  let atUs = 0;
  for (let left = 1 + random(3); left > 0; left--) {
    atUs += 300000 + random(1500000);
    const us = 500000 + random(5000000);
    incidents.push({ atUs, kind: 'sleep', node, us });
    atUs += us;
  }
  const stream = { bidi: false, priority: 1, expedited: false, unordered: false, atUs: 0 };
  const bytes = 3000000;
  const side = random(2) as 0 | 1;
  const plan = { caller: 0, called: 1, atUs: 0, crossedUs: undefined };
  const end = { ending: 'close' as const, ender: 0 as const, error: 0 };
  const scenario = {
    seed,
    nodes: [nodeOf(0), nodeOf(1)],
    pairs: [{ ...plan, ...end, streams: [{ ...stream, side, bytes, cutShort: undefined }] }],
    incidents,
    fromSession: true,
    mayExpire: false,
  };
  return { scenario, wokenUs: atUs };
}
