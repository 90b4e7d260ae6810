/**
 * Clients whose server is killed under them and started again, as processes: they come back by
 * themselves, and what they asked for is done once or not at all. What the server's files say after
 * it: host-node/src/ratatoskr/restart.test.ts.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RatatoskrAddress } from '../../host-common/src/ratatoskr/address.ts';
import type { ClientTransport } from '../../host-common/src/ratatoskr/client/client-channel.ts';
import { RatatoskrClient } from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import { writeDevices } from '../../host-node/src/ratatoskr/device-file.ts';
import { NodeEd25519Signer } from '../../host-node/src/ratatoskr/node-ed25519.ts';
import { signerOf } from '../../host-node/src/ratatoskr/testing/test-peer.ts';
import { WsClientTransport } from '../../host-node/src/ratatoskr/ws-client-transport.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { bytes, idOf, text } from './scripted-server.ts';

const PROGRAM = new URL(
  '../../host-node/src/ratatoskr/testing/endpoint-process.ts',
  import.meta.url,
);
const LONG = Boolean(process.env.ANDVARI_LONG);
const KILLS = LONG ? 6 : 1;
/**
 * A connection that lasts less than 10 s does not shorten the next wait, so the sixth kill in a row
 * may find a client that comes back after 30 s.
 */
const CALL_TIMEOUT_MS = LONG ? 120_000 : 60_000;
const TIMEOUT_MS = LONG ? 200_000 : 120_000;
const DEVICES = ['a', 'b', 'c'];
const CALLS = 40;

let folder = '';
let url = '';
let child: ChildProcess | undefined;
const clients: RatatoskrClient[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-killed-'));
  const device = (deviceId: string) => {
    const { publicKey } = signerOf(deviceId);
    return { deviceId, publicKey, userIds: new Set(['u']), revoked: false };
  };
  writeDevices(join(folder, 'devices.json'), DEVICES.map(device));
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await kill();
  rmSync(folder, { recursive: true });
});

async function startServer(): Promise<void> {
  const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc'];
  child = fork(PROGRAM, [folder], { execArgv: [], stdio });
  const [address] = (await once(child, 'message')) as [RatatoskrAddress];
  ({ url } = address);
}

async function kill(): Promise<void> {
  const killed = child;
  child = undefined;
  if (!killed) return;
  const ended = once(killed, 'exit');
  killed.kill('SIGKILL');
  await ended;
}

/** To wherever the server is now. */
const transport: ClientTransport = {
  name: 'websocket',
  connect: (events, signal) => new WsClientTransport({ url }).connect(events, signal),
};

async function connect(deviceId: string): Promise<RatatoskrClient> {
  const seed = Buffer.from(readFileSync(join(folder, 'server-key'), 'utf8').trim(), 'hex');
  const client = await RatatoskrClient.create({
    transports: [transport],
    ...{ signer: signerOf(deviceId), deviceId, userId: 'u' },
    serverKey: new NodeEd25519Signer(seed).publicKey,
  });
  clients.push(client);
  await client.connect();
  return client;
}

interface Outcome {
  requestId: string;
  /** Or how the call ended without an answer. */
  answer?: string;
  error?: { serverCode?: string; outcome?: string };
}

describe('a server that is killed while clients call', () => {
  it('has them back, and nothing was done twice', { timeout: TIMEOUT_MS }, async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    await startServer();
    const fleet = await Promise.all(DEVICES.map(connect));
    const ended: Promise<Outcome>[] = [];
    let answers = 0;
    const call = (client: RatatoskrClient, requestId: string) => {
      const payload = bytes(JSON.stringify({ waitMs: random(20) }));
      const options = { requestId, timeoutMs: CALL_TIMEOUT_MS };
      const told = client.call(payload, options).then(
        (answer) => ({ requestId, answer: text(answer.payload) }),
        (error) => ({ requestId, error }),
      );
      void told.then(() => answers++);
      ended.push(told);
    };
    for (let run = 0; run < KILLS; run++) {
      const before = answers;
      for (const client of fleet) {
        for (let n = 0; n < CALLS; n++) call(client, idOf(ended.length));
      }
      const share = 1 + random(CALLS * DEVICES.length - 2);
      while (answers - before < share) await new Promise((resolve) => setTimeout(resolve, 1));
      await kill();
      await startServer();
    }
    const outcomes = await Promise.all(ended);
    for (const client of fleet) {
      const back = await client.call(bytes(JSON.stringify({ waitMs: 0 })));
      expect(JSON.parse(text(back.payload))[1], `seed ${seed}`).toBe(child?.pid);
    }
    const executed = readFileSync(join(folder, 'executed'), 'utf8').trimEnd().split('\n');
    expect(new Set(executed).size, `seed ${seed}`).toBe(executed.length);
    for (const { requestId, answer, error } of outcomes) {
      if (answer !== undefined) {
        expect(JSON.parse(answer)[0], `seed ${seed}`).toBe(requestId);
        expect(executed, `seed ${seed}`).toContain(requestId);
      } else {
        // It had begun when the end came: nobody knows, and the client is told just that.
        const unknown = { serverCode: 'SERVICE_UNAVAILABLE', outcome: 'unknown' };
        expect(error, `seed ${seed}, ${requestId}`).toMatchObject(unknown);
      }
    }
    const unknown = outcomes.filter(({ error }) => error).length;
    // At most what the server had under way at once.
    expect(unknown, `seed ${seed}`).toBeLessThanOrEqual(KILLS * 32 * DEVICES.length);
  });
});
