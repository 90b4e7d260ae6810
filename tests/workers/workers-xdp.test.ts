/**
 * Two workers on two queues of an interface: one engine, whichever queue a packet comes on. The
 * whole process is in the server's namespace; clients are in the other.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadTestModule } from '../../native-io/lib/testing/test-module.ts';
import { SERVER_IP, Veth, whyNoXdp } from '../../native-io/lib/testing/veth.ts';
import { COIN_ID, RAIDA_ID } from '../durability/server-setup.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { VethClient } from '../wire/udp-backends.ts';
import { WorkerNode } from './worker-node.ts';

const PORT = 25_000;
/** Enough that the kernel deals them to both queues: one of 32,768 runs would not. */
const CLIENTS = 16;
const SOON = { timeout: 60_000, interval: 5 };
const why = whyNoXdp();

let veth: Veth;
let place: WorkerNode;
let clients: VethClient[];
let codec: EngineCodec;

async function ask(client: number, [group, command]: [number, number], payload: Uint8Array) {
  const sealed = codec.seal({ raidaId: RAIDA_ID, group, command, payload });
  const reply = await clients[client]?.ask(PORT, sealed.bytes);
  if (!reply) throw new Error(`client ${client}: no reply`);
  return sealed.open(reply);
}

async function receivedByWorker(): Promise<number[]> {
  const lines = (await place.metrics()).matchAll(/^andvari_io_received_total\{.*\} (\d+)$/gm);
  return [...lines].map((line) => Number(line[1]));
}

describe.skipIf(why !== undefined)(`two queues${why ? ` (DID NOT RUN: ${why})` : ''}`, () => {
  beforeAll(async () => {
    codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: COIN_ID });
    veth = new Veth({ queues: 2 });
    clients = Array.from({ length: CLIENTS }, () => new VethClient(veth));
    // The threads that are started from now on are in it as well.
    loadTestModule().enterNamespace(veth.server);
    const seed = seedOfRun();
    console.log(`workers on two queues, seed ${seed}`);
    place = await WorkerNode.start({
      ...{ backend: 'af_xdp', workers: 2, interface: veth.serverInterface },
      ...{ listen: { host: SERVER_IP, port: PORT }, random: randomFrom(seed) },
    });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await place?.close();
    place?.remove();
    veth?.remove();
  });

  it('a ticket that one worker gives is claimed through the other', async () => {
    const coins = place.ledger.entries.slice(0, 20).map(({ denomination, serialNumber, an }) => {
      const name = Buffer.alloc(5);
      name.writeInt8(denomination);
      name.writeUInt32BE(serialNumber, 1);
      return Buffer.concat([name, an]);
    });
    for (let giver = 0; giver < CLIENTS; giver++) {
      const drawn = await ask(giver, [2, 40], Buffer.concat(coins));
      expect(drawn.status).toBe(Status.ALL_PASS);
      const ticket = drawn.payload.subarray(0, 4);
      for (let client = 0; client < CLIENTS; client++) {
        const claim = Buffer.concat([Buffer.of(client), ticket]);
        expect((await ask(client, [2, 50], claim)).status).toBe(Status.SUCCESS);
        const again = await ask((client + 1) % CLIENTS, [2, 50], claim);
        expect(again.status).toBe(Status.TICKET_CLAIMED_ALREADY);
      }
    }
    await vi.waitFor(async () => {
      const received = await receivedByWorker();
      expect(received).toHaveLength(2);
      expect(Math.min(...received)).toBeGreaterThan(0);
      expect(received.reduce((sum, one) => sum + one, 0)).toBe(CLIENTS * (1 + 2 * CLIENTS));
    }, SOON);
  });
});
