/** One replay cache for several instances over one memory (shared build). */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CLIENT_IDENTITY, CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { recordBy } from './replay-instance.ts';
import { NOW_S } from './vectors.ts';

const STEPS = process.env.ANDVARI_LONG ? 100_000 : 5000;
const REQUESTS = 20_000;

const engineOf = (module: WebAssembly.Module, workers: number, replayEntries: number) =>
  Engine.create({
    module,
    shared: workers > 1,
    sizes: { ...CLIENT_SIZES, workers, ratatoskr: true, replayEntries },
    identity: CLIENT_IDENTITY,
  });

describe('instances over one cache', () => {
  it('say in turn what the plain build says alone', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const module = await sharedEngine();
    const first = engineOf(module, 2, 50);
    const instances = [first, Engine.attach(module, first.memory, 1)] as const;
    const plain = engineOf(await plainEngine(), 1, 50);
    let nowS = NOW_S;
    for (let step = 0; step < STEPS; step++) {
      nowS += random(20) ? 0 : random(300) - 100;
      const request = {
        device: `device-${random(4)}`,
        nonce: random(60),
        digest: random(60),
        timestamp: nowS - random(301),
      };
      const instance = instances[random(2)] ?? first;
      const where = `ANDVARI_SEED=${seed}, step ${step}`;
      expect(recordBy(instance, request, nowS), where).toBe(recordBy(plain, request, nowS));
    }
  });

  it('take each request once, when two threads record the same at once', async () => {
    const first = engineOf(await sharedEngine(), 3, REQUESTS);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const workers = [1, 2].map((worker) => {
      const workerData = { memory: first.memory, worker, requests: REQUESTS, nowS: NOW_S, gate };
      return new Worker(new URL('./replay-worker.ts', import.meta.url), { workerData });
    });
    const taken = await Promise.all(workers.map(async (one) => (await once(one, 'message'))[0]));
    await Promise.all(workers.map((one) => one.terminate()));
    const all = (taken.flat() as number[]).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: REQUESTS }, (_, i) => i));
  });
});
