import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { Upgrade } from '@andvari/host-common/transfer/upgrade/upgrade-state';
import { describe, expect, it } from 'vitest';
import { bytesOf, next, pattern, writeAll } from '../endpoint-world.ts';
import { met, NatWorld, SECOND } from './nat-world.ts';

const BYTES = 1_000_000;

/** Starts a stream; `got` has it at its end. */
function carrying(from: TransferSession, to: TransferSession) {
  const progress = { bytes: 0 };
  const got = (async () => {
    const stream = await from.openStream({ bidi: false });
    const [bytes] = await Promise.all([
      next(to.incoming).then(bytesOf),
      writeAll(stream, pattern(BYTES)),
    ]);
    return bytes;
  })();
  return { got, progress };
}

const isWhole = (bytes: Uint8Array) => Buffer.from(bytes).equals(pattern(BYTES));

describe('a direct way that dies', () => {
  it.each([['both ways'], ['to the one who reads'], ['to the one who sends']])(
    '%s: the session goes back to the relay, and no byte is lost',
    async (which) => {
      const nat = new NatWorld(3);
      const [caller, called] = await met(nat, ['port-restricted', 'port-restricted']);
      const states: Upgrade[] = [];
      caller.events = { upgraded: (upgrade) => states.push(upgrade) };
      await nat.world.run(SECOND);
      expect([caller.way, called.way]).toEqual(['punched', 'punched']);
      const { got } = carrying(called, caller);
      await nat.world.run(SECOND / 20);
      const cut = { 'both ways': [1, 2], 'to the one who reads': [1], 'to the one who sends': [2] };
      const hosts = cut[which as keyof typeof cut];
      nat.cuts = (to) => hosts.includes(to[15] ?? 0);
      expect(await nat.world.run(60 * SECOND, got)).toBe(true);
      expect(isWhole(await got)).toBe(true);
      expect([caller.way, called.way]).toEqual(['relayed', 'relayed']);
      const died = { state: 'waiting', why: { code: 'ANDVARI_UPGRADE_PATH_DIED' } };
      expect(states).toContainEqual(expect.objectContaining({ state: 'direct' }));
      expect(states.at(-1)).toMatchObject(died);
      // It is tried again, and the way has come back.
      nat.cuts = () => false;
      caller.keepalive(true);
      await nat.world.run(30 * SECOND);
      expect([caller.way, called.way]).toEqual(['punched', 'punched']);
    },
  );

  it('is waited for at the relay until that is back', async () => {
    const nat = new NatWorld(4);
    const [caller, called] = await met(nat, ['none', 'full cone']);
    await nat.world.run(SECOND);
    const { got } = carrying(caller, called);
    await nat.world.run(SECOND / 20);
    nat.cuts = () => true;
    nat.relayCuts = true;
    expect(await nat.world.run(8 * SECOND, got)).toBe(false);
    nat.relayCuts = false;
    expect(await nat.world.run(60 * SECOND, got)).toBe(true);
    expect(isWhole(await got)).toBe(true);
    expect(caller.way).toBe('relayed');
  });

  it('is no way that is only silent', async () => {
    const nat = new NatWorld(5);
    const [caller, called] = await met(nat, ['none', 'none']);
    await nat.world.run(20 * SECOND);
    expect([caller.way, called.way]).toEqual(['punched', 'punched']);
    expect(caller.isOpen).toBe(true);
    // Nothing keeps a session alive that has nothing to say.
    await nat.world.run(30 * SECOND);
    expect([caller.isOpen, called.isOpen]).toEqual([false, false]);
  });
});

describe('an attempt', () => {
  it('is made five times, and then no more, where nothing gets through', async () => {
    const nat = new NatWorld(6);
    const [caller, called] = await met(nat, ['symmetric', 'symmetric']);
    caller.keepalive(true);
    await nat.world.run(7 * SECOND);
    const message = expect.stringMatching(/^no address of the peer answers: a NAT .* \(2 tried\)$/);
    const why = { code: 'ANDVARI_UPGRADE_NO_WAY', message };
    expect(caller.upgrade).toMatchObject({ state: 'waiting', attempts: 1, why });
    expect(called.upgrade).toMatchObject({ state: 'waiting', attempts: 1, why });
    await nat.world.run(300 * SECOND);
    expect(caller.upgrade).toMatchObject({ state: 'failed', attempts: 5, why });
    const { length } = nat.direct;
    // 64 questions a round of each side at the most; here two addresses are asked, ever later.
    expect(length).toBeLessThanOrEqual(5 * 2 * 2 * 10);
    await nat.world.run(600 * SECOND);
    expect(nat.direct).toHaveLength(length);
    expect(caller.isOpen).toBe(true);
  });

  it('comes to nothing with a peer that does not take part, and says so', async () => {
    for (const side of [0, 1]) {
      const nat = new NatWorld(8 + side);
      const off = { upgrade: undefined };
      const [caller, called] = await met(nat, ['none', 'none'], side ? [{}, off] : [off, {}]);
      caller.keepalive(true);
      await nat.world.run(7 * SECOND);
      expect([caller.way, called.way]).toEqual(['relayed', 'relayed']);
      expect(nat.direct).toEqual([]);
      const silent = { state: 'none', attempts: 0 };
      const why = { code: 'ANDVARI_UPGRADE_NO_ANSWER' };
      expect(caller.upgrade).toMatchObject(side ? { state: 'waiting', why } : silent);
      expect(called.upgrade).toMatchObject(silent);
    }
  });

  it('comes to nothing where nobody has an address, and finds a way if one has', async () => {
    const none = { candidates: [] };
    const nat = new NatWorld(10);
    const [caller] = await met(nat, ['none', 'none'], [none, none]);
    await nat.world.run(SECOND);
    expect(caller.upgrade).toMatchObject({ why: { code: 'ANDVARI_UPGRADE_NO_ADDRESS' } });
    for (const side of [0, 1]) {
      const another = new NatWorld(11);
      const sessions = await met(another, ['none', 'none'], side ? [{}, none] : [none, {}]);
      await another.world.run(SECOND);
      expect(sessions.map(({ way }) => way)).toEqual(['punched', 'punched']);
      expect(sessions[0].upgrade.place).toBe(side ? 'peer-reflexive' : 'host');
    }
  });

  it('survives loss, and addresses that cannot be asked for in time', async () => {
    const nat = new NatWorld(12);
    nat.cuts = () => nat.world.below(10) < 4;
    const faults: unknown[] = [];
    const upgrade = { gather: () => Promise.reject(new Error('no server')) };
    const slow = { upgrade, threw: (error: unknown) => void faults.push(error) };
    const sessions = await met(nat, ['none', 'port-restricted'], [{}, slow]);
    await nat.world.run(5 * SECOND);
    expect(sessions.map(({ way }) => way)).toEqual(['punched', 'punched']);
    expect(faults).toEqual([new Error('no server')]);
  });

  it('says when packets of a session do not fit the way', async () => {
    const nat = new NatWorld(13);
    nat.cuts = (_, { length }) => length > 600;
    const [caller] = await met(nat, ['none', 'none']);
    await nat.world.run(9 * SECOND);
    expect(caller.way).toBe('relayed');
    expect(caller.upgrade).toMatchObject({ why: { code: 'ANDVARI_UPGRADE_PATH_FAILED' } });
  });

  it('finds a way in the stealth form, of which no two probes are alike', async () => {
    const nat = new NatWorld(14);
    const stealth = { stealth: true };
    const sessions = await met(nat, ['port-restricted', 'port-restricted'], [stealth, stealth]);
    await nat.world.run(SECOND);
    expect(sessions.map(({ way }) => way)).toEqual(['punched', 'punched']);
    const heads = nat.direct.map(({ bytes }) => Buffer.from(bytes.subarray(0, 4)).toString('hex'));
    expect(new Set(heads.slice(0, 4)).size).toBe(4);
    const lengths = new Set(nat.direct.slice(0, 4).map(({ bytes }) => bytes.length));
    expect(lengths.size).toBeGreaterThan(1);
  });
});
