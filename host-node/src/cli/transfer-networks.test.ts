// andvari send and andvari receive between two network namespaces, over a network that loses
// packets or is slow. Wants root, `ip`, `tc` and `nft`.
import { whyNoPoorVeth } from '@andvari/native-io/testing/poor-veth';
import { describe, expect, it } from 'vitest';
import { nodesApart } from './testing/nodes-apart.ts';

const MIB = 1 << 20;
const long = process.env['ANDVARI_LONG'] !== undefined;
const why = whyNoPoorVeth();

const label = `over a poor network${why ? ` (DID NOT RUN: ${why})` : ''}`;
describe.skipIf(why !== undefined)(label, () => {
  const apart = nodesApart('networks');

  it.each(
    Array(long ? 3 : 1)
      .fill([0.01, 0.05])
      .flat(),
  )(
    'of packets %d are lost, both ways: the file is the same',
    async (share) => {
      apart.veth.lose(share);
      await apart.arrived(await apart.send((long ? 100 : 8) * MIB));
      for (const lost of apart.veth.lost()) expect(lost).toBeGreaterThan(0);
    },
    600_000,
  );

  it('all packets are lost: the sender says so, and nothing is there', async () => {
    apart.veth.lose(1);
    const sending = await apart.send(MIB, '--timeout', '1500');
    expect(await sending.sender.ended).toMatchObject({ code: 2 });
    expect(sending.sender.err).toMatch(/no answer within 1500 ms.*\(ANDVARI_UNREACHABLE\)\n$/);
    sending.receiver.child.kill('SIGTERM');
    await apart.broke(sending, { code: 2, kept: false });
  });

  it.each(long ? [5, 20, 50, 200] : [50])(
    '%d Mbit/s: it comes, and not faster is told',
    async (megabits) => {
      const size = Math.max(4, (long ? 1.5 : 0.36) * megabits) * MIB;
      apart.veth.limit(megabits);
      const { sent, received } = await apart.arrived(await apart.send(size));
      // What is told begins and ends a moment away from what goes.
      const most = (1.1 * megabits * 1e6) / 8;
      for (const { bytesPerSecond } of [sent, received]) {
        expect(bytesPerSecond).toBeLessThan(most);
        // Very little: how fast it is depends on who else is on the machine.
        expect(bytesPerSecond).toBeGreaterThan(most / 50);
      }
    },
    600_000,
  );
});
