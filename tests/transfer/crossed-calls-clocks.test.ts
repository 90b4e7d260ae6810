/** What came first is told by no clock: a coarse one, or one that is set back during calls. */
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointClock } from '@andvari/host-common/transfer/endpoint-clock';
import { EventOrder } from '@andvari/host-common/transfer/event-order';
import type { SessionSetup } from '@andvari/host-common/transfer/session-setup';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { beforeEach, describe, expect, it } from 'vitest';
import { PERFECT } from '../simulation/network.ts';
import { next } from './endpoint-world.ts';
import { VirtualWorld } from './virtual-world.ts';

/** Of a browser that shows nobody the time of small things: both handshakes take 60 ms. */
const TICK_US = 100_000;
const DELAY_US = 20_000;
/** Both have answered the other one's message 1, and their own message 3 has not gone. */
const BETWEEN_US = 30_000;
const SECOND_US = 1_000_000;

let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld(1);
  for (const host of [1, 2]) world.network.setLink(host, { ...PERFECT, delayUs: DELAY_US });
});

/** The first tick begins now, so that the handshakes have none of the others in them. */
function coarseClock(): EndpointClock {
  const { now, alarm } = world.endpointClock;
  const startUs = now().us;
  const ticks = (us: number) => (us - startUs) / TICK_US;
  return {
    now: () => ({ ...now(), us: startUs + Math.floor(ticks(now().us)) * TICK_US }),
    alarm: (us, run) => alarm(startUs + Math.ceil(ticks(us)) * TICK_US, run),
  };
}

/** It is set back by a second while the calls cross. */
function lateClock(): EndpointClock {
  const { now, alarm } = world.endpointClock;
  let behindUs = 0;
  world.clock.at(world.clock.nowUs + BETWEEN_US, () => {
    behindUs = SECOND_US;
  });
  return {
    now: () => ({ ...now(), us: now().us - behindUs }),
    alarm: (us, run) => alarm(us + behindUs, run),
  };
}

/** Two endpoints with clocks of their own [that of the world]. */
async function endpoints(clocks: Partial<Record<number, EndpointClock>>) {
  const one = await world.endpoint(1, clocks[1] && { clock: clocks[1] });
  const two = await world.endpoint(2, clocks[2] && { clock: clocks[2] });
  return [one, two] as const;
}

function call(from: TransferEndpoint, host: number): Promise<TransferSession> {
  return from.connect(world.identity(host).peerId, world.address(host));
}

/** What comes about within 5 s, and a second more in which it might end. */
async function come<T>(coming: Promise<T>): Promise<T> {
  expect(await world.run(5 * SECOND_US, coming)).toBe(true);
  await world.run(SECOND_US);
  return coming;
}

/** The sessions that an endpoint has. */
function openOf(endpoint: unknown): number {
  const { setup } = endpoint as { setup: SessionSetup<TransferSession> };
  return [...setup.all()].filter(({ session }) => session.isOpen).length;
}

describe('calls that cross come to one session', () => {
  it.each([
    ['the clocks that are exact', () => ({})],
    ['one tick of their clocks', () => ({ 1: coarseClock(), 2: coarseClock() })],
    ['a step back of the clock of 1', () => ({ 1: lateClock() })],
    ['a step back of the clock of 2', () => ({ 2: lateClock() })],
  ])('with %s', async (_, clocks) => {
    const [one, two] = await endpoints(clocks());
    const [ours, theirs] = await come(Promise.all([call(one, 2), call(two, 1)]));
    expect(ours.authenticationString).toBe(theirs.authenticationString);
    expect([ours.initiator, theirs.initiator]).toEqual([true, false]);
    expect([ours.isOpen, theirs.isOpen, openOf(one), openOf(two)]).toEqual([true, true, 1, 1]);
  });
});

describe('a call to a peer that has called us', () => {
  it.each([
    ['1', 1, 2],
    ['2', 2, 1],
  ] as const)('by %s is a second session, also within one tick', async (_, caller, called) => {
    for (const host of [1, 2]) world.network.setLink(host, { ...PERFECT, delayUs: 1000 });
    const all = await endpoints({ 1: coarseClock(), 2: coarseClock() });
    const [from, to] = caller === 1 ? all : [all[1], all[0]];
    const calling = Promise.all([call(from, called), next(to.incoming)]);
    expect(await world.run(TICK_US, calling)).toBe(true);
    await come(Promise.all([call(to, caller), next(from.incoming)]));
    const [ours, theirs] = await calling;
    expect([ours.isOpen, theirs.isOpen, openOf(from), openOf(to)]).toEqual([true, true, 2, 2]);
  });
});

it('no two events are at the same place of their order', () => {
  const order = new EventOrder();
  const places = [order.next(), order.next(), order.next()];
  expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
});
