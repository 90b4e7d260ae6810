/** Coin pages under pressure: evictions, dirty pages, the pin token; and sizes that can work. */
import { Engine } from '@andvari/host-common/engine/engine';
import { GROUP_RECORDS_MAX, REQUEST_PAGES_MAX } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { describe, expect, it } from 'vitest';
import {
  ALL_PAGES,
  coinOf,
  crowd,
  crowdedRig,
  PER_DENOMINATION,
  residentPages,
  SLOTS,
  sumPayload,
} from './crowd.ts';
import { anOf, BUILDS, coin, joined, newAn, statuses, sumOf } from './rig.ts';

describe.each(BUILDS)('eviction, $build build', ({ shared }) => {
  it('two workers with requests of 4096 of 4500 pages each are all answered', async () => {
    const { rig, replies } = await crowd({ shared });
    expect(replies).toEqual(Array(6).fill(Status.ALL_PASS));
    const all = [rig.server, ...rig.others];
    const loads = all.reduce((sum, harness) => sum + harness.loads, 0);
    expect(loads).toBeGreaterThan(SLOTS);
    expect(residentPages(rig.server)).toBe(SLOTS);
    for (const { engine } of all) expect(engine.largeFrames.available).toBe(12);
  });

  it('a dirty page stays, however many others are asked for, and its change with it', async () => {
    const rig = await crowdedRig({ shared });
    const { server } = rig;
    const dirty = [0, 1, 2].map(coinOf);
    const list = dirty.map(([d, sn], i) => coin(d, sn, anOf(d, sn), newAn(i + 1)));
    rig.send(rig.seal('pown', joined(...list)));
    server.turn();
    server.turn();
    expect(server.engine.held.used).toBe(1);
    // Round the clock with pages that may go.
    const others = () => {
      for (let i = 0; i < 6; i++) {
        rig.send(rig.seal('detectSum', sumPayload(3 + (i & 1) * 2200, 2100)));
        for (let turn = 0; turn < 8; turn++) server.turn();
      }
    };
    others();
    expect(statuses(rig.replies())).toEqual(Array(6).fill(Status.ALL_PASS));
    expect(server.loads).toBeGreaterThan(SLOTS);
    for (const [i, [d, sn]] of dirty.entries()) {
      expect(server.record(d, sn)?.slice(0, 16)).toEqual(newAn(i + 1));
    }
    // Reject twin: committed, the same traffic drives them out, and they come back as the store has
    // them.
    server.commit();
    server.drain();
    others();
    const gone = dirty.filter(([d, sn]) => server.record(d, sn) === undefined);
    expect(gone.length).toBeGreaterThan(0);
    rig.replies();
  });

  it('when every slot is dirty a request waits for the commit', async () => {
    const rig = await crowdedRig({ shared });
    const { server } = rig;
    // 4096 pages dirty in one group, and one more in a second.
    const coins = Array.from({ length: REQUEST_PAGES_MAX }, (_, i) => coinOf(i));
    const sum = sumOf(coins.map(([d, sn]) => anOf(d, sn)));
    const list = coins.map(([d, sn]) => coin(d, sn));
    rig.send(rig.seal('pownSum', joined(...list, sum, newAn(1))));
    for (let turn = 0; turn < 8; turn++) server.turn();
    const [d, sn] = coinOf(REQUEST_PAGES_MAX);
    rig.send(rig.seal('pown', coin(d, sn, anOf(d, sn), newAn(2))));
    for (let turn = 0; turn < 3; turn++) server.turn();
    expect(server.engine.held.used).toBe(2);
    const [d3, sn3] = coinOf(REQUEST_PAGES_MAX + 1);
    rig.send(rig.seal('detect', coin(d3, sn3, anOf(d3, sn3))));
    for (let turn = 0; turn < 3; turn++) {
      server.turn();
      expect(server.engine.step(server.nowUs)).toBe(1);
    }
    expect(server.record(d3, sn3)).toBeUndefined();
    server.settleCommitted();
    expect(statuses(rig.replies())).toEqual(Array(3).fill(Status.ALL_PASS));
  });
});

describe('sizes', () => {
  const identity = { raidaId: 14, coinId: 6, wire: 'spec', version: '20261121' } as const;

  it.each([
    ['pages fewer than the largest request and one more', { pageSlots: SLOTS - 1 }],
    ['more slots than pages', { pageSlots: ALL_PAGES + 1 }],
    ['a journal smaller than the largest group', { journalRecords: 4096 }],
    ['a journal that is no power of two', { journalRecords: GROUP_RECORDS_MAX }],
    ['rings too small for one request', { ringEntries: 2 }],
    ['no place to park', { parkSlots: 0 }],
    ['no worker', { workers: 0 }],
    ['more workers than scratch', { workers: 17 }],
    ['too many reply frames for their word', { replyFrames: 33 }],
  ])('configure refuses %s', async (_what, wrong) => {
    const module = await plainEngine();
    const sizes = { pagesPerDenomination: PER_DENOMINATION, pageSlots: SLOTS, ...wrong };
    expect(() => Engine.create({ module, sizes, identity })).toThrow('BAD_CONFIGURATION');
  });

  it('and takes the least that can work', async () => {
    const module = await plainEngine();
    const least = { journalRecords: 8192, ringEntries: 4, parkSlots: 1, frames: 1, largeFrames: 0 };
    const sizes = { pagesPerDenomination: 1, ...least, replyFrames: 0, tickets: 0 };
    expect(Engine.create({ module, sizes, identity }).rx.entries).toBe(4);
  });
});
