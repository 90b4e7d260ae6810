/** More pages than slots, and requests that want nearly all of them. Web-standard only. */
import { Region } from '@andvari/host-common/engine/generated/layout';
import {
  DENOMINATIONS,
  PAGE_BYTES,
  REQUEST_PAGES_MAX,
} from '@andvari/host-common/engine/generated/limits';
import type { Harness } from './harness.ts';
import { anOf, coin, joined, Rig, type RigOptions, statuses, sumOf } from './rig.ts';

/** The least that a server with many pages can have: one more than the largest request. */
export const SLOTS = REQUEST_PAGES_MAX + 1;
export const PER_DENOMINATION = 300;
export const ALL_PAGES = DENOMINATIONS * PER_DENOMINATION;
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
export function coinOf(number: number): readonly [number, number] {
  const page = number % ALL_PAGES;
  const denomination = Math.floor(page / PER_DENOMINATION) - 8;
  return [denomination, (page % PER_DENOMINATION) * 1024 + RECORD];
}

/** A detect sum over `count` pages from page `first` on, every `step`-th. */
export function sumPayload(first: number, count: number, step = 1): Uint8Array {
  const coins = Array.from({ length: count }, (_, i) => coinOf(first + i * step));
  const list = coins.map(([denomination, serial]) => coin(denomination, serial));
  return joined(...list, sumOf(coins.map(([denomination, serial]) => anOf(denomination, serial))));
}

export const crowdedRig = (options: Pick<RigOptions, 'shared' | 'module' | 'workers'>) =>
  Rig.make({ ...options, sizes: SIZES, pages: sparsePage });

/** Pages that have a slot. */
export function residentPages(harness: Harness): number {
  const start = harness.engine.region(Region.PAGE_INDEX) >>> 2;
  return harness.engine.u32.subarray(start, start + ALL_PAGES).filter((slot) => slot !== 0).length;
}

/** Requests of each worker, and how often each is called before the crowd counts as stuck. */
const SENT = 3;
const ROUNDS_MAX = 400;

/**
 * Two workers, each with requests that evict those of the other. Gives the statuses of the replies
 * that came.
 */
export async function crowd(options: Pick<RigOptions, 'shared' | 'module'>) {
  const rig = await crowdedRig({ ...options, workers: 2 });
  const all = [rig.server, ...rig.others];
  for (let i = 0; i < SENT; i++) {
    for (const [worker, to] of all.entries()) {
      // Any two lists together need more pages than there are slots.
      const payload = sumPayload((i * 2 + worker) * 757, REQUEST_PAGES_MAX);
      rig.send(rig.seal('detectSum', payload), to);
    }
  }
  const answered = () => all.reduce((sum, { answers }) => sum + answers.length, 0);
  for (let round = 0; answered() < all.length * SENT && round < ROUNDS_MAX; round++) {
    for (const harness of all) {
      harness.engine.step(harness.nowUs);
      harness.turn();
    }
  }
  return { rig, replies: all.flatMap((harness) => statuses(rig.replies(harness))) };
}
