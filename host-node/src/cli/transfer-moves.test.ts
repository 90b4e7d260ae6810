// andvari send and andvari receive between two network namespaces, while the sender gets another
// address, and while the network is cut. Wants root, `ip`, `tc` and `nft`.
import { existsSync } from 'node:fs';
import { whyNoPoorVeth } from '@andvari/native-io/testing/poor-veth';
import { describe, expect, it } from 'vitest';
import { nodesApart, type Sending } from './testing/nodes-apart.ts';

const MIB = 1 << 20;
const long = process.env['ANDVARI_LONG'] !== undefined;
const why = whyNoPoorVeth();
/** Slow enough for something to happen in the middle. */
const MEGABITS = 50;
/** For what comes afterwards. */
const FAST_MEGABITS = 400;
const SIZE = (long ? 80 : 18) * MIB;
const MIDDLE = SIZE / 5;
const waited = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const PATIENCE_MS = 600_000;

const label = `on the move${why ? ` (DID NOT RUN: ${why})` : ''}`;
describe.skipIf(why !== undefined)(label, () => {
  const apart = nodesApart('moves');

  /** A file on its way, what of it is there, and what the network has carried so far. */
  async function inTheMiddle(): Promise<{ sending: Sending; done: number; before: number }> {
    apart.veth.limit(MEGABITS);
    const sending = await apart.send(SIZE);
    const done = await apart.came(MIDDLE, sending);
    return { sending, done, before: apart.veth.received() };
  }

  /** The network has carried this much since, and little more. */
  function carried(before: number, bytes: number): void {
    const now = apart.veth.received() - before;
    // Headers, and packets that go twice.
    expect(now).toBeLessThan(1.2 * bytes + MIB);
  }

  /** It was in the middle, and it goes on by itself. */
  async function goesOn({ sending, done, before }: Awaited<ReturnType<typeof inTheMiddle>>) {
    expect(existsSync(apart.nodes.folder.at(`in/${sending.name}`))).toBe(false);
    apart.veth.limit(FAST_MEGABITS);
    await apart.arrived(sending);
    expect(apart.veth.received() - before).toBeGreaterThan(MIB);
    carried(before, SIZE - done);
  }

  /** The same commands bring the rest, and little more. */
  async function goesOnLater(sending: Sending, done: number): Promise<void> {
    apart.veth.limit(FAST_MEGABITS);
    const before = apart.veth.received();
    const { received } = await apart.arrived(await apart.sendAgain(sending));
    expect(received.travelled).toBeLessThanOrEqual(SIZE - done + 1000);
    carried(before, received.travelled);
  }

  describe.each(long ? ['mmsg', 'portable'] : ['mmsg'])('by %s', (backend) => {
    it.each(long ? [0, 100, 1000, 5000] : [0])(
      'the sender gets another address, and has none for %d ms: it goes on',
      async (gapMs) => {
        const { veth, nodes } = apart;
        const off = backend === 'portable' ? ['env', 'ANDVARI_NATIVE=off'] : [];
        nodes.startedBy.sender = [...(nodes.startedBy.sender ?? []), ...off];
        const middle = await inTheMiddle();
        if (gapMs === 0) veth.addClientAddress();
        veth.removeClientAddress();
        await waited(gapMs);
        if (gapMs > 0) veth.addClientAddress();
        await goesOn(middle);
      },
      PATIENCE_MS,
    );
  });

  it.each(long ? (['client', 'server'] as const) : (['client'] as const))(
    'the %s is off the network for 3 s: it goes on by itself',
    async (end) => {
      const middle = await inTheMiddle();
      apart.veth.link(end, 'down');
      await waited(3000);
      apart.veth.link(end, 'up');
      await goesOn(middle);
    },
    PATIENCE_MS,
  );

  it(
    'off the network, both are stopped: the same commands go on',
    async () => {
      const { sending, done } = await inTheMiddle();
      apart.veth.link('server', 'down');
      for (const { child } of [sending.sender, sending.receiver]) child.kill('SIGTERM');
      await apart.broke(sending, { code: 2, kept: true });
      apart.veth.link('server', 'up');
      await goesOnLater(sending, done);
    },
    PATIENCE_MS,
  );

  // The time without a sign of life, 30 s, is the transfer's own.
  it.runIf(long).each(['client', 'server'] as const)(
    'the %s never comes back: both say so in time, and the same commands go on',
    async (end) => {
      const { sending, done } = await inTheMiddle();
      apart.veth.link(end, 'down');
      await apart.broke(sending, { code: 2, kept: true });
      apart.veth.link(end, 'up');
      await goesOnLater(sending, done);
    },
    PATIENCE_MS,
  );
});
