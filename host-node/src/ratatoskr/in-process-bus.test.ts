import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { AnswerDatabase } from './answers/answer-database.ts';
import {
  ANSWER_GONE,
  type AnswerStore,
  AnswerStoreError,
  MemoryAnswerStore,
} from './answers/answer-store.ts';
import { InProcessBus, type InProcessBusOptions } from './in-process-bus.ts';
import { serviceBusCompliance } from './service-bus.compliance.ts';

const logger = createLogger({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'andvari-bus-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `bus-${files++}.db`);

/** A disk that others use takes a while. */
const diskDeadlineMs = 1000;
for (const [name, open, deadlineMs] of [
  ['in this process, answers in memory', () => new MemoryAnswerStore(), 60],
  ['in this process, answers in SQLite', () => AnswerDatabase.open(newPath()), diskDeadlineMs],
] as const) {
  serviceBusCompliance(name, {
    deadlineMs,
    open: async (routes, fallback) =>
      new InProcessBus({ routes, fallback, answers: await open(), deadlineMs, logger }),
  });
}

const deadlineMs = 60;
const payload = new TextEncoder().encode('{}');
const call = (requestId: string, deviceId = 'd') => ({
  ...{ deviceId, userId: 'u', requestId, payload },
});

/** A failure that says so. */
const told = (text: string) => ({ ok: false, message: expect.stringContaining(text) });

function busOf(answers: AnswerStore, options: Partial<InProcessBusOptions> = {}): InProcessBus {
  return new InProcessBus({ routes: new Map(), answers, deadlineMs, logger, ...options });
}

describe('InProcessBus', () => {
  it.each([
    [{ deadlineMs: Number.POSITIVE_INFINITY }, RangeError],
    [{ deadlineMs: Number.NaN }, RangeError],
    [{ deadlineMs: 2 ** 31 }, RangeError],
    [{ deadlineMs: 3e9 }, RangeError],
    [{ deadlineMs: 0 }, RangeError],
    [{ deadlineMs: -5 }, RangeError],
    [{ callsMax: Number.NaN }, RangeError],
    [{ callsPerDeviceMax: 0 }, RangeError],
    [{ routes: {} }, TypeError],
    [{ routes: new Map([['a', {}]]) }, TypeError],
    [{ fallback: 5 }, TypeError],
    [{ answers: undefined }, TypeError],
    [{ logger: undefined }, TypeError],
  ])('is not made with %j', (options, kind) => {
    const wrong = options as unknown as Partial<InProcessBusOptions>;
    expect(() => busOf(new MemoryAnswerStore(), wrong)).toThrow(kind);
  });

  it('takes the longest deadline that a timer can hold', async () => {
    const slow = {
      name: 'slow',
      handle: () => new Promise<Uint8Array>((resolve) => setTimeout(resolve, 20, payload)),
    };
    const bus = busOf(new MemoryAnswerStore(), { fallback: slow, deadlineMs: 2 ** 31 - 1 });
    expect(await bus.deliver(call('1'))).toMatchObject({ ok: true });
  });

  it('bounds what one device, and all together, have under way', async () => {
    const hang = { name: 'hang', handle: () => new Promise<Uint8Array>(() => {}) };
    const bus = busOf(new MemoryAnswerStore(), {
      fallback: hang,
      callsMax: 3,
      callsPerDeviceMax: 2,
    });
    const answer = (id: string, device: string) => {
      const late = new Promise((resolve) => setTimeout(() => resolve('waits'), 10));
      return Promise.race([bus.deliver(call(id, device)), late]);
    };
    const full = {
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('too many requests are under way'),
    };
    expect(await answer('1', 'a')).toBe('waits');
    expect(await answer('2', 'a')).toBe('waits');
    expect(await answer('3', 'a')).toMatchObject(full);
    expect(await answer('1', 'b')).toBe('waits');
    expect(await answer('2', 'b')).toMatchObject(full);
    // A service that never ends keeps its place for two deadlines, not for ever.
    await vi.waitFor(() => expect(bus.underWay).toBe(0), { timeout: 4 * deadlineMs + 2000 });
    expect(await answer('3', 'a')).toBe('waits');
  });

  it('tells once a minute that a full disk takes no requests, and how many', async () => {
    const full = new MemoryAnswerStore();
    full.begin = () => Promise.reject(new AnswerStoreError('the disk is full'));
    const [loud, told] = [createLogger({ level: 'silent' }), [] as unknown[]];
    loud.error = (record: { requests?: number }) => void told.push(record.requests);
    const service = { name: 'none', handle: () => new Uint8Array() };
    const bus = busOf(full, { fallback: service, logger: loud });
    const refused = { code: 'SERVICE_UNAVAILABLE', message: 'requests cannot be taken now' };
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    try {
      for (let i = 0; i < 5; i++) expect(await bus.deliver(call(`${i}`))).toMatchObject(refused);
      expect(told).toEqual([1]);
      now.mockReturnValue(61_000);
      expect(await bus.deliver(call('5'))).toMatchObject(refused);
      expect(told).toEqual([1, 5]);
    } finally {
      now.mockRestore();
    }
  });

  it('hands nothing over again while the first run still goes on, and knows later', async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    let runs = 0;
    const handle = () => {
      runs++;
      return gate.promise;
    };
    const bus = busOf(new MemoryAnswerStore(), {
      fallback: { name: 'slow', resumes: true, handle },
    });
    expect(await bus.deliver(call('1'))).toMatchObject(told('not answer in time'));
    while (bus.underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await bus.deliver(call('1'))).toMatchObject(told('outcome is unknown'));
    gate.resolve(new TextEncoder().encode('first'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const first = { ok: true, payload: new TextEncoder().encode('first') };
    expect(await bus.deliver(call('1'))).toEqual(first);
    expect([bus.underWay, runs]).toEqual([0, 1]);
  });

  it('executes nothing twice because the clock of the day was set', async () => {
    let runs = 0;
    const handle = () => {
      runs++;
      return payload;
    };
    const bus = busOf(new MemoryAnswerStore(), { fallback: { name: 'service', handle } });
    expect(await bus.deliver(call('1'))).toMatchObject({ ok: true });
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 25 * 3_600_000);
    try {
      expect(await bus.deliver(call('2', 'e'))).toMatchObject({ ok: true });
      expect(await bus.deliver(call('1'))).toMatchObject({ ok: true });
    } finally {
      now.mockRestore();
    }
    expect(runs).toBe(2);
  });

  it('answers at its deadline also when the disk does not, and then executes nothing', async () => {
    const answers = new MemoryAnswerStore();
    const gate = Promise.withResolvers<undefined>();
    const begin = answers.begin.bind(answers);
    answers.begin = async (...given) => {
      await gate.promise;
      return begin(...given);
    };
    let executions = 0;
    const handle = () => {
      executions++;
      return payload;
    };
    const bus = busOf(answers, { fallback: { name: 'service', handle }, callsMax: 1 });
    expect(await bus.deliver(call('1'))).toMatchObject(told('not answer in time'));
    // Its place is not another's: a disk that hangs would let any number wait for it.
    await new Promise((resolve) => setTimeout(resolve, deadlineMs + 20));
    expect(await bus.deliver(call('2'))).toMatchObject(told('too many requests'));
    answers.find = () => new Promise(() => {});
    expect(await bus.deliver(call('3'))).toMatchObject(told('cannot be taken now'));
    gate.resolve(undefined);
    await vi.waitFor(() => expect(bus.underWay).toBe(0));
    expect(executions).toBe(0);
    expect(await bus.deliver(call('1'))).toMatchObject({ ok: true });
    expect(executions).toBe(1);
  });

  it.each([true, false])('after a crash: a service that resumes %s', async (resumes) => {
    const path = newPath();
    const first = await AnswerDatabase.open(path);
    const hang = { name: 'hang', resumes, handle: () => new Promise<Uint8Array>(() => {}) };
    void busOf(first, { fallback: hang }).deliver(call('1'));
    // What a crash leaves: it began, and nobody said how it ended.
    await new Promise((resolve) => setTimeout(resolve, 10));
    await first.close();
    let executions = 0;
    const service = {
      ...{ name: 'service', resumes },
      handle: () => {
        executions++;
        return payload;
      },
    };
    const second = await AnswerDatabase.open(path);
    const bus = busOf(second, { fallback: service, deadlineMs: diskDeadlineMs });
    const outcome = await bus.deliver(call('1'));
    expect(outcome).toMatchObject({ ok: resumes });
    expect(await bus.deliver(call('1'))).toEqual(outcome);
    expect(executions).toBe(resumes ? 1 : 0);
    expect(await bus.deliver(call('2'))).toMatchObject({ ok: true });
    await second.close();
  });

  it('survives a store that cannot be read, and one that closes too early', async () => {
    const answers = new MemoryAnswerStore();
    answers.find = () => Promise.reject(new AnswerStoreError('disk gone'));
    answers.begin = answers.find;
    const fallback = { name: 'service', handle: () => payload };
    const bus = busOf(answers, { fallback });
    expect(await bus.deliver(call('1'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });

    const gate = Promise.withResolvers<Uint8Array>();
    const database = await AnswerDatabase.open(newPath());
    const late = { name: 'slow', handle: () => gate.promise };
    const slow = busOf(database, { fallback: late, deadlineMs: diskDeadlineMs });
    const outcome = slow.deliver(call('1'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    await database.close();
    gate.resolve(payload);
    expect(await outcome).toMatchObject({ ok: true });
  });

  it('executes nothing twice whose answer had to make room, nor beyond a bound', async () => {
    for (const open of [
      () => new MemoryAnswerStore({ bytesMax: 100, recordsPerDeviceMax: 4 }),
      () => AnswerDatabase.open(newPath(), { bytesMax: 100, recordsPerDeviceMax: 4 }),
    ]) {
      let executions = 0;
      const handle = () => {
        executions++;
        return new Uint8Array(60);
      };
      const fallback = { name: 'service', resumes: true, handle };
      const bus = busOf(await open(), { fallback, deadlineMs: diskDeadlineMs });
      for (const id of ['1', '2', '3', '4']) {
        expect(await bus.deliver(call(id))).toMatchObject({ ok: true });
      }
      expect(await bus.deliver(call('1'))).toEqual(ANSWER_GONE);
      const other = { ...call('1'), userId: 'v' };
      expect(await bus.deliver(other)).toMatchObject({ code: 'INVALID_REQUEST' });
      expect(await bus.deliver(call('4'))).toMatchObject({ ok: true });
      const full = { code: 'SERVICE_UNAVAILABLE', message: expect.stringContaining('24 hours') };
      expect(await bus.deliver(call('5'))).toMatchObject(full);
      expect([executions, bus.underWay]).toEqual([4, 0]);
      expect(await bus.deliver(call('5', 'e'))).toMatchObject({ ok: true });
    }
  });

  it('executes nothing that could not be written down', async () => {
    let executions = 0;
    const service = {
      name: 'service',
      handle: () => {
        executions++;
        return payload;
      },
    };
    const answers = new MemoryAnswerStore();
    answers.begin = () => Promise.reject(new AnswerStoreError('disk full'));
    const bus = busOf(answers, { fallback: service });
    expect(await bus.deliver(call('1'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(executions).toBe(0);
    expect(bus.underWay).toBe(0);
  });
});
