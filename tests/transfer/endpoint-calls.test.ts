/** Calls that nobody answers: as many as the reference has, and no more. */
import { type EndpointClock, hostClock } from '@andvari/host-common/transfer/endpoint-clock';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EndpointWorld } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const PENDING_MAX = 1024;
/** By so much the clock of who calls is slow: on no machine a call's time is over meanwhile. */
const SLOWER = 20;
const tooMany = { name: 'TransferError', code: 'ANDVARI_TOO_MANY_CALLS' };

const startUs = hostClock.now().us;
const slowClock: EndpointClock = {
  now() {
    const { us, wallUs } = hostClock.now();
    return { us: Math.floor(startUs + (us - startUs) / SLOWER), wallUs };
  },
  alarm: (us, run) => hostClock.alarm(startUs + (us - startUs) * SLOWER, run),
};

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

describe('calls that are pending', () => {
  it('are 1024; one more is told so at once, and goes when one has ended', async () => {
    const one = await world.endpoint(1, { clock: slowClock });
    const { peerId } = world.identity(2);
    const aborts = Array.from({ length: PENDING_MAX }, () => new AbortController());
    const ends = aborts.map(({ signal }) =>
      one.connect(peerId, hostAt(9), { signal }).catch((error: unknown) => error),
    );
    await expect(one.connect(peerId, hostAt(2))).rejects.toMatchObject(tooMany);
    await world.endpoint(2);
    await expect(one.connect(peerId, hostAt(2))).rejects.toMatchObject(tooMany);
    aborts[7]?.abort(new Error('not wanted'));
    expect(await ends[7]).toEqual(new Error('not wanted'));
    const session = await one.connect(peerId, hostAt(2));
    expect(await session.ping()).toBeGreaterThanOrEqual(0);
    // One that has come to a session is not pending any more either.
    const another = await one.connect(peerId, hostAt(2));
    expect(another.isOpen).toBe(true);
    for (const abort of aborts) abort.abort(new Error('no more'));
    expect(new Set((await Promise.all(ends)).map(String)).size).toBe(2);
  });

  it('that cannot begin take no place', async () => {
    const one = await world.endpoint(1);
    const nobody = { code: 'ANDVARI_HANDSHAKE_PEER' };
    for (let i = 0; i <= PENDING_MAX; i++) {
      await expect(one.connect(new Uint8Array(32), hostAt(2))).rejects.toMatchObject(nobody);
    }
    await world.endpoint(2);
    const session = await one.connect(world.identity(2).peerId, hostAt(2));
    expect(session.isOpen).toBe(true);
  });
});
