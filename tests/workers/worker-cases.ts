/** What several workers over one memory and one port must do, whichever way datagrams come. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../host-node/src/io/choose-backend.ts';
import type { SocketAddress } from '../../host-node/src/io/packet-io.ts';
import { UdpPeer } from '../../host-node/src/io/testing/udp-peer.ts';
import { SocketTransport } from '../../host-node/src/raida/socket-transport.ts';
import { ADMIN_KEY, COIN_ID, RAIDA_ID } from '../durability/server-setup.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { WorkerNode } from './worker-node.ts';

const SOON = { timeout: 60_000, interval: 5 };
const entryThatCannotStart = new URL('./no-such-file.ts', import.meta.url);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

let place: WorkerNode | undefined;
const transports: SocketTransport[] = [];

type Start = (workerEntry?: URL) => Promise<WorkerNode>;

/** With one worker the main thread answers datagrams too. */
export function describeWorkers(backend: Backend, workers: number): void {
  describe(`${workers} workers, ${backend}`, () => {
    const start: Start = async (workerEntry) => {
      const seed = seedOfRun();
      console.log(`workers, seed ${seed}`);
      const more = workerEntry ? { workerEntry } : {};
      place = await WorkerNode.start({ backend, workers, random: randomFrom(seed), ...more });
      return place;
    };
    afterEach(async () => {
      for (const transport of transports.splice(0)) await transport.close();
      await place?.close();
      place?.remove();
      place = undefined;
    });
    describePort(start, backend, workers);
    describeShared(start);
    describeChanges(start);
    if (workers > 1) describeDeath(start);
  });
}

/** Asks from a socket of its own. */
async function ask(port: number, [group, command]: [number, number], payload: Uint8Array) {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: COIN_ID });
  const transport = new SocketTransport([{ raidaId: RAIDA_ID, url: `udp://127.0.0.1:${port}` }]);
  transports.push(transport);
  const sealed = codec.seal({ raidaId: RAIDA_ID, group, command, payload });
  return sealed.open(await transport.exchange(RAIDA_ID, sealed.bytes, { timeoutMs: 5000 }));
}

/** A datagram longer than a frame, which a native socket hands over in another way. */
async function askLarge(address: SocketAddress, bytes: number): Promise<number> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: COIN_ID });
  const payload = new Uint8Array(bytes);
  const sealed = codec.seal({ raidaId: RAIDA_ID, group: 0, command: 0, payload });
  const peer = await UdpPeer.open(address);
  try {
    peer.send(sealed.bytes);
    const reply = await peer.receive(5000);
    return reply ? sealed.open(reply).status : -1;
  } finally {
    await peer.close();
  }
}

function received(metrics: string): number[] {
  const lines = metrics.matchAll(/^andvari_io_received_total\{worker="\d+"\} (\d+)$/gm);
  return [...lines].map((line) => Number(line[1]));
}

function describePort(start: Start, backend: Backend, workers: number): void {
  it('answer on one port, each with its share; the numbers are those of all', async () => {
    const place = await start();
    const { node, port } = place;
    for (let i = 0; i < 40; i++) {
      expect((await ask(port, [0, 0], new Uint8Array(16))).status).toBe(Status.SUCCESS);
    }
    expect((await ask(port, [0, 0], new Uint8Array(20_000))).status).toBe(Status.SUCCESS);
    for (const bytes of [4000, 4046, 4047, 5000, 60_000]) {
      expect(await askLarge(node.addresses.raida, bytes)).toBe(Status.SUCCESS);
    }
    expect(node.statistics.requests).toBe(46);
    expect(node.statistics.recent().map(({ address }) => address)).toEqual(
      Array.from({ length: 46 }, () => '127.0.0.1'),
    );
    await vi.waitFor(async () => {
      const counts = received(await place.metrics());
      expect(counts).toHaveLength(workers);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(40);
      expect(counts.filter((count) => count > 0).length).toBeGreaterThan(workers > 1 ? 1 : 0);
    }, SOON);
    const text = await place.metrics();
    expect(text).toContain(`andvari_io_backend{backend="${backend}"} 1`);
    expect(text).toContain('andvari_raida_requests_total{group="0",command="0"} 46');
  });
}

function describeShared(start: Start): void {
  it('a ticket of one worker is claimed at the others, once by each server', async () => {
    const { ledger, port } = await start();
    const coins = ledger.entries.slice(0, 20).map(({ denomination, serialNumber, an }) => {
      const name = Buffer.alloc(5);
      name.writeInt8(denomination);
      name.writeUInt32BE(serialNumber, 1);
      return Buffer.concat([name, an]);
    });
    const drawn = await ask(port, [2, 40], Buffer.concat(coins));
    expect(drawn.status).toBe(Status.ALL_PASS);
    const ticket = drawn.payload.subarray(0, 4);
    for (let raida = 0; raida < 25; raida++) {
      const claim = Buffer.concat([Buffer.of(raida), ticket]);
      expect((await ask(port, [2, 50], claim)).status).toBe(Status.SUCCESS);
      expect((await ask(port, [2, 50], claim)).status).toBe(Status.TICKET_CLAIMED_ALREADY);
    }
  });

  it('files are read and written for a worker by the main thread', async () => {
    const { folder, port } = await start();
    mkdirSync(join(folder, 'Folders'), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const path = Buffer.from(`f${i}\0`);
      const size = Buffer.alloc(4);
      const content = Buffer.alloc(200 + i, i + 1);
      size.writeUInt32BE(content.length);
      const put = await ask(port, [13, 134], Buffer.concat([ADMIN_KEY, size, path, content]));
      expect(put.status).toBe(Status.SUCCESS);
      expect(readFileSync(join(folder, 'Folders', `f${i}`))).toEqual(content);
      const got = await ask(port, [13, 135], Buffer.concat([ADMIN_KEY, path]));
      expect(got.status).toBe(Status.SUCCESS);
      expect(Buffer.from(got.payload)).toEqual(content);
    }
  });
}

function describeChanges(start: Start): void {
  it('powns in all workers keep their word when the store refuses and forgets', async () => {
    const place = await start();
    for (const fault of ['refuse', 'unknown-before', 'unknown-after', 'refuse'] as const) {
      await place.under(async () => {
        await pause(100);
        const before = place.count(Status.INTERNAL);
        place.fault(fault);
        await vi.waitFor(() => expect(place.count(Status.INTERNAL)).toBeGreaterThan(before), SOON);
      });
      const { acknowledged } = place.ledger;
      // A coin in doubt is not changed again before the client has asked.
      await vi.waitFor(() => expect(place.node.ready).toBe(true), SOON);
      await place.clients[0]?.ask();
      await place.under(async () => {
        const more = () => expect(place.ledger.acknowledged).toBeGreaterThan(acknowledged + 20);
        await vi.waitFor(more, SOON);
      });
    }
    await vi.waitFor(() => expect(place.node.ready).toBe(true), SOON);
    await place.clients[0]?.ask();
    expect(place.ledger.errors).toEqual([]);
    await place.close();
    expect(place.differing()).toBe(0);
  });

  it('close under load: what was acknowledged is in the store', async () => {
    const place = await start();
    let closing: Promise<void> | undefined;
    await place.under(async () => {
      await pause(500);
      closing = place.node.close();
      await closing;
      // Nobody answers any more: the clients give up.
      await Promise.all(place.clients.map((client) => client.close()));
    });
    expect(place.ledger.acknowledged).toBeGreaterThan(0);
    expect(place.node.ready).toBe(false);
    expect(place.ledger.errors).toEqual([]);
    // What had no answer may have been made or not; all else is as acknowledged.
    for (const entry of place.ledger.entries) entry.busy = false;
    expect(place.differing()).toBeLessThanOrEqual(place.ledger.doubts);
  });
}

function describeDeath(start: Start): void {
  it('one that dies ends the node, with one clear error, and close() returns', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-crash-'));
    const when = join(folder, 'now');
    process.env.ANDVARI_TEST_CRASH = when;
    const place = await start(new URL('./crashing-worker.ts', import.meta.url));
    await place.under(async () => {
      await pause(100);
      writeFileSync(when, '');
      await vi.waitFor(() => expect(place.failures).toHaveLength(1), SOON);
      expect(place.failures[0]).toMatchObject({
        code: 'ANDVARI_WORKER_DIED',
        message: expect.stringContaining('worker 2 died: made to die'),
      });
      expect(place.node.ready).toBe(false);
      await place.close();
    });
    expect(place.failures).toHaveLength(1);
    rmSync(folder, { recursive: true });
    await expect(start(entryThatCannotStart)).rejects.toMatchObject({
      code: 'ANDVARI_WORKER_DIED',
    });
  });
}
