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
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientPage } from './client-page.ts';
import { leaveBrowser, workerBrowser } from './worker-browser.ts';

const PROGRAM = new URL(
  '../../host-node/src/ratatoskr/testing/endpoint-process.ts',
  import.meta.url,
);
const seed = new Uint8Array(32).fill(9);

type Carrier = 'websocket' | 'webtransport';

let browser: Browser;
let website: ClientPage;
/** Of all tests, which run at once. */
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  browser = await workerBrowser();
  website = await ClientPage.serve();
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  website?.close();
  await leaveBrowser(browser);
});

const hex = (text: string) => [...Buffer.from(text, 'hex')];

/** A server of its own and a page that is connected with it. */
class Connection {
  readonly page: Page;
  readonly server: ChildProcess;

  private constructor(page: Page, server: ChildProcess) {
    this.page = page;
    this.server = server;
  }

  static async open(carrier: Carrier): Promise<Connection> {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-dead-'));
    ends.push(() => rmSync(folder, { recursive: true }));
    const { publicKey } = new NodeEd25519Signer(seed);
    const device = { deviceId: 'page', publicKey, userIds: new Set(['ann']), revoked: false };
    writeDevices(join(folder, 'devices.json'), [device]);
    const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc'];
    const origin = new URL(website.url).origin;
    const server = fork(PROGRAM, [folder, origin], { execArgv: [], stdio });
    const ended = once(server, 'exit');
    ends.push(async () => {
      server.kill('SIGKILL');
      await ended;
    });
    const [address] = (await once(server, 'message')) as [RatatoskrAddress];
    const page = await (await browser.newContext()).newPage();
    ends.push(() => page.context().close());
    const { url, webTransport, serverKey } = address;
    await website.open(page, {
      ...(carrier === 'websocket' ? { webSocketUrl: url } : { webTransportUrl: webTransport?.url }),
      certificateHashes: (webTransport?.certificateHashes ?? []).map(hex),
      serverKey: hex(serverKey ?? ''),
      seed: [...seed],
      deviceId: 'page',
    } as Parameters<ClientPage['open']>[1]);
    await page.evaluate(() => globalThis.client.connect());
    return new Connection(page, server);
  }

  /** Milliseconds until the client in the page says so. */
  async until(words: { state: string; answering: boolean }): Promise<number> {
    const startMs = performance.now();
    const wanted = `${words.state} ${words.answering}`;
    const options = { timeout: 60_000, polling: 20 };
    await this.page.waitForFunction(
      (text) => {
        const { state, answering } = globalThis.client.status();
        return `${state} ${answering}` === text;
      },
      wanted,
      options,
    );
    return performance.now() - startMs;
  }

  async call(): Promise<void> {
    await this.page.evaluate(() => {
      const payload = new TextEncoder().encode('{"waitMs":0}');
      void globalThis.client.call(payload).then(
        () => Object.assign(globalThis, { answered: true }),
        () => undefined,
      );
    });
  }
}

const carriers: Carrier[] = quicAvailable ? ['websocket', 'webtransport'] : ['websocket'];

// All at once: nearly all of their time is silence.
describe.concurrent('a server of the client in Chromium', () => {
  it.each(carriers)('that is killed shows at once as lost: %s', async (carrier) => {
    const one = await Connection.open(carrier);
    one.server.kill('SIGKILL');
    // Over WebTransport because this machine tells that nobody is at the port any more, once
    // something goes there.
    if (carrier === 'webtransport') await one.call();
    expect(await one.until({ state: 'waiting', answering: true })).toBeLessThan(5_000);
  });

  it.each(carriers)('that falls silent is doubted, left, and found again: %s', async (carrier) => {
    const one = await Connection.open(carrier);
    one.server.kill('SIGSTOP');
    await one.call();
    const doubtMs = await one.until({ state: 'online', answering: false });
    expect(doubtMs).toBeGreaterThan(2_000);
    expect(doubtMs).toBeLessThan(10_000);
    expect(await one.until({ state: 'waiting', answering: true })).toBeLessThan(20_000);
    one.server.kill('SIGCONT');
    await one.page.waitForFunction(() => (globalThis as { answered?: true }).answered, null, {
      timeout: 60_000,
    });
    await one.until({ state: 'online', answering: true });
  });

  it.runIf(quicAvailable)('over WebTransport is found silent, though nobody asks', async () => {
    const one = await Connection.open('webtransport');
    one.server.kill('SIGSTOP');
    const shownMs = await one.until({ state: 'waiting', answering: true });
    expect(shownMs).toBeGreaterThan(5_000);
    expect(shownMs).toBeLessThan(30_000);
  });
});
