import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { CoinKeys } from '@andvari/host-common/raida/coin';
import { parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { parseNetwork } from '@andvari/host-common/raida/network';
import { WebSocketTransport } from '@andvari/host-common/raida/websocket-transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLogger } from '../log/logger.ts';
import { SocketTransport } from '../raida/socket-transport.ts';
import { keptPorts } from '../testing/ports.ts';
import { LocalNetwork, type LocalNetworkOptions } from './local-network.ts';
import { stockedFolder } from './testing/stocked-folder.ts';

const closers: (() => unknown)[] = [];
let dataDir = '';

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'andvari-network-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(dataDir, { recursive: true });
});

async function start(options: Partial<LocalNetworkOptions> = {}): Promise<LocalNetwork> {
  const network = await LocalNetwork.start({
    dataDir,
    basePort: 0,
    httpBasePort: 0,
    pagePort: 0,
    ratatoskrPort: 0,
    wire: 'spec',
    logger: createLogger({ level: 'silent' }),
    ...options,
  });
  closers.push(() => network.close());
  return network;
}

async function demoCoins(network: LocalNetwork): Promise<CoinKeys[]> {
  const response = await fetch(`${network.wallet}/demo/coins`, { method: 'POST' });
  expect(response.status).toBe(200);
  return parseCoinFile(new Uint8Array(await response.arrayBuffer()), 'demo.bin').coins;
}

async function clientOf(network: LocalNetwork, way: 'ws' | 'udp'): Promise<RaidaClient> {
  const transport =
    way === 'ws'
      ? new WebSocketTransport(network.network.servers)
      : new SocketTransport(network.socketNetwork.servers);
  closers.push(() => transport.close());
  const codec = new EngineCodec(await plainEngine(), network.network);
  return new RaidaClient({ codec, transport });
}

const passes = (answers: { status: string }[][]) =>
  answers.map((lights) => lights.filter((light) => light.status === 'pass').length);

describe('LocalNetwork', () => {
  it.each(['spec', 'legacy'] as const)('finds its demo coins authentic (%s)', async (wire) => {
    const network = await start({ wire });
    const coins = await demoCoins(network);
    for (const way of ['ws', 'udp'] as const) {
      const client = await clientOf(network, way);
      expect(passes(await client.detect(coins))).toEqual([25, 25, 25, 25, 25, 25]);
    }
    const forged = coins.map((coin) => ({
      ...coin,
      authenticationNumbers: coin.authenticationNumbers.map((byte) => byte ^ 1),
    }));
    const client = await clientOf(network, 'udp');
    expect(passes(await client.detect(forged))).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('has a relay for its page, for programs, and for no other page', async () => {
    stockedFolder(dataDir);
    const { wallet, relay } = await start({ relayPort: 0 });
    const told = (await (await fetch(`${wallet}/network.json`)).json()) as { relay: string };
    expect(told.relay).toBe(relay);
    const statusFor = (origin?: string) =>
      new Promise((resolve) => {
        const socket = new WebSocket(told.relay, origin ? { origin } : {});
        socket.on('open', () => socket.close());
        socket.on('close', () => resolve(101));
        socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode));
        socket.on('error', () => {});
      });
    expect(await Promise.all([wallet, undefined, 'http://evil.example'].map(statusFor))).toEqual([
      101, 101, 403,
    ]);
  });

  it('describes itself to the page and keeps what was powned over a restart', async () => {
    stockedFolder(dataDir);
    const first = await start();
    const described = await (await fetch(`${first.wallet}/network.json`)).text();
    expect(parseNetwork(described)).toEqual(first.network);
    expect(JSON.parse(described).demo).toBe(true);
    expect(JSON.parse(described)).not.toHaveProperty('relay');
    const coins = await demoCoins(first);
    const powned = coins.map((coin) => ({
      ...coin,
      proposedNumbers: crypto.getRandomValues(new Uint8Array(400)),
    }));
    const client = await clientOf(first, 'ws');
    expect(passes(await client.pown(powned))).toEqual([25, 25, 25, 25, 25, 25]);
    await first.close();

    const second = await start();
    const again = await clientOf(second, 'udp');
    expect(passes(await again.detect(coins))).toEqual([0, 0, 0, 0, 0, 0]);
    const owned = powned.map(({ proposedNumbers, ...coin }) => ({
      ...coin,
      authenticationNumbers: proposedNumbers,
    }));
    expect(passes(await again.detect(owned))).toEqual([25, 25, 25, 25, 25, 25]);
    const next = await demoCoins(second);
    expect(next[0]?.serialNumber).not.toBe(coins[0]?.serialNumber);
    expect(passes(await again.detect(next))).toEqual([25, 25, 25, 25, 25, 25]);
    expect(second.nodes[3]?.coins).toBe(6 * 1024);
  });

  it('keeps its seed to itself', async () => {
    await start();
    expect(statSync(join(dataDir, 'network.json')).mode & 0o777).toBe(0o600);
  });

  it('makes the demo coins again when the first start was interrupted', async () => {
    await (await start()).close();
    const path = join(dataDir, 'network.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('true', 'false'));
    rmSync(join(dataDir, 'raida-11.db'));
    const network = await start();
    const client = await clientOf(network, 'udp');
    expect(passes(await client.detect(await demoCoins(network)))).toEqual([25, 25, 25, 25, 25, 25]);
  });

  it('refuses a state that it does not understand, without a word of its content', async () => {
    writeFileSync(join(dataDir, 'network.json'), '{"format":1,"demoSeed":"c0ffee","stocked":true}');
    await expect(start()).rejects.toMatchObject({ code: 'ANDVARI_NETWORK_STATE' });
    await expect(start()).rejects.not.toThrow(/c0ffee/);
  });

  it('refuses a second network on the same folder', async () => {
    stockedFolder(dataDir);
    const first = await start();
    await expect(start()).rejects.toMatchObject({ code: 'ANDVARI_STORE_BUSY' });
    const client = await clientOf(first, 'udp');
    expect(passes(await client.detect(await demoCoins(first)))).toEqual([25, 25, 25, 25, 25, 25]);
  });

  it('starts nothing when one port is taken, and names it', async () => {
    stockedFolder(dataDir);
    // Only this one of the 25 is taken.
    const port = (await keptPorts(25)) + 12;
    const taken = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve, reject) => taken.once('listening', resolve).once('error', reject));
    closers.push(() => new Promise((resolve) => taken.close(resolve)));
    const failure = { code: 'ANDVARI_PORT_IN_USE', message: expect.stringContaining(`${port}`) };
    await expect(start({ pagePort: port })).rejects.toMatchObject(failure);
    await expect(start({ basePort: port - 12 })).rejects.toMatchObject(failure);
    await start();
  });
});
