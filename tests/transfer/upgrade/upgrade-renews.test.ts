/** A machine whose network changes while it has a session at a relay. */
import { emitCandidates } from '@andvari/host-common/transfer/upgrade/candidates';
import { describe, expect, it } from 'vitest';
import { met, NatWorld, SECOND, says } from './nat-world.ts';

/** Between NATs that nothing gets through, until there is no further attempt. */
async function failed(seed: number) {
  const nat = new NatWorld(seed);
  const sessions = await met(nat, ['symmetric', 'symmetric']);
  for (const session of sessions) session.keepalive(true);
  await nat.world.run(240 * SECOND);
  expect(sessions[0].upgrade).toMatchObject({ state: 'failed', attempts: 5 });
  return { nat, sessions };
}

describe('when the network changes', () => {
  it.each([
    ['the caller', 1],
    ['the one who was called', 2],
  ])('of %s, a way is tried anew, and found', async (_who, number) => {
    const { nat, sessions } = await failed(number);
    nat.move(1, 'full cone');
    nat.endpoints.get(number)?.networkChanged();
    await nat.world.run(SECOND);
    expect(sessions.map(({ way }) => way)).toEqual(['punched', 'punched']);
    expect(sessions[0].upgrade).toMatchObject({ state: 'direct', attempts: 1 });
  });

  it('often, it is tried each 5 s at most, and comes to an end', async () => {
    const { nat, sessions } = await failed(3);
    const before = nat.direct.length;
    for (let i = 0; i < 100; i++) {
      for (const endpoint of nat.endpoints.values()) endpoint.networkChanged();
      await nat.world.run(SECOND / 10);
    }
    await nat.world.run(20 * SECOND);
    // Three rounds or four of both, of 64 questions at the most.
    expect(nat.direct.length - before).toBeGreaterThan(0);
    expect(nat.direct.length - before).toBeLessThanOrEqual(4 * 2 * 64);
    await nat.world.run(240 * SECOND);
    expect(sessions[0].upgrade).toMatchObject({ state: 'failed', attempts: 5 });
  });

  it('at a direct way that lives, it is left alone', async () => {
    const nat = new NatWorld(4);
    const sessions = await met(nat, ['full cone', 'full cone']);
    for (const session of sessions) session.keepalive(true);
    await nat.world.run(SECOND);
    for (const endpoint of nat.endpoints.values()) endpoint.networkChanged();
    await nat.world.run(10 * SECOND);
    expect(sessions.map(({ way }) => way)).toEqual(['punched', 'punched']);
    expect(sessions[0].upgrade).toMatchObject({ state: 'direct', attempts: 1 });
  });

  it('of a peer that says so without end, four times are believed', async () => {
    const { nat, sessions } = await failed(5);
    const before = nat.direct.length;
    const refusedBefore = sessions[0].upgrade.refused.questions;
    const key = new Uint8Array(32);
    const again = { isAnswer: true, isAgain: true, round: 0, key, candidates: [] };
    for (let i = 0; i < 30; i++) {
      says(sessions[1], emitCandidates(again));
      await nat.world.run(SECOND);
    }
    expect(sessions[0].upgrade.refused.questions - refusedBefore).toBe(26);
    expect(nat.direct.length - before).toBeLessThanOrEqual(5 * 2 * 64);
  });

  it('a caller that is asked by the other to be asked takes it for an error', async () => {
    const { nat, sessions } = await failed(6);
    const key = new Uint8Array(32);
    says(
      sessions[0],
      emitCandidates({ isAnswer: true, isAgain: true, round: 0, key, candidates: [] }),
    );
    await nat.world.run(SECOND);
    expect(sessions[1].upgrade.refused.questions).toBe(1);
    expect(sessions[0].upgrade.state).toBe('failed');
  });
});
