import { afterEach, describe, expect, it } from 'vitest';
import { MessageClient, REQUESTS_MAX } from './message-client.ts';
import { type Handlers, serveMessages } from './message-server.ts';
import { type MessageEnd, WorkerFailure } from './messages.ts';
import type { TaskProgress } from './views.ts';

const NONE = { count: 0, units: 0n };
const TOTALS = {
  untested: NONE,
  authentic: NONE,
  fracked: NONE,
  limbo: NONE,
  counterfeit: NONE,
  locked: NONE,
};
const EMPTY = { coins: [], totals: TOTALS, network: { serverIds: [], demo: false }, lockers: [] };
const open: MessagePort[] = [];

/** A client and a server joined by a real MessageChannel; only what is not given is refused. */
function joined(given: Partial<Handlers>): MessageClient {
  const { port1, port2 } = new MessageChannel();
  open.push(port1, port2);
  const client = new MessageClient(port1 as MessageEnd);
  serveMessages(port2 as MessageEnd, given as Handlers);
  port1.start();
  port2.start();
  return client;
}

afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

describe('page and worker', () => {
  it('give each request its own answer, in whatever order they come', async () => {
    const gates = new Map<string, () => void>();
    const client = joined({
      unlock: ({ passphrase }) =>
        new Promise((resolve) => {
          const fault = passphrase;
          gates.set(passphrase, () => resolve({ ...EMPTY, network: { ...EMPTY.network, fault } }));
        }),
      exists: async () => true,
    });
    const first = client.call('unlock', { passphrase: 'first' });
    const second = client.call('unlock', { passphrase: 'second' });
    expect(await client.call('exists', null)).toBe(true);
    gates.get('second')?.();
    expect((await second).network.fault).toBe('second');
    gates.get('first')?.();
    expect((await first).network.fault).toBe('first');
  });

  it('report progress in order and before the answer', async () => {
    const client = joined({
      detect: async ({ ids }, { progress }) => {
        progress({ stage: 'started', ids, serverIds: [0] });
        for (let raidaId = 0; raidaId < 25; raidaId++) {
          progress({ stage: 'answer', raidaId, ids: [7], lights: 'A' });
        }
        return EMPTY;
      },
    });
    const seen: TaskProgress[] = [];
    const onProgress = (progress: TaskProgress) => void seen.push(progress);
    await client.call('detect', { ids: [7] }, { onProgress });
    expect(seen[0]).toEqual({ stage: 'started', ids: [7], serverIds: [0] });
    expect(seen.slice(1).map((one) => (one.stage === 'answer' ? one.raidaId : -1))).toEqual(
      Array.from({ length: 25 }, (_, raidaId) => raidaId),
    );
  });

  it('cancel only the request that is meant, and the answer still comes', async () => {
    const client = joined({
      pown: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(EMPTY));
        }),
      settle: (_, { signal }) =>
        new Promise((resolve) => {
          setTimeout(() => resolve(EMPTY), 20);
          signal.addEventListener('abort', () => resolve(Promise.reject(new Error('not me'))));
        }),
    });
    const stop = new AbortController();
    const cancelled = client.call('pown', { ids: [] }, { signal: stop.signal });
    const left = client.call('settle', null);
    stop.abort();
    expect(await cancelled).toEqual(EMPTY);
    expect(await left).toEqual(EMPTY);
    const already = client.call('pown', { ids: [] }, { signal: AbortSignal.abort() });
    expect(await already).toEqual(EMPTY);
  });

  it('pass on an error with a code of ours, word for word', async () => {
    const client = joined({
      lock: () => Promise.reject(new WorkerFailure('ANDVARI_STORAGE_FULL', 'No room left.')),
    });
    const failure = client.call('lock', null);
    await expect(failure).rejects.toBeInstanceOf(WorkerFailure);
    await expect(failure).rejects.toMatchObject({
      code: 'ANDVARI_STORAGE_FULL',
      message: 'No room left.',
    });
  });

  it('say nothing of the inside when an error is not one of ours', async () => {
    const client = joined({
      lock: () => Promise.reject(new RangeError('key 00112233 at 400')),
      exists: () => Promise.reject(Object.assign(new Error('secret'), { code: 'ENOENT' })),
    });
    for (const failure of [client.call('lock', null), client.call('exists', null)]) {
      await expect(failure).rejects.toMatchObject({ code: 'ANDVARI_INTERNAL' });
      await expect(failure).rejects.not.toThrow(/00112233|secret/);
    }
  });

  it('refuse a method that does not exist, also an inherited name', async () => {
    const client = joined({});
    for (const method of ['detect', 'toString', 'constructor'] as unknown as 'exists'[]) {
      await expect(client.call(method, null)).rejects.toMatchObject({ code: 'ANDVARI_INTERNAL' });
    }
  });

  it('fail everything under way, and everything after, when the worker ends', async () => {
    const client = joined({ exists: () => new Promise(() => undefined) });
    const pending = client.call('exists', null);
    client.fail(new WorkerFailure('ANDVARI_WORKER_ENDED', 'The wallet stopped.'));
    await expect(pending).rejects.toMatchObject({ code: 'ANDVARI_WORKER_ENDED' });
    const later = client.call('exists', null);
    await expect(later).rejects.toMatchObject({ code: 'ANDVARI_WORKER_ENDED' });
  });

  it('hold no more requests than the limit', async () => {
    const client = joined({ exists: () => new Promise(() => undefined) });
    const held = Array.from({ length: REQUESTS_MAX }, () => client.call('exists', null));
    await expect(client.call('exists', null)).rejects.toMatchObject({ code: 'ANDVARI_BUSY' });
    client.fail(new WorkerFailure('ANDVARI_WORKER_ENDED', 'The wallet stopped.'));
    const ends = await Promise.allSettled(held);
    expect(ends.every((end) => end.status === 'rejected')).toBe(true);
  });
});
