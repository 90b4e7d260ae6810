import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { RaidaTransport } from '@andvari/host-common/raida/transport';
import { WebSocketTransport } from '@andvari/host-common/raida/websocket-transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from './log/logger.ts';
import { AndvariNode, type NodeOptions } from './node.ts';
import { SocketTransport } from './raida/socket-transport.ts';
import { StoreClient } from './store/store-client.ts';
import { keptPorts } from './testing/ports.ts';

const LOCAL = { host: '127.0.0.1', port: 0 };
const closers: (() => unknown)[] = [];
let directory = '';
let storeThread: StoreClient;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-node-'));
  storeThread = new StoreClient();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await storeThread.close();
  rmSync(directory, { recursive: true });
});

async function start(options: Partial<NodeOptions> = {}): Promise<AndvariNode> {
  const node = await AndvariNode.start(
    {
      listen: LOCAL,
      raidaId: 3,
      coinId: 6,
      wire: 'spec',
      modern: false,
      pagesPerDenomination: 4,
      storeUrl: `sqlite:${join(directory, 'coins.db')}`,
      dataDir: directory,
      http: { listen: LOCAL, origins: ['none'] },
      ...options,
    },
    { storeThread, logger: createLogger({ level: 'silent' }) },
  );
  closers.push(() => node.close());
  return node;
}

async function echo(transport: RaidaTransport, payloadBytes: number): Promise<number> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const payload = new Uint8Array(payloadBytes);
  const sealed = codec.seal({ raidaId: 3, group: 0, command: 0, payload });
  closers.push(() => transport.close());
  return sealed.open(await transport.exchange(3, sealed.bytes, { timeoutMs: 2000 })).status;
}

const servers = (url: string) => [{ raidaId: 3, url }];

describe('AndvariNode', () => {
  it('answers over UDP, TCP and WebSocket', async () => {
    const node = await start();
    const { raida, http } = node.addresses;
    const socket = `127.0.0.1:${raida.port}`;
    const transports = [
      new SocketTransport(servers(`udp://${socket}`)),
      new SocketTransport(servers(`tcp://${socket}`)),
      new WebSocketTransport(servers(`ws://127.0.0.1:${http?.port}/raida`)),
    ];
    for (const transport of transports) {
      expect(await echo(transport, 16)).toBe(Status.SUCCESS);
      expect(await echo(transport, 20_000)).toBe(Status.SUCCESS);
    }
    expect(node.statistics.requests).toBe(6);
    expect(node.statistics.lastStatus).toBe(Status.SUCCESS);
    expect(node.statistics.recent(1)[0]).toMatchObject({ group: 0, command: 0 });
    const metrics = await (await fetch(`http://127.0.0.1:${http?.port}/metrics`)).text();
    expect(metrics).toContain('andvari_raida_requests_total{group="0",command="0"} 6');
    expect(metrics).toContain('andvari_raida_coins{denomination="-8"} 0');
  });

  it('closes the WebSocket of a client that sends what is no request', async () => {
    const { addresses } = await start();
    const client = new WebSocket(`ws://127.0.0.1:${addresses.http?.port}/raida`);
    await new Promise((resolve) => client.addEventListener('open', resolve));
    const closed = new Promise<number>((resolve) =>
      client.addEventListener('close', ({ code }) => resolve(code)),
    );
    client.send(new Uint8Array(10));
    expect(await closed).toBe(1007);
  });

  it('is ready until it stops, and then answers nothing', async () => {
    const node = await start();
    const url = `http://127.0.0.1:${node.addresses.http?.port}/readyz`;
    expect((await fetch(url)).status).toBe(200);
    await node.close();
    expect(node.readiness).toEqual({ ready: false, reason: 'the node stops' });
    await expect(fetch(url)).rejects.toThrow();
  });

  it('names the port that is in use, by whichever protocol, and leaves nothing open', async () => {
    const taken = { port: await keptPorts() };
    const tcp = createServer().listen(taken.port, '127.0.0.1');
    await new Promise((resolve) => tcp.once('listening', resolve));
    const inUse = {
      code: 'ANDVARI_PORT_IN_USE',
      message: expect.stringContaining(`${taken.port}`),
    };
    const there = { host: '127.0.0.1', port: taken.port };
    await expect(start({ listen: there })).rejects.toMatchObject(inUse);
    await expect(start({ http: { listen: there, origins: [] } })).rejects.toMatchObject(inUse);

    // The same port, so that nobody else has it over TCP.
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(taken.port, '127.0.0.1', resolve));
    closers.push(() => new Promise<void>((resolve) => udp.close(() => resolve())));
    await new Promise((resolve) => tcp.close(resolve));
    await expect(start({ listen: there })).rejects.toMatchObject({
      code: 'ANDVARI_PORT_IN_USE',
      message: expect.stringMatching(new RegExp(`UDP port ${taken.port} on 127.0.0.1`)),
    });
    // The store, which was open by then, is free again.
    await start();
  });

  it('refuses the store of another server', async () => {
    await (await start()).close();
    await expect(start({ raidaId: 4 })).rejects.toMatchObject({ code: 'ANDVARI_STORE_MISMATCH' });
  });
});
