import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../log/logger.ts';
import { InProcessBus } from '../in-process-bus.ts';
import { ServiceFailure } from '../service-bus.ts';
import { AnswerDatabase } from './answer-database.ts';
import { AnswerStoreError } from './answer-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'andvari-answer-faults-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const answerDatabase = new URL('./answer-database.ts', import.meta.url).href;
const entry = new URL('../testing/failing-answers.ts', import.meta.url);
const open = async () => {
  const path = join(folder, `${files++}.db`);
  return { path, store: await AnswerDatabase.open(path, {}, entry) };
};
const digest = new Uint8Array(32).fill(1);
const key = (requestId: string) => ({ deviceId: 'd', requestId });
const done = { ok: true as const, payload: Uint8Array.of(1, 2, 3) };

describe('answers that cannot be committed', () => {
  it('begin nothing, and what has ended stays known and is written later', async () => {
    const { path, store } = await open();
    await store.begin(key('before'), digest, 100);
    writeFileSync(`${path}.full`, '');
    await expect(store.begin(key('a'), digest, 100)).rejects.toBeInstanceOf(AnswerStoreError);
    expect(store.failing).toBe(true);
    await store.finish(key('before'), done, digest);
    // Told before its commit has failed.
    await store.begin(key('next'), digest, 100).catch(() => {});
    expect(await store.find(key('before'))).toEqual({ digest, outcome: done });
    expect(await store.begin(key('before'), digest, 100)).toEqual({ digest, outcome: done });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(store.failing).toBe(true);
    rmSync(`${path}.full`);
    // By itself: who decides by /readyz sends no requests.
    await vi.waitFor(() => expect(store.failing).toBe(false));
    expect(await store.begin(key('a'), digest, 100)).toBeUndefined();
    await store.close();
    const again = await AnswerDatabase.open(path);
    expect(await again.find(key('before'))).toEqual({ digest, outcome: done });
    expect(await again.find(key('a'))).toEqual({ digest, outcome: undefined });
    await again.close();
  });

  it('forget what was not done, also if that cannot be written', async () => {
    const { path, store } = await open();
    await store.begin(key('a'), digest, 100);
    writeFileSync(`${path}.full`, '');
    store.forget(key('a'));
    await expect(store.begin(key('b'), digest, 100)).rejects.toThrow('cannot be saved');
    expect(await store.find(key('a'))).toBeUndefined();
    rmSync(`${path}.full`);
    expect(await store.begin(key('a'), new Uint8Array(32), 100)).toBeUndefined();
    expect(await store.find(key('a'))).toEqual({ digest: new Uint8Array(32), outcome: undefined });
    await store.close();
  });
});

describe('answers that close when the disk has room again', () => {
  it('write what they knew alone, before anything was tried again', async () => {
    const { path, store } = await open();
    for (const id of ['ended', 'undone']) await store.begin(key(id), digest, 100);
    writeFileSync(`${path}.full`, '');
    store.forget(key('undone'));
    await store.finish(key('ended'), done, digest);
    await vi.waitFor(() => expect(store.failing).toBe(true));
    rmSync(`${path}.full`);
    await store.close();
    const again = await AnswerDatabase.open(path);
    expect(await again.find(key('ended'))).toEqual({ digest, outcome: done });
    expect(await again.find(key('undone'))).toBeUndefined();
    await again.close();
  });
});

describe('a request that is repeated when the disk has room again', () => {
  it('is executed once, however slow the disk still is', async () => {
    const { path, store } = await open();
    let executions = 0;
    const service = {
      name: 'service',
      handle: () => {
        if (!existsSync(`${path}.freed`)) {
          writeFileSync(`${path}.full`, '');
          throw new ServiceFailure('SERVICE_UNAVAILABLE', 'nothing was done', { again: true });
        }
        executions++;
        return done.payload;
      },
    };
    const logger = createLogger({ level: 'silent' });
    const bus = new InProcessBus({ routes: new Map(), fallback: service, answers: store, logger });
    const call = { ...key('a'), userId: 'u', payload: new Uint8Array() };
    expect(await bus.deliver(call)).toMatchObject({ ok: false });
    await vi.waitFor(() => expect(store.failing).toBe(true));
    writeFileSync(`${path}.freed`, '');
    writeFileSync(`${path}.slow`, '');
    rmSync(`${path}.full`);
    // Long enough that what could not be written is tried again meanwhile.
    expect(await bus.deliver(call)).toEqual(done);
    rmSync(`${path}.slow`);
    await vi.waitFor(() => expect(store.failing).toBe(false));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await bus.deliver(call)).toEqual(done);
    expect(executions).toBe(1);
    await bus.close();
    await store.close();
  });

  it('is another one than that of another device with the same id', async () => {
    const { path, store } = await open();
    const of = (deviceId: string) => ({ deviceId, requestId: 'r' });
    writeFileSync(`${path}.full`, '');
    // More than the thread remembers as open.
    const more = Array.from({ length: 9000 }, (_, i) => ({ ...of('first'), requestId: `x${i}` }));
    const begun = [of('first'), ...more].map((each) => store.begin(each, digest, 100));
    const results = await Promise.allSettled(begun);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    rmSync(`${path}.full`);
    await store.begin(of('second'), digest, 100);
    await store.finish(of('second'), { ok: true, payload: Uint8Array.of(2) }, digest);
    await store.begin(of('first'), digest, 100);
    await store.finish(of('first'), { ok: true, payload: Uint8Array.of(1) }, digest);
    for (const [device, byte] of [
      ['first', 1],
      ['second', 2],
    ] as const) {
      const outcome = { ok: true, payload: Uint8Array.of(byte) };
      expect((await store.find(of(device)))?.outcome).toEqual(outcome);
    }
    await store.close();
  });
});

describe('a thread of answers that dies', () => {
  it('is told to all that wait, and another one goes on with the file', async () => {
    const { path, store } = await open();
    await store.begin(key('before'), digest, 100);
    await store.finish(key('before'), done, digest);
    expect(await store.find(key('before'))).toEqual({ digest, outcome: done });
    writeFileSync(`${path}.die`, '');
    const waiting = ['a', 'b'].map((id) => store.begin(key(id), digest, 100));
    for (const each of waiting) await expect(each).rejects.toBeInstanceOf(AnswerStoreError);
    expect(store.failing).toBe(true);
    await expect(store.find(key('before'))).rejects.toBeInstanceOf(AnswerStoreError);
    await vi.waitFor(() => expect(store.failing).toBe(false));
    expect(await store.begin(key('c'), digest, 100)).toBeUndefined();
    expect(await store.find(key('before'))).toEqual({ digest, outcome: done });
    await store.close();
  });

  it('does not keep the end waiting', async () => {
    const { path, store } = await open();
    writeFileSync(`${path}.die`, '');
    const begun = store.begin(key('a'), digest, 100);
    const closed = store.close();
    await expect(begun).rejects.toBeInstanceOf(AnswerStoreError);
    await closed;
    await expect(store.begin(key('b'), digest, 100)).rejects.toBeInstanceOf(AnswerStoreError);
  });
});

it.each(['', 'void store.begin({ deviceId: "d", requestId: "r" }, new Uint8Array(32), 1);'])(
  'lets its process end, opened and closed, and not before: %s',
  (first) => {
    const program = `
      const opened = import(${JSON.stringify(answerDatabase)}).then(({ AnswerDatabase }) =>
        AnswerDatabase.open(process.argv[1]));
      opened.then(async (store) => {
        ${first}
        await store.close();
        console.log('closed');
      });
    `;
    const words = ['-e', program, join(folder, 'ends.db')];
    const { status, stdout } = spawnSync(process.execPath, words, { timeout: 60_000 });
    expect([status, stdout.toString()]).toEqual([0, 'closed\n']);
  },
);
