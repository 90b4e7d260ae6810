/** A page that has the Ratatoskr client and nothing else, on an origin of its own. */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import type { RatatoskrClient } from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import { BundlePage } from './bundle-page.ts';
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
  readonly #page: BundlePage;

  private constructor(page: BundlePage) {
    this.#page = page;
  }

  static async serve(): Promise<ClientPage> {
    return new ClientPage(await BundlePage.serve(ENTRY));
  }

  get url(): string {
    return this.#page.url;
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
    this.#page.close();
  }
}
