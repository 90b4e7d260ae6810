/** The wallet page as a peer of the servers of a network, under the policy it is served with. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PageServer } from '@andvari/host-node/http/page-server';
import { createLogger } from '@andvari/host-node/log/logger';
import { NETWORK, PeerMesh } from '@andvari/host-node/network/peer-mesh';
import { countRoot } from '@andvari/host-node/network/peer-status';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WalletPage } from './wallet-page.ts';
import { PASSPHRASE } from './wallet-place.ts';
import { leaveBrowser, workerBrowser } from './worker-browser.ts';

const COUNT = 3;
const own = { version: '20261121', ready: true, coins: 105, countRoot: countRoot([105]) };

const short = own.countRoot.slice(0, 8);

let directory = '';
let browser: Browser;
let mesh: PeerMesh;
let server: PageServer;
let wallet: WalletPage;
let telling: NodeJS.Timeout;
/** Peers that the servers let in when they are asked. */
const registered: string[] = [];

const tile = (raidaId: number) => wallet.hook('own-peer').nth(raidaId);
const text = async (name: string) => (await wallet.hook(name).textContent())?.trim();

async function openPanel(): Promise<void> {
  await wallet.hook('peers').click();
  await wallet.hook('peer-id').waitFor();
}

async function connect(words: Partial<Record<'address' | 'key' | 'network', string>> = {}) {
  for (const [name, value] of Object.entries(words)) {
    await wallet.hook(`peer-${name}`).and(wallet.page.locator('input')).fill(value);
  }
  await wallet.hook('peer-connect').click();
  await wallet.page.locator('[data-testid="peer-panel"][data-asking="false"]').waitFor();
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-peer-page-'));
  const ports = new Array<number>(COUNT).fill(0);
  const folders = ports.map((_, n) => join(directory, `raida-${n}`));
  mesh = await PeerMesh.start({ folders, ports, websocketPorts: ports });
  server = new PageServer({
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ level: 'silent' }),
    takeDemoCoins: () => ({ name: 'none', bytes: new Uint8Array() }),
    registerDemoPeer: async ({ peerId, key }) => {
      registered.push(peerId);
      mesh.admit(peerId, key);
    },
  });
  const { port } = await server.open();
  const nodes = mesh.addresses.map(({ raidaId, websocket = '', key }) => {
    return { raidaId, address: websocket, key };
  });
  // The page looks for its servers there, and finds none.
  const servers = [{ raidaId: 0, url: `ws://127.0.0.1:${port}/raida` }];
  const peers = () => mesh.rows();
  const peerNetwork = { ...NETWORK, nodes };
  server.publish({ wire: 'spec', coinId: 6, servers }, { peers, peerNetwork });
  telling = setInterval(() => {
    void mesh.tell(ports.map((_, n) => ({ ...own, load: n })));
  }, 200);
  browser = await workerBrowser();
  wallet = await WalletPage.open(browser, server.origins[0] ?? '');
  await wallet.createPassphrase(PASSPHRASE);
  await openPanel();
});
afterAll(async () => {
  clearInterval(telling);
  await leaveBrowser(browser);
  await server?.close();
  await mesh?.stop();
  rmSync(directory, { recursive: true });
});

describe('the wallet page as a peer', () => {
  it('loads nothing for it before its part of the page is opened', async () => {
    const other = await WalletPage.open(browser, server.origins[0] ?? '');
    const loaded: string[] = [];
    other.page.on('request', (request) => loaded.push(request.url()));
    await other.createPassphrase(PASSPHRASE);
    await other.hook('peers').waitFor();
    expect(loaded.filter((url) => url.includes('peer'))).toEqual([]);
    await other.close();
  });

  it('verifies the server that it is offered, and shows what that tells of itself', async () => {
    const peerId = (await text('peer-id')) ?? '';
    expect(peerId).toMatch(/^12D3KooW/);
    await connect();
    await expect.poll(() => text('peer-summary')).toBe('1 of 1 verified.');
    expect(registered).toEqual([peerId]);
    expect(await tile(0).getAttribute('data-peer')).toBe(mesh.addresses[0]?.peerId);
    const shown = async () => (await tile(0).textContent()) ?? '';
    const told = `0\\s*verified\\s*20261121\\s*coin count root ${short}\\s*0/s\\s*\\d+ s ago`;
    await expect.poll(shown).toMatch(new RegExp(told));
    expect(await mesh.ask(0, { command: 'list' })).toMatchObject({
      peers: expect.arrayContaining([expect.objectContaining({ peerId, isVerified: true })]),
    });
  });

  it('verifies all of them, and each speaks of itself', async () => {
    await wallet.hook('peer-connect-all').click();
    await expect.poll(() => text('peer-summary')).toBe(`${COUNT} of ${COUNT} verified.`);
    const panel = wallet.hook('peer-panel');
    await panel.locator('summary').click();
    await expect.poll(() => panel.locator('dt').last().textContent()).toBe('Servers 0-2');
    expect(await panel.locator('code').textContent()).toBe(own.countRoot);
    for (let raidaId = 0; raidaId < COUNT; raidaId++) {
      const shown = async () => (await tile(raidaId).textContent()) ?? '';
      await expect
        .poll(shown)
        .toMatch(new RegExp(`20261121\\s*coin count root ${short}\\s*${raidaId}/s`));
    }
  });

  it('is the same peer after a reload', async () => {
    const before = await text('peer-id');
    await wallet.page.reload();
    await wallet.unlock(PASSPHRASE);
    await openPanel();
    expect(await text('peer-id')).toBe(before);
    expect(await text('peer-summary')).toBe('This page is connected to no peer.');
  });

  it('says why a peer is not verified: another key, another network', async () => {
    const [first, second] = mesh.addresses;
    await connect({ key: second?.key ?? '' });
    const failure = () => text('peer-failure');
    await expect.poll(failure).toMatch(/^Server 0 failed: It is banned here: its key is not/);
    await connect({ key: first?.key ?? '', network: 'andvari/elsewhere' });
    await expect
      .poll(failure)
      .toBe('Server 0 failed: It is a peer of another network, or of another version.');
    await connect({ network: `${NETWORK.networkName}/${NETWORK.instanceId}` });
    await expect.poll(() => text('peer-summary')).toBe('1 of 1 verified.');
    await wallet.hook('peer-disconnect').click();
    await expect.poll(() => text('peer-summary')).toBe('This page is connected to no peer.');
    await expect.poll(() => mesh.rows().map(({ verified }) => verified)).toEqual([2, 2, 2]);
  });

  it.each([
    ['no peer id', '/ip4/127.0.0.1/tcp/1/ws', /ends with the id of the peer/],
    ['no WebSocket', '/ip4/127.0.0.1/tcp/1/p2p/ID', /by WebSocket alone/],
    ['what the policy does not name', '/ip4/192.0.2.7/tcp/1/ws/p2p/ID', /--connect ws:\/\/192/],
  ])('refuses an address with %s', async (_, address, words) => {
    const { peerId = '' } = mesh.addresses[0] ?? {};
    await connect({ address: address.replace('ID', peerId) });
    await expect.poll(() => text('peer-words')).toMatch(words);
    expect(wallet.complaints.filter((line) => !/WebSocket connection to/.test(line))).toEqual([]);
  });
});
