/** Bans of many strangers: few saves, none lost, and each id as text is what it was. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { type GateBan, PeerGate } from '@andvari/host-common/peer/gate';
import { PeerBans } from '@andvari/host-common/peer/peer-bans';
import { PeerEvents } from '@andvari/host-common/peer/peer-events';
import { peerIdBytes, peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { SkippingClock } from './skipping-clock.ts';

const idOf = (n: number) => {
  const key = new Uint8Array(32).fill(5);
  new DataView(key.buffer).setUint32(0, n);
  return peerIdOfKey(key);
};

async function bansWith(save: (bans: readonly GateBan[]) => Promise<void>) {
  const gate = PeerGate.create({ module: await plainEngine(), peerId: idOf(2 ** 31) });
  const clock = new SkippingClock();
  const events = new PeerEvents();
  const bans = new PeerBans({ gate, clock, events, store: { load: async () => [], save } });
  const ban = (n: number) => {
    gate.ban(idOf(n), clock.nowMs() + 3_600_000, clock.nowMs());
    bans.mayHaveChanged();
  };
  return { bans, ban, clock, events };
}

describe('bans', () => {
  it('of a flood of strangers are told at once, and kept with one write a second', async () => {
    const saved: number[] = [];
    const { bans, ban, clock, events } = await bansWith(async (all) => void saved.push(all.length));
    const told: string[] = [];
    events.on('banned', ({ peerId }) => told.push(peerId));
    for (let n = 0; n < 400; n++) {
      ban(n);
      if (n % 10 === 9) clock.skip(50);
      await Promise.resolve();
    }
    expect(told).toHaveLength(400);
    expect(new Set(told).size).toBe(400);
    // 2 s: the first, and two when their second was over.
    expect(saved.length).toBeLessThanOrEqual(3);
    expect(saved[0]).toBe(10);
    await bans.stop();
    expect(saved.at(-1)).toBe(400);
    expect(saved.length).toBeLessThanOrEqual(4);
  });

  it('are kept when keep() resolves, however short ago the last write was', async () => {
    const saved: number[] = [];
    let isBroken = false;
    const { bans, ban } = await bansWith(async (all) => {
      if (isBroken) throw new Error('no space');
      saved.push(all.length);
    });
    for (let n = 1; n <= 3; n++) {
      ban(n);
      await bans.keep();
      expect(saved.at(-1)).toBe(n);
    }
    // Nothing new: nothing is written.
    await bans.keep();
    expect(saved).toEqual([1, 2, 3]);
    isBroken = true;
    ban(4);
    await expect(bans.keep()).rejects.toThrow('no space');
    isBroken = false;
    await bans.keep();
    expect(saved.at(-1)).toBe(4);
    await bans.stop();
  });

  it('that cannot be kept are told, and tried again with the next', async () => {
    const kept: number[] = [];
    let isBroken = true;
    const { bans, ban, clock, events } = await bansWith(async (all) => {
      if (isBroken) throw new Error('no space');
      kept.push(all.length);
    });
    const trouble: string[] = [];
    events.on('trouble', ({ error }) => trouble.push(error.message));
    ban(1);
    clock.skip(50);
    await expect.poll(() => trouble).toEqual(['no space']);
    isBroken = false;
    ban(2);
    clock.skip(1000);
    clock.skip(1000);
    await expect.poll(() => kept).toEqual([2]);
    await bans.stop();
    expect(kept).toEqual([2]);
  });
});

describe('a peer id as text', () => {
  it('is base58 as libp2p has it, and nothing else is one', () => {
    const seed = seedOfRun();
    const below = randomFrom(seed);
    for (let i = 0; i < 300; i++) {
      const key = Uint8Array.from({ length: 32 }, () => below(256));
      const id = peerIdOfKey(key);
      expect(peerIdText(id), `seed ${seed}`).toBe(publicKeyFromRaw(key).toString());
      expect(peerIdBytes(peerIdText(id))).toEqual(id);
    }
    for (const wrong of ['', '1', `${peerIdText(idOf(1))}1`, peerIdText(new Uint8Array(38))]) {
      expect(() => peerIdBytes(wrong)).toThrow(RangeError);
    }
  });
});
