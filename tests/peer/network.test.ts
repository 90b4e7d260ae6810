/** Ten nodes over TCP, QUIC and WebSocket: everybody hears everything once, also after a cut. */
import { beforeEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { COUNT, Mesh, nameOf } from './mesh.ts';

const LONG = Boolean(process.env.ANDVARI_LONG);
const DIRECT = LONG ? 1000 : 60;
const BROADCASTS = LONG ? 1000 : 30;
/** So many at once: the loads of ten nodes are carried by one thread. */
const AT_ONCE = 10;
const ALL = Array.from({ length: COUNT }, (_, n) => n);

describe('ten peer nodes', () => {
  const seed = seedOfRun();
  let below: (count: number) => number;
  let mesh: Mesh;
  beforeEach(async () => {
    below = randomFrom(seed);
    mesh = await Mesh.start();
    for (const node of mesh.nodes) node.handle('echo', ({ payload }) => payload);
    await mesh.connect();
  });

  const pairs = (isOne: (a: number, b: number) => boolean) =>
    ALL.flatMap((a) => ALL.filter((b) => a !== b && isOne(a, b)).map((b) => `${a} ${b}`));
  const sorted = (texts: string[]) => texts.toSorted();

  /** Until a broadcast of each is sent to `peers` others: the nodes have heard who listens. */
  const settled = async (peers: number) => {
    for (const node of mesh.nodes) {
      const reached = async () => (await node.broadcast('warm', new Uint8Array(1))).peers;
      await expect.poll(reached, { interval: 50 }).toBe(peers);
    }
  };

  /** Random payloads of random nodes, each of which reaches the others of `isHeard` once. */
  const broadcast = async (count: number, isHeard: (from: number, to: number) => boolean) => {
    const wanted: string[][] = ALL.map(() => []);
    const protocol = `b${below(1e9)}`;
    for (let i = 0; i < count; i += AT_ONCE) {
      const sent = Array.from({ length: AT_ONCE }, async () => {
        const from = below(COUNT);
        const node = mesh.node(from);
        const payload = new Uint8Array(below(1000)).fill(below(256));
        const { messageId } = await node.broadcast(protocol, payload);
        const name = nameOf(node.peerId, protocol, messageId);
        for (const to of ALL) if (to !== from && isHeard(from, to)) wanted[to]?.push(name);
      });
      await Promise.all(sent);
      for (const to of ALL) {
        const came = () => mesh.came[to]?.filter((name) => name.includes(` ${protocol} `)) ?? [];
        await expect.poll(() => came().length).toBeGreaterThanOrEqual(wanted[to]?.length ?? 0);
        expect(sorted(came()), `seed ${seed}, node ${to}`).toEqual(sorted(wanted[to] ?? []));
      }
    }
  };

  const ask = async (from: number, to: number) => {
    const payload = Uint8Array.from({ length: below(300) }, () => below(256));
    const answer = await mesh.node(from).send(mesh.node(to).peerId, 'echo', payload);
    const where = `seed ${seed}, ${from} to ${to}`;
    expect(answer, where).toEqual({ kind: 'success', protocol: 'echo', data: payload });
  };

  it('verify each other, and hear what they are told once, before, during and after a cut', {
    timeout: 1_200_000,
  }, async () => {
    expect(sorted(mesh.verifiedPairs())).toEqual(sorted(pairs(() => true)));
    for (let i = 0; i < DIRECT; i += AT_ONCE) {
      const asked = Array.from({ length: AT_ONCE }, () => {
        const from = below(COUNT);
        return ask(from, (from + 1 + below(COUNT - 1)) % COUNT);
      });
      await Promise.all(asked);
    }
    const direct = mesh.came.flat().filter((name) => name.includes(' echo '));
    expect(new Set(direct).size).toBe(direct.length);
    expect(direct).toHaveLength(DIRECT);
    await settled(COUNT - 1);
    await broadcast(BROADCASTS, () => true);

    mesh.cut();
    const isNear = (a: number, b: number) => mesh.isNear(a, b);
    await expect.poll(() => sorted(mesh.verifiedPairs())).toEqual(sorted(pairs(isNear)));
    const answer = await mesh.node(0).send(mesh.node(9).peerId, 'echo', new Uint8Array(1));
    expect(answer).toMatchObject({ kind: 'error', code: 403, isLocal: true });
    await ask(0, 1);
    await broadcast(AT_ONCE, isNear);

    mesh.mend();
    await mesh.connect();
    await expect.poll(() => sorted(mesh.verifiedPairs())).toEqual(sorted(pairs(() => true)));
    await ask(0, 9);
    await settled(COUNT - 1);
    await broadcast(AT_ONCE, () => true);
  });
});
