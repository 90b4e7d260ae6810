/** An endpoint that waits for its goodbyes, in virtual time. */
import { expect, it } from 'vitest';
import { PERFECT } from '../simulation/network.ts';
import { VirtualWorld } from './virtual-world.ts';

/** For so long message 3 of a handshake that is over is known again. */
const HANDSHAKE_US = 10_000_000;
const CLOSE_US = 3_000_000;

it('is not woken again and again by a handshake whose time is over meanwhile', async () => {
  const world = new VirtualWorld(1);
  world.network.setLink(1, PERFECT);
  world.network.setLink(2, PERFECT);
  const [caller, called] = [await world.endpoint(1), await world.endpoint(2)];
  const calling = caller.connect(world.identity(2).peerId, world.address(2));
  expect(await world.run(HANDSHAKE_US, calling)).toBe(true);
  const session = await calling;
  expect(await world.run(HANDSHAKE_US - 100_000)).toBe(false);
  expect(session.isOpen).toBe(true);
  // Nobody hears it say goodbye, and it waits.
  world.network.part(1, 2);
  expect(await world.run(CLOSE_US, called.close())).toBe(true);
  expect(await world.run(CLOSE_US, caller.close())).toBe(true);
});

it('whoever closes it again waits for the same end', async () => {
  const world = new VirtualWorld(2);
  world.network.setLink(1, PERFECT);
  world.network.setLink(2, PERFECT);
  const [caller, called] = [await world.endpoint(1), await world.endpoint(2)];
  const calling = caller.connect(world.identity(2).peerId, world.address(2));
  expect(await world.run(HANDSHAKE_US, calling)).toBe(true);
  world.network.part(1, 2); // nobody hears it say goodbye, and it waits
  const ends: string[] = [];
  const closing = [
    caller.close().then(() => ends.push('first')),
    caller.close().then(() => ends.push('second')),
  ];
  expect(await world.run(CLOSE_US / 10)).toBe(false);
  expect(ends).toEqual([]);
  expect(await world.run(CLOSE_US, Promise.all(closing))).toBe(true);
  expect(ends).toEqual(['first', 'second']);
  expect(await world.run(0, caller.close())).toBe(true);
  expect(await world.run(CLOSE_US, called.close())).toBe(true);
});
