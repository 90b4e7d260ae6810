/** A node without room: whoever it would let in is told so at once, nobody else hears anything. */
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EndpointWorld, next, pause } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const full = {
  code: 'ANDVARI_SESSION_CLOSED',
  error: 2,
  message: expect.stringContaining('no room for a session') as string,
};

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** A node with one session, which is taken; the caller of that, and one that calls now. */
async function fullNode(called: Partial<EndpointOptions> = {}, caller = called) {
  world.sessions = 1;
  const [ours, theirs] = await world.pair({}, called);
  const third = await world.endpoint(3, caller);
  return { ours, theirs, third };
}

function call(from: TransferEndpoint, options?: { signal: AbortSignal }) {
  return from.connect(world.identity(2).peerId, hostAt(2), options);
}

describe('a caller that finds no room', () => {
  it.each([
    ['plain', {}, {}],
    ['with header protection', { headerProtection: true }, {}],
    ['in the stealth form', { stealth: true }, { stealth: true }],
    ['by a node with resets', { resets: true }, { resets: true }],
  ])('is told so at once, %s', async (_, called, caller) => {
    const { ours, theirs, third } = await fullNode(called, caller);
    await expect(call(third)).rejects.toMatchObject(full);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    // A session that ended leaves room for the next call.
    await ours.close();
    await theirs.closed;
    let session = await call(third).catch(() => undefined);
    while (!session) {
      await pause(50);
      session = await call(third).catch(() => undefined);
    }
    expect(await session.ping()).toBeGreaterThanOrEqual(0);
  });

  it('is told so again when that was lost, in the same bytes', async () => {
    const { third } = await fullNode();
    const heard: string[] = [];
    world.network.loses = (bytes, to) => {
      if (to.join() !== hostAt(3).join()) return false;
      heard.push(bytes.join());
      return heard.length > 1 && heard.length < 4;
    };
    await expect(call(third)).rejects.toMatchObject(full);
    const [second, ...refusals] = heard;
    expect(second?.split(',').length).toBe(144);
    expect(refusals.length).toBe(3);
    expect(new Set(refusals).size).toBe(1);
  });

  it('hears nothing if it is not trusted', async () => {
    let asked = 0;
    const trust = ({ peerKey }: { peerKey: Uint8Array }) => {
      asked++;
      return peerKey.join() === world.identity(1).noise.publicKey.join();
    };
    const { ours, third } = await fullNode({ trust }, {});
    const heard: number[] = [];
    world.network.loses = (bytes, to) => {
      if (to.join() === hostAt(3).join()) heard.push(bytes.length);
      return false;
    };
    await expect(call(third, { signal: AbortSignal.timeout(400) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(asked).toBe(2);
    expect(heard, 'message 2').toEqual([144]);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  });

  it('has it for all whose last messages come in one turn, if somebody takes them', async () => {
    world.sessions = 160;
    const one = await world.endpoint(1);
    const two = await world.endpoint(2);
    const taken: TransferSession[] = [];
    const take = async () => {
      for await (const session of two.incoming) taken.push(session);
    };
    void take();
    // What comes within that time is handed over at once.
    world.network.delayMs = 200;
    const sessions = await Promise.all(Array.from({ length: 80 }, () => call(one)));
    expect(sessions.every(({ isOpen }) => isOpen)).toBe(true);
    await vi.waitFor(() => expect(taken).toHaveLength(80));
  });

  it('finds some again when a session that waits untaken is taken', async () => {
    world.sessions = 80;
    const one = await world.endpoint(1);
    const two = await world.endpoint(2);
    for (let i = 0; i < 64; i++) await call(one);
    await expect(call(one)).rejects.toMatchObject(full);
    await next(two.incoming);
    expect((await call(one)).isOpen).toBe(true);
  });
});
