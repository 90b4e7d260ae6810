/** Coin pages under pressure: fewer slots than pages, requests of up to 4096 pages, dirty pages, the pin token. */
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import {
  DENOMINATIONS,
  GROUP_RECORDS_MAX,
  PAGE_BYTES,
  REQUEST_PAGES_MAX,
} from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.ts';
import { anOf, BUILDS, coin, joined, newAn, Rig, statuses, sumOf } from './rig.ts';

/** The least that a server with many pages can have: one more than the largest request. */
const SLOTS = REQUEST_PAGES_MAX + 1;
const PER_DENOMINATION = 300;
const ALL_PAGES = DENOMINATIONS * PER_DENOMINATION;
/** The coin of each page that these tests use. */
const RECORD = 5;
const SIZES = { pagesPerDenomination: PER_DENOMINATION, pageSlots: SLOTS, ringEntries: 1024 };

/** Pages are many here, so only the one record that matters is written. */
const sparse = new Uint8Array(PAGE_BYTES);
function sparsePage(denomination: number, page: number): Uint8Array {
  sparse.set(anOf(denomination, page * 1024 + RECORD), RECORD * 17);
  sparse[RECORD * 17 + 16] = 30;
  return sparse;
}

/** The coin on page `number` of all pages. */
function coinOf(number: number): readonly [number, number] {
  const page = number % ALL_PAGES;
  const denomination = Math.floor(page / PER_DENOMINATION) - 8;
  return [denomination, (page % PER_DENOMINATION) * 1024 + RECORD];
}

/** A detect sum over `count` pages from page `first` on, every `step`-th. */
function sumPayload(first: number, count: number, step = 1): Uint8Array {
  const coins = Array.from({ length: count }, (_, i) => coinOf(first + i * step));
  const list = coins.map(([denomination, serial]) => coin(denomination, serial));
  return joined(...list, sumOf(coins.map(([denomination, serial]) => anOf(denomination, serial))));
}

const rigOf = (shared: boolean, workers = 1) =>
  Rig.make({ shared, workers, sizes: SIZES, pages: sparsePage });

/** Pages that have a slot. */
function residentPages(harness: Harness): number {
  const start = harness.engine.region(Region.PAGE_INDEX) >>> 2;
  return harness.engine.u32.subarray(start, start + ALL_PAGES).filter((slot) => slot !== 0).length;
}

describe.each(BUILDS)('eviction, $build build', ({ shared }) => {
  it('two workers with requests of 4096 of 4500 pages each are all answered', async () => {
    const rig = await rigOf(shared, 2);
    const all = [rig.server, ...rig.others];
    const sent = 3;
    for (let i = 0; i < sent; i++) {
      for (const [worker, to] of all.entries()) {
        // Each other's pages are in the way: any two lists together need more than there are slots.
        const payload = sumPayload((i * 2 + worker) * 757, REQUEST_PAGES_MAX);
        rig.send(rig.seal('detectSum', payload), to);
      }
    }
    let rounds = 0;
    const answered = () => all.reduce((sum, { answers }) => sum + answers.length, 0);
    while (answered() < 2 * sent && rounds++ < 400) {
      for (const harness of all) {
        harness.engine.step(harness.nowUs);
        harness.turn();
      }
    }
    for (const harness of all) {
      expect(statuses(rig.replies(harness))).toEqual(Array(sent).fill(Status.ALL_PASS));
    }
    const loads = all.reduce((sum, harness) => sum + harness.loads, 0);
    expect(loads).toBeGreaterThan(SLOTS);
    expect(residentPages(rig.server)).toBe(SLOTS);
    for (const { engine } of all) expect(engine.largeFrames.available).toBe(12);
  });

  it('a dirty page stays, however many others are asked for, and its change with it', async () => {
    const rig = await rigOf(shared);
    const { server } = rig;
    const dirty = [0, 1, 2].map(coinOf);
    const list = dirty.map(([d, sn], i) => coin(d, sn, anOf(d, sn), newAn(i + 1)));
    rig.send(rig.seal('pown', joined(...list)));
    server.turn();
    server.turn();
    expect(server.engine.held.used).toBe(1);
    // Round the clock with pages that may go.
    const crowd = () => {
      for (let i = 0; i < 6; i++) {
        rig.send(rig.seal('detectSum', sumPayload(3 + (i & 1) * 2200, 2100)));
        for (let turn = 0; turn < 8; turn++) server.turn();
      }
    };
    crowd();
    expect(statuses(rig.replies())).toEqual(Array(6).fill(Status.ALL_PASS));
    expect(server.loads).toBeGreaterThan(SLOTS);
    for (const [i, [d, sn]] of dirty.entries()) {
      expect(server.record(d, sn)?.slice(0, 16)).toEqual(newAn(i + 1));
    }
    // Reject twin: committed, the same traffic drives them out, and they come back as the store has them.
    server.commit();
    server.drain();
    crowd();
    const gone = dirty.filter(([d, sn]) => server.record(d, sn) === undefined);
    expect(gone.length).toBeGreaterThan(0);
    rig.replies();
  });

  it('when every slot is dirty a request waits for the commit, and is answered after it', async () => {
    const rig = await rigOf(shared);
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
