/** Calls both ways between two endpoints: what crosses comes to one session, else there are two. */
import type { SessionSetup } from '@andvari/host-common/transfer/session-setup';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, pause, writeAll } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const MESSAGE_BYTES = [96, 144];

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

async function carries(ours: TransferSession, theirs: TransferSession) {
  const stream = await ours.openStream({ bidi: false });
  await writeAll(stream, pattern(5000));
  expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(5000));
}

/** The sessions that an endpoint has. */
function openOf(endpoint: unknown): number {
  const { setup } = endpoint as { setup: SessionSetup<TransferSession> };
  return [...setup.all()].filter(({ session }) => session.isOpen).length;
}

describe('a call to a peer that has called us', () => {
  it.each([0, 30])('%s ms before is a second session, and the first lives on', async (waitMs) => {
    const [ours, theirs] = await world.pair();
    await pause(waitMs);
    const [one, two] = world.opened;
    const [back, again] = await Promise.all([
      two?.connect(world.identity(1).peerId, hostAt(1)),
      next(one?.incoming ?? new ReadableStream()),
    ]);
    await pause(300);
    expect([ours.isOpen, theirs.isOpen, back?.isOpen, again.isOpen]).toEqual(Array(4).fill(true));
    expect(back?.authenticationString).toBe(again.authenticationString);
    expect(back?.authenticationString).not.toBe(ours.authenticationString);
    await carries(ours, theirs);
    if (back) await carries(back, again);
  });

  it.each([
    [1, 2],
    [2, 1],
  ])('%s, in the moment of its call, is no crossed one either', async (caller, called) => {
    const [one, two] = [await world.endpoint(caller), await world.endpoint(called)];
    // The caller does not hear that its call was taken until it has been sent both messages of
    // the other one.
    let sent = 0;
    world.network.loses = (bytes, to) => {
      const isMessage = MESSAGE_BYTES.includes(bytes.length);
      if (isMessage && to.join() === hostAt(caller).join()) sent++;
      return !isMessage && sent < 3;
    };
    const calling = one.connect(world.identity(called).peerId, hostAt(called));
    const theirs = await next(two.incoming);
    const calling2 = two.connect(world.identity(caller).peerId, hostAt(caller));
    const [ours, back, again] = await Promise.all([calling, calling2, next(one.incoming)]);
    await pause(300);
    expect([ours, theirs, back, again].map(({ isOpen }) => isOpen)).toEqual(Array(4).fill(true));
    expect([openOf(one), openOf(two)]).toEqual([2, 2]);
  });
});

describe('calls that cross', () => {
  it.each([
    [1, 2],
    [2, 1],
  ])('come to one session, also if the first message of %s is lost', async (early, late) => {
    world.network.delayMs = 20;
    const [one, two] = [await world.endpoint(early), await world.endpoint(late)];
    let sent = 0;
    world.network.loses = () => sent++ === 0;
    const [ours, theirs] = await Promise.all([
      one.connect(world.identity(late).peerId, hostAt(late)),
      two.connect(world.identity(early).peerId, hostAt(early)),
    ]);
    expect(ours.authenticationString).toBe(theirs.authenticationString);
    expect(ours.initiator).not.toBe(theirs.initiator);
    await pause(600); // in which message 1 would go again
    expect([openOf(one), openOf(two)]).toEqual([1, 1]);
    await carries(ours, theirs);
  });

  it('come to one session when both get through, and both see it', async () => {
    world.network.delayMs = 20;
    const [one, two] = [await world.endpoint(1), await world.endpoint(2)];
    const [ours, theirs] = await Promise.all([
      one.connect(world.identity(2).peerId, hostAt(2)),
      two.connect(world.identity(1).peerId, hostAt(1)),
    ]);
    await pause(300);
    expect([openOf(one), openOf(two)]).toEqual([1, 1]);
    await carries(ours, theirs);
  });

  it('come to the one that gets through at all', async () => {
    const [one, two] = [await world.endpoint(1), await world.endpoint(2)];
    // What `one` begins never arrives: the peer is behind a NAT that nobody has opened.
    let isOpen = false;
    world.network.loses = (bytes) => !isOpen && bytes.length === 96;
    const calling = one.connect(world.identity(2).peerId, hostAt(2));
    await pause(50);
    isOpen = true;
    const [theirs, ours] = await Promise.all([
      two.connect(world.identity(1).peerId, hostAt(1)),
      calling,
    ]);
    expect(ours.authenticationString).toBe(theirs.authenticationString);
    await carries(ours, theirs);
  });
});
