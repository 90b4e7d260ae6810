/** A page in Chromium and a node, both endpoints of transfer, over datagrams of WebTransport. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { WebTransportSessionDatagrams } from '@andvari/host-node/transfer/webtransport-datagrams';
import { SelfMadeCertificates } from '@andvari/host-node/webtransport/certificates';
import { quicAvailable } from '@andvari/host-node/webtransport/testing/quic-client';
import { WebTransportServer } from '@andvari/host-node/webtransport/webtransport-server';
import { build } from 'vite';
import { afterEach, describe, expect, it } from 'vitest';
import { leaveBrowser, workerBrowser } from '../wallet/worker-browser.ts';
import type { PageOutcome, PageTask } from './transfer-page.ts';

declare global {
  // Defined in the page.
  var runTransfer: (task: PageTask) => Promise<PageOutcome>;
}

const BYTES = 5_000_000;
const identity = identityOf(new Uint8Array(32).fill(2), nodeX25519);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The page's script in one file. */
async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('./transfer-page.ts', import.meta.url));
  const lib = { entry, formats: ['es' as const], fileName: 'page' };
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, target: 'es2023', lib },
  });
  const [outcome] = Array.isArray(built) ? built : [built];
  if (!outcome || !('output' in outcome)) throw new Error('nothing was built');
  return outcome.output[0].code;
}

/** A node that is called over each WebTransport session, and sends back what streams bring. */
async function echoNode(certificates: SelfMadeCertificates): Promise<number> {
  const module = await plainEngine();
  let handle = 0;
  const server = new WebTransportServer({
    certificates,
    paths: {
      '/transfer': (session) => {
        const farEnd = writeFarEnd({ address: new Uint8Array(16), port: 0, handle: ++handle });
        const transport = new WebTransportSessionDatagrams(session, farEnd);
        const sizes = transferSizes({ sessions: 4, blocks: 512 });
        const engine = Engine.create({ module, sizes, identity: CLIENT_IDENTITY });
        const opened = TransferEndpoint.open({ engine, transport, identity, x25519: nodeX25519 });
        closing.push(async () => (await opened).close());
        void opened.then(async ({ incoming }) => {
          for await (const { incoming: streams } of incoming) {
            for await (const { readable, writable } of streams) {
              if (readable && writable) readable.pipeTo(writable).catch(() => {});
            }
          }
        });
        return transport.handler;
      },
    },
    admitsOrigin: () => true,
    admitsAuthority: () => true,
  });
  const { port } = await server.open({ host: '127.0.0.1', port: 0 });
  closing.push(() => server.close());
  return port;
}

async function website(script: string): Promise<string> {
  const site: Server = createServer(({ url }, response) => {
    const isScript = url === '/page.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript ? script : '<!doctype html><script type="module" src="page.js"></script>',
    );
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  closing.push(() => site.close());
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
}

describe.runIf(quicAvailable)('transfer over WebTransport datagrams of Chromium', () => {
  it('carries bytes there and back', { timeout: 90_000 }, async () => {
    const certificates = new SelfMadeCertificates(['localhost', '127.0.0.1'], Date.now());
    const port = await echoNode(certificates);
    const url = await website(await bundle());
    const browser = await workerBrowser();
    closing.push(() => leaveBrowser(browser));
    const page = await browser.newPage();
    await page.goto(url);
    await page.waitForFunction(() => 'runTransfer' in globalThis);
    const [hash] = certificates.hashes(Date.now());
    const task = {
      port,
      certificateHash: [...(hash ?? [])],
      peerId: [...identity.peerId],
      bytes: BYTES,
    };
    const outcome = await page.evaluate((given) => globalThis.runTransfer(given), task);
    expect(outcome).toMatchObject({ sent: BYTES, back: BYTES, wrong: 0 });
    expect(outcome.mtu).toBeGreaterThan(1000);
  });
});
