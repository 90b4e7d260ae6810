import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { describe, expect, it } from 'vitest';
import { bytesOf, next, pattern, writeAll } from '../endpoint-world.ts';
import { met, NatWorld, SECOND, type VirtualNat } from './nat-world.ts';

const KINDS: readonly VirtualNat[] = [
  'none',
  'full cone',
  'address-restricted',
  'port-restricted',
  'symmetric',
];

/** Where a port is guessed for which nothing has been sent, nobody gets in. */
function isDirect(one: VirtualNat, other: VirtualNat): boolean {
  const hard = [one, other].filter((kind) => kind === 'port-restricted' || kind === 'symmetric');
  return hard.length < 2 || !hard.includes('symmetric');
}

async function carried(nat: NatWorld, from: TransferSession, to: TransferSession, bytes: number) {
  const carrying = (async () => {
    const stream = await from.openStream({ bidi: false });
    const [got] = await Promise.all([
      next(to.incoming).then(bytesOf),
      writeAll(stream, pattern(bytes)),
    ]);
    return got;
  })();
  expect(await nat.world.run(120 * SECOND, carrying)).toBe(true);
  expect(Buffer.from(await carrying).equals(pattern(bytes))).toBe(true);
}

describe('a session through a relay', () => {
  it.each(KINDS.flatMap((one) => KINDS.map((other) => [one, other] as const)))(
    'between %s and %s goes directly if it can',
    async (one, other) => {
      const nat = new NatWorld(7);
      const sessions = await met(nat, [one, other]);
      await nat.world.run(SECOND);
      const way = isDirect(one, other) ? 'punched' : 'relayed';
      expect(sessions.map((session) => session.way)).toEqual([way, way]);
      const state = isDirect(one, other) ? 'direct' : 'trying';
      expect(sessions.map(({ upgrade }) => upgrade.state)).toEqual([state, state]);
      await carried(nat, sessions[0], sessions[1], 300_000);
    },
  );
});
