import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { openDigests } from '@andvari/host-common/raida/digests';
import { newLockerCode } from '@andvari/host-common/raida/locker-code';
import { systemRandom } from '@andvari/host-common/raida/new-numbers';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { MemoryWalletStore } from '@andvari/host-common/raida/wallet-store';
import { parseRatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLogger } from '../log/logger.ts';
import { SocketTransport } from '../raida/socket-transport.ts';
import { signerOf, TestPeer } from '../ratatoskr/testing/test-peer.ts';
import { LocalNetwork } from './local-network.ts';
import { stockedFolder } from './testing/stocked-folder.ts';

// One network for all: what `npm start` runs, on any free ports.
let dataDir = '';
let network: LocalNetwork;
let wallet: Wallet;
let transport: SocketTransport;
let codec: RatatoskrCodec;
const peers: TestPeer[] = [];

const start = () =>
  LocalNetwork.start({
    ...{ dataDir, basePort: 0, httpBasePort: 0, pagePort: 0, ratatoskrPort: 0, wire: 'spec' },
    logger: createLogger({ level: 'silent' }),
  });

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'andvari-demo-'));
  stockedFolder(dataDir);
  network = await start();
  codec = RatatoskrCodec.create({ module: await plainEngine() });
  transport = new SocketTransport(network.socketNetwork.servers);
  const client = new RaidaClient({
    codec: new EngineCodec(await plainEngine(), network.network),
    transport,
  });
  wallet = await Wallet.open({ store: new MemoryWalletStore(), client });
  const response = await fetch(`${network.wallet}/demo/coins`, { method: 'POST' });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { added } = await wallet.importCoins(parseCoinFile(bytes, 'demo.bin'));
  await wallet.takeOwnership(added);
});
afterAll(async () => {
  for (const peer of peers) peer.socket.terminate();
  await transport.close();
  await network.close();
  rmSync(dataDir, { recursive: true });
});

function register(device: string, more = {}, headers: Record<string, string> = {}) {
  const key = Buffer.from(signerOf(device).publicKey).toString('hex');
  const words = new URLSearchParams({ device, user: 'user-1', key, ...more });
  return fetch(`${network.wallet}/demo/device?${words}`, { method: 'POST', headers });
}

async function connected(deviceId: string): Promise<TestPeer> {
  expect((await register(deviceId)).status).toBe(200);
  const { url } = network.ratatoskr;
  const peer = new TestPeer(url, { deviceId, userId: 'user-1', codec });
  peers.push(peer);
  await peer.opened;
  expect(await peer.ask(peer.connectionRequest())).toMatchObject({ success: true });
  return peer;
}

/** The answer of a service, or the code of its failure. */
async function call(peer: TestPeer, words: object, requestId = randomUUID() as string) {
  const payload = new TextEncoder().encode(JSON.stringify(words));
  const answer = await peer.ask(peer.request({ payload, requestId }));
  if (!answer.success) return { code: answer.errorCode };
  return JSON.parse(new TextDecoder().decode(answer.payload));
}

/** A locker with coins of these denominations. */
async function lockerWith(...denominations: number[]): Promise<string> {
  const free = wallet.coins().filter(({ place }) => place === 'wallet');
  const ids = denominations.map((one) => free.find((c) => c.denomination === one)?.id ?? 0);
  const { code, locked } = await wallet.lock(ids);
  expect(locked).toHaveLength(denominations.length);
  return code;
}

describe('the endpoint of a demo network', () => {
  it('is in the description, and may be reached by the page', async () => {
    const response = await fetch(`${network.wallet}/network.json`);
    const address = parseRatatoskrAddress(await response.json());
    expect(address).toEqual(network.ratatoskr);
    // Where there is no QUIC there is WebSocket alone.
    if (address?.webTransport) expect(address.webTransport.certificateHashes).toHaveLength(2);
    const [first] = network.nodes;
    const { host, port } = first?.addresses.http ?? { host: '', port: 0 };
    const metrics = await (await fetch(`http://${host}:${port}/metrics`)).text();
    expect(metrics).toMatch(/^andvari_ratatoskr_connections 0$/m);
    const page = await fetch(network.wallet);
    if (page.ok) expect(page.headers.get('content-security-policy')).toContain(address?.url);
  });

  it('takes connections of the page and of programs, and of no other page', async () => {
    const answerTo = (origin?: string) =>
      new Promise((resolve) => {
        const socket = new WebSocket(network.ratatoskr.url, origin ? { origin } : {});
        socket.on('open', () => {
          socket.terminate();
          resolve(101);
        });
        socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode));
      });
    const { port } = new URL(network.wallet);
    for (const origin of [undefined, network.wallet, `http://localhost:${port}`]) {
      expect(await answerTo(origin)).toBe(101);
    }
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'null']) {
      expect(await answerTo(origin)).toBe(403);
    }
  });

  it('registers devices of the page and of programs, and no others', async () => {
    expect((await register('page', {}, { origin: network.wallet })).status).toBe(200);
    expect((await register('evil', {}, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await register('short', { key: 'ab' })).status).toBe(400);
    const zero = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';
    expect((await register('zero', { key: zero })).status).toBe(400);
    // An id cannot change its key.
    const other = Buffer.from(signerOf('other').publicKey).toString('hex');
    expect((await register('page', { key: other })).status).toBe(400);
    const file = readFileSync(join(dataDir, 'ratatoskr/devices.json'), 'utf8');
    expect(JSON.parse(file).devices.map((d: { device_id: string }) => d.device_id)).toEqual([
      'page',
    ]);
  });

  it('trades on the market', async () => {
    const peer = await connected('trader');
    const market = { request_type: 'MARKETPLACE_REQUEST' };
    const offer = { ...market, action: 'offer', title: 'a bridge', price: '1.1' };
    expect(await call(peer, offer)).toMatchObject({ ok: false, error: 'NOT_A_PROVIDER' });
    const registration = { request_type: 'PROVIDER_REGISTRATION', name: 'Trader' };
    expect(await call(peer, registration)).toMatchObject({ ok: true, name: 'Trader' });
    const made = await call(peer, offer);
    const shown = { title: 'a bridge', price: '1.1', provider: 'Trader', taken: false };
    expect(made).toMatchObject({ ok: true, offer: shown });
    expect(await call(peer, {})).toEqual({ ok: true, offers: [made.offer] });
    const take = { ...market, action: 'take', offer_id: made.offer.offer_id };
    expect(await call(peer, take)).toMatchObject({ ok: true, offer: { taken: true } });
    expect(await call(peer, take)).toMatchObject({ ok: false, error: 'OFFER_TAKEN' });
    expect(await call(peer, { ...offer, price: '-1' })).toMatchObject({ error: 'INVALID_REQUEST' });
    const wrong = { ...registration, name: 'Trader\n' };
    const other = await connected('other-trader');
    expect(await call(other, wrong)).toMatchObject({ error: 'INVALID_REQUEST' });
    expect(await call(other, registration)).toMatchObject({ error: 'NAME_TAKEN' });
  });

  it('takes a payment once, whatever is repeated, also after a restart', async () => {
    const payer = await connected('payer');
    const code = await lockerWith(0, -1);
    const payment = { request_type: 'PAYMENT_REQUEST', locker_code: code, amount: '1.1' };
    expect(await call(payer, { ...payment, amount: '1.2' })).toMatchObject({
      ...{ ok: false, error: 'TOO_LITTLE', found: '1.1' },
    });
    expect(await call(payer, { ...payment, amount: '1' })).toMatchObject({
      ...{ ok: false, error: 'TOO_MUCH', found: '1.1' },
    });
    const requestId = randomUUID();
    const paid = await call(payer, payment, requestId);
    expect(paid).toMatchObject({ ok: true, taken: '1.1', coins: 2 });
    expect(await call(payer, payment, requestId)).toEqual(paid);
    expect(await call(payer, payment)).toMatchObject({ ok: false, error: 'LOCKER_USED' });
    expect((await wallet.peek(code)).empty).toBe(true);
    await network.close();
    network = await start();
    const again = await connected('payer');
    expect(await call(again, payment, requestId)).toEqual(paid);
  });

  it('says clearly what is wrong with a locker', async () => {
    const payer = await connected('payer');
    const pay = (locker_code: unknown) =>
      call(payer, { request_type: 'PAYMENT_REQUEST', locker_code });
    expect(await pay('K7QM-2XRA-9TWE-5HDB-3C7G')).toMatchObject({ error: 'WRONG_CODE' });
    expect(await pay(5)).toMatchObject({ error: 'INVALID_REQUEST' });
    const unused = newLockerCode(systemRandom, await openDigests());
    expect(await pay(unused)).toMatchObject({ ok: false, error: 'EMPTY_LOCKER' });
  });
});
