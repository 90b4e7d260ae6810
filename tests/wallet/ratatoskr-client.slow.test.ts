/** The Ratatoskr client inside Chromium, against the real server, over wss and WebTransport. */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpServer } from '@andvari/host-node/http/http-server';
import { createLogger } from '@andvari/host-node/log/logger';
import { writeDevices } from '@andvari/host-node/ratatoskr/device-file';
import { RatatoskrEndpoint } from '@andvari/host-node/ratatoskr/endpoint';
import { NodeEd25519Signer } from '@andvari/host-node/ratatoskr/node-ed25519';
import type { Service } from '@andvari/host-node/ratatoskr/service-bus';
import { certificates } from '@andvari/host-node/ratatoskr/testing/certificates';
import { filesIn } from '@andvari/host-node/ratatoskr/testing/endpoint-files';
import { keptPorts, onceFree } from '@andvari/host-node/testing/ports';
import { SelfMadeCertificates } from '@andvari/host-node/webtransport/certificates';
import { quicAvailable } from '@andvari/host-node/webtransport/testing/quic-client';
import { type Browser, chromium, type Page } from 'playwright-core';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumArgs } from '../../scripts/chromium.mjs';
import { ClientPage } from './client-page.ts';

const [{ cert, key }] = certificates;
const seed = new Uint8Array(32).fill(9);
const logger = createLogger({ level: 'silent' });
/** SHA-256 of the key in the certificate: what Chromium is told to trust. */
const spki = createHash('sha256')
  .update(
    new X509Certificate(cert).publicKey.export({
      format: 'der',
      type: 'spki',
    }),
  )
  .digest('base64');

/** As one that an authority has signed: it has no hash to serve. */
const signed = { cert, key, hash: new Uint8Array(32) };
const authority = { current: () => signed, hashes: () => [] };

type Carrier = 'websocket' | 'webtransport';

/** Counts what it executes; `slow` waits until it is released. */
class Counter implements Service {
  readonly name = 'counter';
  readonly runs: string[] = [];
  readonly waiting: (() => void)[] = [];

  async handle({ payload }: { payload: Uint8Array }): Promise<Uint8Array> {
    const word = new TextDecoder().decode(payload.subarray(0, 20));
    this.runs.push(word);
    if (word === 'slow') await new Promise<void>((resolve) => this.waiting.push(resolve));
    return payload;
  }
}

let browser: Browser;
let website: ClientPage;
let page: Page;
let folder = '';
let endpoint: RatatoskrEndpoint;
let counter: Counter;
let selfMade = new SelfMadeCertificates(['127.0.0.1'], Date.now());

function start(carrier: Carrier, port: number): Promise<RatatoskrEndpoint> {
  return RatatoskrEndpoint.start(
    {
      listen: { host: '127.0.0.1', port },
      origins: [new URL(website.url).origin],
      ...(carrier === 'websocket' ? { certificate: () => authority } : { webTransport: selfMade }),
      files: filesIn(folder),
      services: () => ({ routes: new Map(), fallback: counter }),
    },
    { logger },
  );
}

async function restart(carrier: Carrier): Promise<void> {
  endpoint = await onceFree(() => start(carrier, endpoint.address.port));
}

async function connect(carrier: Carrier, more: { hashesUrl?: string } = {}): Promise<void> {
  const { address, server, webTransport } = endpoint;
  const at = `127.0.0.1:${address.port}/ratatoskr`;
  await website.open(page, {
    ...(carrier === 'websocket'
      ? { webSocketUrl: `wss://${at}` }
      : { webTransportUrl: `https://127.0.0.1:${webTransport?.address.port}/ratatoskr` }),
    certificateHashes: (webTransport?.certificateHashes ?? []).map((hash) => [...hash]),
    serverKey: [...(server.publicKey as Uint8Array)],
    seed: [...seed],
    deviceId: 'page',
    ...more,
  });
  await page.evaluate(() => globalThis.client.connect());
}

/** Calls in the page; gives the answers, or the errors' codes, in the order of the words. */
const call = (words: string[]): Promise<string[]> =>
  page.evaluate(
    (list) =>
      Promise.all(
        list.map((word) =>
          globalThis.client.call(new TextEncoder().encode(word)).then(
            ({ payload, signed }) => `${new TextDecoder().decode(payload)} ${signed}`,
            (error) => `${error.serverCode ?? error.code} ${error.outcome}`,
          ),
        ),
      ),
    words,
  );

const until = (state: string) =>
  page.waitForFunction((wanted) => globalThis.client.status().state === wanted, state);

beforeAll(async () => {
  const args = chromiumArgs.filter((argument) => argument !== '--disable-quic');
  args.push(`--ignore-certificate-errors-spki-list=${spki}`);
  browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] as string, args });
  website = await ClientPage.serve();
});
afterAll(async () => {
  website?.close();
  await browser?.close();
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-ratatoskr-'));
  counter = new Counter();
  const { publicKey } = new NodeEd25519Signer(seed);
  const device = { deviceId: 'page', publicKey, userIds: new Set(['ann']), revoked: false };
  writeDevices(join(folder, 'devices.json'), [device]);
  page = await (await browser.newContext()).newPage();
});
afterEach(async () => {
  await page.context().close();
  await endpoint.close();
  rmSync(folder, { recursive: true });
});

const carriers: Carrier[] = quicAvailable ? ['websocket', 'webtransport'] : ['websocket'];

describe.each(carriers)('the client in Chromium over %s', (carrier) => {
  beforeEach(async () => {
    endpoint = await start(carrier, await keptPorts());
    await connect(carrier);
  });

  it('has its answers in any order, the longest message included', async () => {
    expect(await page.evaluate(() => globalThis.client.status().transport)).toBe(carrier);
    const calls = call(['slow', 'a', 'b']);
    await expect.poll(() => counter.runs.length).toBe(3);
    counter.waiting[0]?.();
    expect(await calls).toEqual(['slow true', 'a true', 'b true']);
    const length = await page.evaluate(async () => {
      const { payload } = await globalThis.client.call(new Uint8Array(1_048_576).fill(65));
      return payload.every((byte) => byte === 65) ? payload.length : 0;
    });
    expect(length).toBe(1_048_576);
    await page.evaluate(() => globalThis.client.close());
  });

  it('comes back to a server that was away; nothing is executed twice', async () => {
    const cut = call(['slow']);
    await expect.poll(() => counter.runs).toEqual(['slow']);
    await endpoint.close();
    await until('waiting');
    const queued = call(['a', 'b']);
    await restart(carrier);
    expect(await queued).toEqual(['a true', 'b true']);
    // It had begun when the server ended, so nobody knows; and it is not begun again.
    expect((await cut)[0]).toMatch(/unknown$/);
    expect(counter.runs).toEqual(['slow', 'a', 'b']);
  });
});

describe.runIf(quicAvailable)('the certificates of WebTransport', () => {
  let http: HttpServer;
  let hashesUrl = '';

  beforeEach(async () => {
    endpoint = await start('webtransport', await keptPorts());
    http = new HttpServer({
      listen: { host: '127.0.0.1', port: 0 },
      raida: { submit: () => false },
      readiness: () => ({ ready: true }),
      registry: new Registry(),
      logger,
      origins: [],
      ratatoskr: {
        origins: [new URL(website.url).origin],
        describe: (host) => endpoint.describe(host),
      },
    });
    hashesUrl = `http://127.0.0.1:${(await http.open()).port}/ratatoskr.json`;
  });
  afterEach(() => http.close());

  it('are asked for: after a restart with others, and after two changes', async () => {
    await connect('webtransport', { hashesUrl });
    await endpoint.close();
    await until('waiting');
    selfMade = new SelfMadeCertificates(['127.0.0.1'], Date.now());
    const queued = call(['a']);
    await restart('webtransport');
    expect(await queued).toEqual(['a true']);
    selfMade.rotate(Date.now());
    selfMade.rotate(Date.now());
    await page.evaluate(async () => {
      await globalThis.client.disconnect();
      await globalThis.client.connect();
    });
    expect(await call(['b'])).toEqual(['b true']);
    expect(await page.evaluate(() => globalThis.client.status().transport)).toBe('webtransport');
  });

  it('are not found again by a page that keeps the old hashes', async () => {
    await connect('webtransport');
    selfMade.rotate(Date.now());
    selfMade.rotate(Date.now());
    await page.evaluate(async () => {
      await globalThis.client.disconnect();
      void globalThis.client.connect().catch(() => undefined);
    });
    await until('waiting');
  });
});
