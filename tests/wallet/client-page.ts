/** A page that has the Ratatoskr client and nothing else, on an origin of its own. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import type { RatatoskrClient } from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import type { ClientBundle } from './client-bundle.ts';

declare global {
  // Of the page.
  var bundle: ClientBundle;
  var client: RatatoskrClient;
}

const ENTRY = fileURLToPath(new URL('./client-bundle.ts', import.meta.url));

export interface PageEndpoint {
  webSocketUrl?: string;
  webTransportUrl?: string;
  certificateHashes?: number[][];
  /** GET /ratatoskr.json of the server: where the hashes of now are. */
  hashesUrl?: string;
  serverKey: number[];
  seed: number[];
  deviceId: string;
}

/** Serves the page until it is closed. */
export class ClientPage {
  readonly url: string;
  readonly #website: Server;

  private constructor(website: Server) {
    this.#website = website;
    this.url = `http://127.0.0.1:${(website.address() as AddressInfo).port}/`;
  }

  static async serve(): Promise<ClientPage> {
    const lib = { entry: ENTRY, formats: ['es' as const], fileName: 'client' };
    const built = await build({
      configFile: false,
      logLevel: 'silent',
      build: { write: false, lib, target: 'es2023', minify: false },
    });
    const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
      'output' in one ? one.output : [],
    );
    const files = new Map(
      outputs.map((file) => [
        `/${file.fileName}`,
        'code' in file ? file.code : String(file.source),
      ]),
    );
    const website = createServer(({ url = '/' }, response) => {
      const code = files.get(url);
      response.setHeader('Content-Type', code === undefined ? 'text/html' : 'text/javascript');
      response.end(code ?? '<!doctype html><script type="module" src="/client.js"></script>');
    });
    await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
    return new ClientPage(website);
  }

  /** Opens the page and makes its client, which does not connect yet. */
  async open(page: Page, endpoint: PageEndpoint): Promise<void> {
    await page.goto(this.url);
    await page.waitForFunction(() => globalThis.bundle !== undefined);
    await page.evaluate(async (words) => {
      const { RatatoskrClient: Client, platformTransports, hostEd25519 } = globalThis.bundle;
      const provider = await hostEd25519();
      const { webSocketUrl, webTransportUrl, certificateHashes = [], hashesUrl } = words;
      const ask = async (signal: AbortSignal) => {
        const { ratatoskr } = await (await fetch(hashesUrl as string, { signal })).json();
        const hashes: string[] = ratatoskr.webTransport.certificateHashes;
        const pairs = hashes.map((hash) => hash.match(/../g) as string[]);
        return pairs.map((all) => Uint8Array.from(all, (two) => Number.parseInt(two, 16)));
      };
      globalThis.client = await Client.create({
        transports: platformTransports({
          webSocketUrl,
          webTransportUrl,
          certificateHashes: hashesUrl
            ? ask
            : certificateHashes.map((hash) => Uint8Array.from(hash)),
        }),
        signer: await provider.signer(Uint8Array.from(words.seed)),
        deviceId: words.deviceId,
        userId: 'ann',
        serverKey: Uint8Array.from(words.serverKey),
      });
    }, endpoint);
  }

  close(): void {
    this.#website.closeAllConnections();
    this.#website.close();
  }
}
