/**
 * The store says no under pown traffic, for certain (a full file system) or with an outcome that
 * nobody knows (a commit that fails half way, a thread that dies in it): nothing that was
 * acknowledged is lost, all else is answered 252, and service returns by itself.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { Status } from '@andvari/host-common/engine/generated/status';
import { describe, expect, it } from 'vitest';
import { StoreClient } from '../../host-node/src/store/store-client.ts';
import type { StoreThreadData } from '../../host-node/src/store/store-messages.ts';
import type { Fault } from '../../host-node/src/store/testing/fault-store.ts';
import { SmallDisk } from '../../host-node/src/store/testing/small-disk.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { RunningServer } from './running-server.ts';

const long = process.env.ANDVARI_LONG === '1';
const LANES = 16;
/**
 * The store's log takes 16 MiB before SQLite moves it; a disk without ballast has room for that.
 */
const DISK_BYTES = 40 << 20;
const BALLAST_BYTES = 26 << 20;
const ROUNDS = long ? 20 : 2;

const canMount = SmallDisk.possible();
const mountNeeds = canMount ? '' : ' (DID NOT RUN: needs root, mkfs.ext4 and a loop device)';
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Traffic while `meanwhile` happens, then silence. */
async function under(
  running: RunningServer,
  meanwhile: () => Promise<void>,
  { lanes, coins }: { lanes: number; coins?: number } = { lanes: LANES },
): Promise<void> {
  const traffic = running.client.run(lanes, coins);
  try {
    await meanwhile();
  } finally {
    running.client.stop();
    await traffic;
  }
}

describe.runIf(canMount)(`a full file system${mountNeeds}`, () => {
  it('252 until there is space; then service returns by itself', async () => {
    const seed = seedOfRun();
    console.log(`full disk, seed ${seed}`);
    const disk = SmallDisk.make(DISK_BYTES);
    if (!disk) return expect.fail('no disk');
    let running: RunningServer | undefined;
    try {
      const ballast = join(disk.folder, 'ballast');
      const random = randomFrom(seed);
      running = await RunningServer.start({
        ...{ folder: disk.folder, storeClient: new StoreClient(), random },
      });
      writeFileSync(ballast, new Uint8Array(BALLAST_BYTES));
      await fillUp(running);
      await whileFull(running);
      rmSync(ballast);
      await afterwards(running);
      await running.close();
      expect(running.differing()).toBe(0);
    } finally {
      await running?.close();
      disk.remove();
    }
  });
});

async function fillUp(running: RunningServer): Promise<void> {
  const { client, ledger, server, told } = running;
  expect(server.ready).toBe(true);
  await under(running, () => running.until('the store refuses', () => !server.ready));
  expect(told.slice(0, 2).sort()).toEqual(['not ready', 'refused']);
  expect(ledger.acknowledged).toBeGreaterThan(0);
  // Everything under way got an answer, and what was not acknowledged is 252.
  expect(client.count('none')).toBe(0);
  expect(client.count(Status.INTERNAL)).toBeGreaterThan(0);
}

async function whileFull(running: RunningServer): Promise<void> {
  const { client, ledger, server } = running;
  expect(await client.echo()).toBe(Status.SUCCESS);
  // A refusal is certain: every coin has its old AN, whatever it was answered.
  expect(await client.ask()).toBe(0);
  await useUp(running);
  const { acknowledged } = ledger;
  const unknown = client.count(Status.INTERNAL);
  await under(running, () => pause(300));
  expect(client.count(Status.INTERNAL)).toBeGreaterThan(unknown);
  expect(await client.ask()).toBe(0);
  expect(ledger.acknowledged).toBe(acknowledged);
  expect(ledger.errors).toEqual([]);
  expect(client.count('none')).toBe(0);
  expect(server.ready).toBe(false);
}

/**
 * What a large refused transaction took of the disk stays with SQLite's log, and small ones still
 * fit there: the server is then ready, for good reason. Single coins are changed until not even one
 * fits.
 */
async function useUp(running: RunningServer): Promise<void> {
  const { client, ledger, server } = running;
  for (let tries = 0, full = 0; full < 2; tries++) {
    if (tries === 200) throw new Error('the disk is never full');
    const { acknowledged } = ledger;
    await under(running, () => pause(50), { lanes: 1, coins: 1 });
    expect(await client.ask()).toBe(0);
    full = ledger.acknowledged === acknowledged && !server.ready ? full + 1 : 0;
  }
}

async function afterwards(running: RunningServer): Promise<void> {
  const { client, ledger, server } = running;
  // Nobody asks for anything: it finds out by itself.
  await running.until('the server is ready again', () => server.ready);
  const { acknowledged } = ledger;
  const unknown = client.count(Status.INTERNAL);
  await under(running, () => pause(300));
  expect(ledger.acknowledged).toBeGreaterThan(acknowledged);
  expect(client.count(Status.INTERNAL)).toBe(unknown);
  expect(await client.ask()).toBe(0);
  expect(ledger.errors).toEqual([]);
  expect(server.ready).toBe(true);
}

/** A client whose thread a test can end. */
class EndableClient extends StoreClient {
  worker: Worker | undefined;

  protected override startWorker(data: StoreThreadData): Worker {
    this.worker = super.startWorker(data);
    return this.worker;
  }
}

/**
 * A server whose store fails as the test says; `meet` makes it fail once, under traffic, and gives
 * how many changes were made.
 */
async function failing(meet: (running: RunningServer, client: EndableClient) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-refusal-'));
  const seed = seedOfRun();
  const factory = new URL('../../host-node/src/store/testing/fault-store.ts', import.meta.url);
  const storeClient = new EndableClient({ factory });
  let running: RunningServer | undefined;
  const made: number[] = [];
  try {
    running = await RunningServer.start({ folder, storeClient, random: randomFrom(seed) });
    const { client, ledger, server, told } = running;
    const open = running;
    for (let round = 0; round < ROUNDS; round++) {
      const unknown = client.count(Status.INTERNAL);
      const { acknowledged } = ledger;
      await under(running, async () => {
        // A busy machine may need longer than any pause before the first change is under way.
        const flows = () => ledger.acknowledged > acknowledged;
        await open.until('changes are acknowledged', flows);
        await pause(60);
        await meet(open, storeClient);
        await open.until('the server is ready again', () => server.ready);
        await pause(60);
      });
      expect(client.count(Status.INTERNAL), `seed ${seed}`).toBeGreaterThan(unknown);
      expect(told.filter((kind) => kind !== 'trouble').slice(-3)).toEqual(
        expect.arrayContaining(['not ready', 'ready']),
      );
      made.push(await client.ask());
      expect(ledger.errors, `seed ${seed}, round ${round}`).toEqual([]);
    }
    expect(client.count('none')).toBe(0);
    expect(ledger.acknowledged).toBeGreaterThan(100);
    await running.close();
    expect(running.differing()).toBe(0);
    return { made, told };
  } finally {
    await running?.close();
    rmSync(folder, { recursive: true });
  }
}

/** Makes the store fail at its next commit and waits until it has. */
async function fault(running: RunningServer, name: Fault): Promise<void> {
  const file = `${running.path}.fault`;
  const { length } = running.told;
  writeFileSync(file, name);
  const gone = () => {
    try {
      return readFileSync(file).length < 0;
    } catch {
      return true;
    }
  };
  await running.until(`the fault ${name} happens`, gone);
  const seen = () => running.told.slice(length).includes('not ready');
  await running.until(`the fault ${name} is seen`, seen);
}

describe('a commit that fails', () => {
  it.each([
    { name: 'refuse', made: false, kind: 'refused' },
    { name: 'unknown-before', made: false, kind: 'unknown' },
    { name: 'unknown-after', made: true, kind: 'unknown' },
    { name: 'die-before', made: false, kind: 'unknown' },
    { name: 'die-after', made: true, kind: 'unknown' },
  ] as const)('$name: find tells the truth afterwards', { timeout: 120_000 }, async (of) => {
    const { made, told } = await failing((running) => fault(running, of.name));
    // Answered 252, and yet made, exactly when the store had made them.
    if (of.made) expect(made.every((count) => count > 0)).toBe(true);
    else expect(made).toEqual(Array(ROUNDS).fill(0));
    expect(told.filter((kind) => kind === of.kind)).toHaveLength(ROUNDS);
  });

  it('the thread is terminated at a random moment', { timeout: 120_000 }, async () => {
    const { told } = await failing(async (running, { worker }) => {
      const { length } = running.told;
      await worker?.terminate();
      const seen = () => running.told.slice(length).includes('not ready');
      await running.until('its death is seen', seen);
    });
    expect(told.filter((kind) => kind === 'unknown')).toHaveLength(ROUNDS);
  });
});
