/** What the client in Chromium shows of a server that is killed, or falls silent. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { writeDevices } from '@andvari/host-node/ratatoskr/device-file';
import { NodeEd25519Signer } from '@andvari/host-node/ratatoskr/node-ed25519';
import { quicAvailable } from '@andvari/host-node/webtransport/testing/quic-client';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumArgs } from '../../scripts/chromium.mjs';
import { ClientPage } from './client-page.ts';

const PROGRAM = new URL(
  '../../host-node/src/ratatoskr/testing/endpoint-process.ts',
  import.meta.url,
);
const seed = new Uint8Array(32).fill(9);

type Carrier = 'websocket' | 'webtransport';

let browser: Browser;
let website: ClientPage;
let page: Page;
let folder = '';
let server: ChildProcess;

beforeAll(async () => {
  const args = chromiumArgs.filter((argument) => argument !== '--disable-quic');
  browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] as string, args });
  website = await ClientPage.serve();
});
afterAll(async () => {
  website?.close();
  await browser?.close();
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-dead-'));
  const { publicKey } = new NodeEd25519Signer(seed);
  const device = { deviceId: 'page', publicKey, userIds: new Set(['ann']), revoked: false };
  writeDevices(join(folder, 'devices.json'), [device]);
  page = await (await browser.newContext()).newPage();
});
afterEach(async () => {
  await page.context().close();
  const ended = server.exitCode === null && server.signalCode === null && once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
  rmSync(folder, { recursive: true });
});

const hex = (text: string) => [...Buffer.from(text, 'hex')];

async function connect(carrier: Carrier): Promise<void> {
  const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc'];
  const origin = new URL(website.url).origin;
  server = fork(PROGRAM, [folder, origin], { execArgv: [], stdio });
  const [address] = (await once(server, 'message')) as [RatatoskrAddress];
  const { url, webTransport, serverKey } = address;
  await website.open(page, {
    ...(carrier === 'websocket' ? { webSocketUrl: url } : { webTransportUrl: webTransport?.url }),
    certificateHashes: (webTransport?.certificateHashes ?? []).map(hex),
    serverKey: hex(serverKey ?? ''),
    seed: [...seed],
    deviceId: 'page',
  } as Parameters<ClientPage['open']>[1]);
  await page.evaluate(() => globalThis.client.connect());
}

/** Milliseconds until the client in the page says so. */
async function until(words: { state: string; answering: boolean }): Promise<number> {
  const startMs = performance.now();
  const wanted = `${words.state} ${words.answering}`;
  const options = { timeout: 60_000, polling: 20 };
  await page.waitForFunction(
    (text) => {
      const { state, answering } = globalThis.client.status();
      return `${state} ${answering}` === text;
    },
    wanted,
    options,
  );
  return performance.now() - startMs;
}

const callInPage = () =>
  page.evaluate(() => {
    const payload = new TextEncoder().encode('{"waitMs":0}');
    void globalThis.client.call(payload).then(
      () => Object.assign(globalThis, { answered: true }),
      () => undefined,
    );
  });

const carriers: Carrier[] = quicAvailable ? ['websocket', 'webtransport'] : ['websocket'];

describe.each(carriers)('a server of the client in Chromium over %s', (carrier) => {
  it('that is killed shows at once as lost', async () => {
    await connect(carrier);
    server.kill('SIGKILL');
    // Over WebTransport because this machine tells that nobody is at the port any more, once
    // something goes there.
    if (carrier === 'webtransport') await callInPage();
    expect(await until({ state: 'waiting', answering: true })).toBeLessThan(5_000);
  });

  it('that falls silent shows as not answering, is left, and found again', async () => {
    await connect(carrier);
    server.kill('SIGSTOP');
    await callInPage();
    const doubtMs = await until({ state: 'online', answering: false });
    expect(doubtMs).toBeGreaterThan(2_000);
    expect(doubtMs).toBeLessThan(6_000);
    expect(await until({ state: 'waiting', answering: true })).toBeLessThan(13_000);
    server.kill('SIGCONT');
    await page.waitForFunction(() => (globalThis as { answered?: true }).answered);
    await until({ state: 'online', answering: true });
  });
});

it.runIf(quicAvailable)('WebTransport tells of a silent server, though nobody asks', async () => {
  await connect('webtransport');
  server.kill('SIGSTOP');
  const shownMs = await until({ state: 'waiting', answering: true });
  expect(shownMs).toBeGreaterThan(5_000);
  expect(shownMs).toBeLessThan(18_000);
});
