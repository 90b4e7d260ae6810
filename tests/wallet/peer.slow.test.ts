/** A peer node inside Chromium, and one of Node that listens for WebSockets. */
import { fileURLToPath } from 'node:url';
import { PeerRefusalError } from '@andvari/host-common/peer/peer-answers';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addressOf, NETWORK, startNode } from '../peer/nodes.ts';
import { SkippingClock } from '../peer/skipping-clock.ts';
import { BundlePage } from './bundle-page.ts';
import type { PagePeer, PagePeerOptions, PeerBundle } from './peer-bundle.ts';
import { workerBrowser } from './worker-browser.ts';

declare global {
  // Of the page.
  var peers: PeerBundle;
  var peer: PagePeer;
}

const ENTRY = fileURLToPath(new URL('./peer-bundle.ts', import.meta.url));
const bytes = (text: string) => new TextEncoder().encode(text);

let browser: Browser;
let website: BundlePage;
let page: Page;

/** Opens the page, or opens it anew, with a node; gives what others need to know of it. */
async function startPage(
  node: PeerNode,
  options: Partial<PagePeerOptions> = {},
): Promise<{ key: Uint8Array; peerId: string; addresses: string[] }> {
  await page.goto(website.url);
  await page.waitForFunction(() => globalThis.peers !== undefined);
  const words = { ...NETWORK, whitelist: [[...node.key]], ...options };
  const { key, ...facts } = await page.evaluate(async (all) => {
    globalThis.peer = await globalThis.peers.PagePeer.start(all);
    return globalThis.peer.facts;
  }, words);
  return { ...facts, key: Uint8Array.from(key) };
}

/** Both, and the node lets the page in. */
async function startBoth(): Promise<{ node: PeerNode; pageId: string; address: string }> {
  const node = await startNode(0, { listen: ['ws'], whitelist: [] });
  const { key, peerId } = await startPage(node);
  node.replaceWhitelist([key]);
  return { node, pageId: peerId, address: addressOf(node, 'ws') };
}

const connect = (address: string) =>
  page.evaluate((text) => globalThis.peer.connect(text), address);
const verifiedInPage = () => page.evaluate(() => globalThis.peer.verified);
const verifiedIn = (node: PeerNode) =>
  node.peers().flatMap(({ peerId, isVerified }) => (isVerified ? [peerId] : []));

beforeAll(async () => {
  browser = await workerBrowser();
  website = await BundlePage.serve(ENTRY);
});
afterAll(() => website?.close());
beforeEach(async () => {
  page = await (await browser.newContext()).newPage();
});
afterEach(() => page.context().close());

describe('a page and a node of Node', () => {
  it('verify each other, ask each other, and hear what is told to all', async () => {
    const { node, pageId, address } = await startBoth();
    const heard: string[] = [];
    node.on('message', ({ kind, payload }) => {
      heard.push(`${kind} ${new TextDecoder().decode(payload)}`);
    });
    node.handle('echo', ({ payload }) => payload);
    node.handle('other', ({ payload }) => ({ kind: 'protocol', data: payload }));
    node.handle('none', () => {
      throw new PeerRefusalError(403, 'not you');
    });
    expect(await connect(address)).toBe(node.peerId);
    await expect.poll(() => verifiedIn(node)).toEqual([pageId]);
    expect(await verifiedInPage()).toEqual([node.peerId]);
    const fromPage = (protocol: string) =>
      page.evaluate(
        ([id = '', name = '']) => globalThis.peer.send(id, name, 'page'),
        [node.peerId, protocol],
      );
    expect(await fromPage('echo')).toBe('success page');
    expect(await fromPage('other')).toBe('protocol page');
    expect(await fromPage('none')).toBe('error 403');
    const payload = bytes('node');
    const toPage = (protocol: string) => node.send(pageId, protocol, payload);
    expect(await toPage('echo')).toMatchObject({ kind: 'success', data: payload });
    expect(await toPage('other')).toMatchObject({ kind: 'protocol', data: payload });
    expect(await toPage('none')).toMatchObject({ kind: 'error', code: 403, isLocal: false });
    // Who is verified subscribes after that, and hears nothing of what was told before.
    await expect.poll(async () => (await node.broadcast('news', bytes('of node'))).peers).toBe(1);
    await expect
      .poll(() => page.evaluate(() => globalThis.peer.came.at(-1)))
      .toBe('broadcast news of node');
    await expect
      .poll(() => page.evaluate(() => globalThis.peer.broadcast('news', 'of page')))
      .toBe(1);
    await expect.poll(() => heard.at(-1)).toBe('broadcast of page');
    await page.evaluate(() => globalThis.peer.stop());
    await expect.poll(() => node.peers()).toEqual([]);
  });

  it('stay the same over a reload, keys and bans', async () => {
    const { node, pageId, address } = await startBoth();
    expect(await connect(address)).toBe(node.peerId);
    await page.evaluate(async (id) => {
      globalThis.peer.ban(id);
      await globalThis.peer.stop();
    }, node.peerId);
    const { peerId, addresses } = await startPage(node);
    expect({ peerId, addresses }).toEqual({ peerId: pageId, addresses: [] });
    expect(await page.evaluate(() => globalThis.peer.banned)).toEqual([node.peerId]);
    expect(await connect(address)).toMatch(/^ANDVARI_PEER_REFUSED: .*BANNED/);
    expect(verifiedIn(node)).toEqual([]);
  });
});

describe('nobody is verified', () => {
  it('who is a page that is not on the list', async () => {
    const node = await startNode(0, { listen: ['ws'] });
    const { peerId } = await startPage(node);
    const banned = new Promise<string>((resolve) => {
      node.on('banned', (event) => resolve(event.peerId));
    });
    // The page may have verified the node before it is refused.
    await connect(addressOf(node, 'ws'));
    expect(await banned).toBe(peerId);
    await expect.poll(async () => [node.peers(), await verifiedInPage()]).toEqual([[], []]);
    expect(await connect(addressOf(node, 'ws'))).toMatch(/^ANDVARI_PEER_/);
  });

  it('who is a node that is not on the list of the page', async () => {
    const node = await startNode(0, { listen: ['ws'], whitelist: [] });
    const { key } = await startPage(node, { whitelist: [] });
    node.replaceWhitelist([key]);
    await connect(addressOf(node, 'ws'));
    await expect.poll(() => page.evaluate(() => globalThis.peer.banned)).toEqual([node.peerId]);
    await expect.poll(async () => [node.peers(), await verifiedInPage()]).toEqual([[], []]);
  });

  it('in another network', async () => {
    const node = await startNode(0, { listen: ['ws'], whitelist: [] });
    const { key } = await startPage(node, { instanceId: 'inst-2' });
    node.replaceWhitelist([key]);
    expect(await connect(addressOf(node, 'ws'))).toMatch(/^ANDVARI_PEER_REFUSED/);
    expect(await page.evaluate(() => globalThis.peer.failed)).toEqual(['VERSION']);
    expect(verifiedIn(node)).toEqual([]);
  });

  it('by a handshake of a minute ago', async () => {
    const clock = new SkippingClock();
    const node = await startNode(0, { listen: ['ws'], whitelist: [], clock });
    const { key, peerId } = await startPage(node, { behindMs: 60_000 });
    node.replaceWhitelist([key]);
    const failed = new Promise<unknown>((resolve) => {
      node.on('failed', resolve);
    });
    const connecting = connect(addressOf(node, 'ws'));
    await expect.poll(() => node.peers().length).toBe(1);
    expect(await node.peers()).toMatchObject([{ peerId, isVerified: false }]);
    clock.skip(30_000);
    expect(await failed).toMatchObject({ peerId, reason: 'TIMEOUT' });
    expect(await connecting).toMatch(/^ANDVARI_PEER_REFUSED/);
    expect(await verifiedInPage()).toEqual([]);
  });
});

describe('what a browser cannot do', () => {
  it('is refused in one sentence: to listen, and to dial what is no WebSocket', async () => {
    const node = await startNode(0, { listen: ['tcp'] });
    await startPage(node);
    expect(await page.evaluate(() => globalThis.peers.listen())).toBe(
      'ANDVARI_PEER_BROWSER: listen: a browser cannot listen, it dials the peers it is told',
    );
    expect(await connect(addressOf(node, 'tcp'))).toBe(
      'ANDVARI_PEER_UNREACHABLE: a browser reaches WebSocket addresses alone (/ws or /wss)',
    );
  });
});
