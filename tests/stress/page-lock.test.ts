/**
 * A worker waits for the lock of a page. When the page goes meanwhile, the slot is another page's,
 * and waiting on would be out of order: two workers could wait for each other for ever.
 */
import { Page, Region } from '@andvari/host-common/engine/generated/layout';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { expect, it } from 'vitest';
import { anOf, coin, PAGES, Rig } from '../engine/rig.ts';
import type { BatchReport, OneBatch } from './one-batch.ts';
import { startThread } from './thread.ts';

/** Page 0 of denomination 1. */
const PAGE_KEY = 9 * PAGES;
/** In a lock word: worker 2, who never lets go by himself. */
const HOLDER = 3;
/** The thread spins 200 times and then sleeps 20 us at a time: it waits by then. */
const WAITING_MS = 50;
const GIVE_UP_MS = 5000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function waitingWorker() {
  const rig = await Rig.make({ shared: true, workers: 3 });
  rig.warm([1, 5]);
  const { engine } = rig.server;
  const words = new Int32Array(engine.memory.buffer);
  const index = (engine.region(Region.PAGE_INDEX) >>> 2) + PAGE_KEY;
  const slot = (words[index] ?? 0) - 1;
  const meta = (engine.region(Region.PAGE_META) + slot * Page.BYTES) >>> 2;
  expect(words[meta + (Page.KEY >>> 2)]).toBe(PAGE_KEY + 1);
  Atomics.store(words, meta + (Page.LOCK >>> 2), HOLDER);
  const { bytes: request } = rig.seal('detect', coin(1, 5, anOf(1, 5)));
  const data: OneBatch = {
    module: await sharedEngine(),
    memory: engine.memory,
    worker: 1,
    request,
  };
  const thread = startThread<BatchReport>(new URL('./one-batch.ts', import.meta.url), data);
  await thread.isReady;
  await pause(WAITING_MS);
  const ended = () => Promise.race([thread.report, pause(GIVE_UP_MS)]);
  return { words, meta, index, ended, stop: () => thread.thread.terminate() };
}

it('goes on when the page is let go', async () => {
  const { words, meta, ended, stop } = await waitingWorker();
  expect(await Promise.race([ended(), pause(WAITING_MS)])).toBeUndefined();
  Atomics.store(words, meta + (Page.LOCK >>> 2), 0);
  expect(await ended()).toEqual({ answered: 1, loads: 0 });
  await stop();
});

it('waits no longer when the slot has become another page, and asks for its own', async () => {
  const { words, meta, index, ended, stop } = await waitingWorker();
  Atomics.store(words, index, 0);
  Atomics.store(words, meta + (Page.KEY >>> 2), PAGE_KEY + 2);
  expect(await ended()).toEqual({ answered: 0, loads: 1 });
  expect(Atomics.load(words, meta + (Page.LOCK >>> 2))).toBe(HOLDER);
  await stop();
});
