/** What every AnswerStore does. */
import { describe, expect, it } from 'vitest';
import type { ServiceOutcome } from '../service-bus.ts';
import {
  ANSWER_GONE,
  type AnswerLimits,
  type AnswerStore,
  AnswerStoreError,
} from './answer-store.ts';

const digest = new Uint8Array(32).fill(7);
const done = (text: string): ServiceOutcome => ({
  ok: true,
  payload: new TextEncoder().encode(text),
});
const key = (requestId: string, deviceId = 'd') => ({ deviceId, requestId });

type Open = (limits: Partial<AnswerLimits>) => AnswerStore | Promise<AnswerStore>;

async function execute(
  store: AnswerStore,
  at: ReturnType<typeof key>,
  bytes: number,
  steadyS = 100,
) {
  await store.begin(at, digest, steadyS);
  await store.finish(at, { ok: true, payload: new Uint8Array(bytes) }, digest);
}

export function answerStoreCompliance(name: string, open: Open): void {
  describe(`AnswerStore: ${name}`, () => {
    it('knows what began, how it ended, and what was taken back', async () => {
      const store = await open({});
      expect(await store.find(key('a'))).toBeUndefined();
      await store.begin(key('a'), digest, 100);
      expect(await store.find(key('a'))).toEqual({ digest, outcome: undefined });
      const finished = store.finish(key('a'), done('answer'), digest);
      expect(await store.find(key('a'))).toEqual({ digest, outcome: done('answer') });
      await finished;
      expect(await store.find(key('a'))).toEqual({ digest, outcome: done('answer') });
      const failed: ServiceOutcome = { ok: false, code: 'SERVICE_ERROR', message: 'ü' };
      await store.begin(key('b'), digest, 100);
      await store.finish(key('b'), failed, digest);
      expect(await store.find(key('b'))).toEqual({ digest, outcome: failed });
      store.forget(key('a'));
      expect(await store.find(key('a'))).toBeUndefined();
      await store.begin(key('a'), digest, 100);
      expect((await store.find(key('a')))?.outcome).toBeUndefined();
      await store.close();
    });

    it('keeps devices apart, also where ids join to the same text', async () => {
      const store = await open({});
      await store.begin(key('bc', 'a'), digest, 100);
      expect(await store.find(key('c', 'ab'))).toBeUndefined();
      expect(await store.find(key('bc', 'd'))).toBeUndefined();
      expect(await store.find(key('BC', 'a'))).toBeUndefined();
      await store.begin(key('\0\n"', 'a'), digest, 100);
      expect(await store.find(key('\0\n"', 'a'))).toBeDefined();
      await store.close();
    });

    it('gives many that begin at once their own answers', async () => {
      const store = await open({});
      const ids = Array.from({ length: 100 }, (_, index) => `r${index}`);
      await Promise.all(ids.map((id) => store.begin(key(id), digest, 100)));
      await Promise.all(ids.map((id) => store.finish(key(id), done(id), digest)));
      for (const id of ids) expect((await store.find(key(id)))?.outcome).toEqual(done(id));
      await store.close();
    });

    it('says so when it cannot take more', async () => {
      const store = await open({});
      await store.close();
      const began = store.begin(key('a'), digest, 100);
      if (store.durable) await expect(began).rejects.toBeInstanceOf(AnswerStoreError);
      else await began;
    });

    remembering(open);
    bounding(open);
  });
}

function remembering(open: Open): void {
  it('knows what was executed for as long as it says, and no longer', async () => {
    const store = await open({ keptS: 10 });
    await execute(store, key('a'), 1);
    await store.begin(key('open'), digest, 100);
    await execute(store, key('b', 'e'), 1, 109);
    expect(await store.find(key('a'))).toBeDefined();
    expect(await store.find(key('open'))).toBeDefined();
    await execute(store, key('c', 'e'), 1, 110);
    expect(await store.find(key('a'))).toBeUndefined();
    expect(await store.find(key('open'))).toBeUndefined();
    expect(await store.find(key('b', 'e'))).toBeDefined();
    // Too late to be written down, and counted for nobody.
    await store.finish(key('open'), done('late'), digest);
    expect(await store.find(key('open'))).toBeUndefined();
    await store.close();
  });

  it('refuses a device that has too many records; others, and later it, may go on', async () => {
    const store = await open({ keptS: 10, recordsPerDeviceMax: 3 });
    for (const id of ['a', 'b']) await execute(store, key(id), 1);
    await store.begin(key('open'), digest, 101);
    const refused = store.begin(key('c'), digest, 101);
    await expect(refused).rejects.toMatchObject({ deviceFull: true });
    await expect(refused).rejects.toBeInstanceOf(AnswerStoreError);
    expect(await store.find(key('c'))).toBeUndefined();
    for (const id of ['a', 'b', 'open']) expect(await store.find(key(id))).toBeDefined();
    await store.begin(key('c', 'e'), digest, 101);
    store.forget(key('open'));
    await store.begin(key('c'), digest, 101);
    await expect(store.begin(key('d'), digest, 109)).rejects.toMatchObject({ deviceFull: true });
    await store.begin(key('d'), digest, 110);
    await store.close();
  });

  it('goes on when the clock is set back', async () => {
    const store = await open({ keptS: 10 });
    await execute(store, key('future'), 1, 1e9);
    await execute(store, key('a', 'e'), 1, 100);
    await execute(store, key('b', 'e'), 1, 120);
    await execute(store, key('c', 'e'), 1, 130);
    expect(await store.find(key('a', 'e'))).toBeUndefined();
    expect(await store.find(key('c', 'e'))).toBeDefined();
    await store.close();
  });
}

function bounding(open: Open): void {
  it('lets the oldest answers of a device go before others, never the records', async () => {
    const store = await open({ bytesPerDeviceMax: 100 });
    await execute(store, key('other', 'e'), 100);
    for (const id of ['a', 'b', 'c']) await execute(store, key(id), 40);
    expect(await store.find(key('a'))).toEqual({ digest, outcome: ANSWER_GONE });
    expect((await store.find(key('b')))?.outcome?.ok).toBe(true);
    expect((await store.find(key('c')))?.outcome?.ok).toBe(true);
    await execute(store, key('d'), 100);
    expect((await store.find(key('c')))?.outcome).toEqual(ANSWER_GONE);
    expect((await store.find(key('d')))?.outcome?.ok).toBe(true);
    expect((await store.find(key('other', 'e')))?.outcome?.ok).toBe(true);
    // One too long for the bound is told to its caller, and is not kept.
    await execute(store, key('f'), 101);
    expect((await store.find(key('f')))?.outcome).toEqual(ANSWER_GONE);
    await store.close();
  });

  it('takes from who holds most when all together have too much', async () => {
    const store = await open({ bytesPerDeviceMax: 1000, bytesMax: 2000 });
    await execute(store, key('victim', 'v'), 100);
    for (const device of ['x', 'y', 'z', 'w']) {
      for (let i = 0; i < 40; i++) await execute(store, key(`r${i}`, device), 100);
    }
    expect((await store.find(key('victim', 'v')))?.outcome?.ok).toBe(true);
    let bytes = 100;
    for (const device of ['x', 'y', 'z', 'w']) {
      for (let i = 0; i < 40; i++) {
        const outcome = (await store.find(key(`r${i}`, device)))?.outcome;
        expect(outcome).toBeDefined();
        if (outcome?.ok) bytes += outcome.payload.length;
        else expect(outcome).toEqual(ANSWER_GONE);
      }
    }
    expect(bytes).toBe(2000);
    await store.close();
  });
}
