/**
 * Sessions between NATs of any kind, whose direct way is cut and joined, and the relay too, at any
 * time, under loss: all bytes of both directions arrive. ANDVARI_SEED=N replays a run,
 * ANDVARI_LONG=1 makes many.
 */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { describe, expect, it } from 'vitest';
import { seedOfRun } from '../../seeded-random.ts';
import { bytesOf, next, pattern, writeAll } from '../endpoint-world.ts';
import { met, NatWorld, SECOND, type VirtualNat } from './nat-world.ts';

const KINDS: readonly VirtualNat[] = [
  'none',
  'full cone',
  'address-restricted',
  'port-restricted',
  'symmetric',
];
const RUNS = process.env['ANDVARI_LONG'] === '1' ? 200 : 3;
const BYTES = 400_000;

async function oneWay(from: TransferSession, to: TransferSession): Promise<boolean> {
  const stream = await from.openStream({ bidi: false });
  const [bytes] = await Promise.all([
    next(to.incoming).then(bytesOf),
    writeAll(stream, pattern(BYTES)),
  ]);
  return Buffer.from(bytes).equals(pattern(BYTES));
}

async function carries(seed: number): Promise<void> {
  const nat = new NatWorld(seed);
  const { below, clock } = nat.world;
  const kind = () => KINDS[below(KINDS.length)] as VirtualNat;
  const [caller, called] = await met(nat, [kind(), kind()]);
  const lossPercent = below(8);
  let isCut = false;
  nat.cuts = () => isCut || below(100) < lossPercent;
  for (let us = clock.nowUs, i = 0; i < 12; i++) {
    us += below(4 * SECOND);
    clock.at(us, () => {
      isCut = !isCut;
    });
    const relayUs = us + below(SECOND);
    clock.at(relayUs, () => {
      nat.relayCuts = true;
    });
    clock.at(relayUs + below(2 * SECOND), () => {
      nat.relayCuts = false;
    });
  }
  caller.keepalive(true);
  const rounds = (async () => {
    for (let i = 0; i < 6; i++) {
      const both = [oneWay(caller, called), oneWay(called, caller)];
      if ((await Promise.all(both)).includes(false)) return false;
      await new Promise<void>((resolve) => clock.at(clock.nowUs + 3 * SECOND, resolve));
    }
    return true;
  })();
  const came = await nat.world.run(300 * SECOND, rounds);
  expect([came, came && (await rounds)], `ANDVARI_SEED=${seed}`).toEqual([true, true]);
}

describe('sessions between NATs', () => {
  it(
    `lose nothing, whatever is cut and when: ${RUNS} runs`,
    async () => {
      const first = seedOfRun();
      console.log(`upgrades: ANDVARI_SEED=${first}`);
      for (let i = 0; i < RUNS; i++) await carries(first + i);
    },
    RUNS * 10_000,
  );
});
