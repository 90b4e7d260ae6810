/** A wallet page without a network, a relay, and one Chromium, for files that are sent by codes. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_ORIGIN } from '@andvari/host-node/http/allow-list';
import { PageServer } from '@andvari/host-node/http/page-server';
import { createLogger } from '@andvari/host-node/log/logger';
import { TransferNode } from '@andvari/host-node/transfer/node';
import { newIdentity } from '@andvari/host-node/transfer/node-identity';
import { RelayServer } from '@andvari/host-node/transfer/relay/relay-server';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { WalletPage } from './wallet-page.ts';
import { PASSPHRASE } from './wallet-place.ts';
import { leaveBrowser, workerBrowser } from './worker-browser.ts';

const HOST = '127.0.0.1';
/** Of a client of the relay; a quarter of it, 1.9 MiB, may come at once (see holdRelay). */
const BYTES_PER_SECOND = 8_000_000;
/** Nobody is there: coins are not what these tests are about. */
const network = {
  ...{ wire: 'spec' as const, coinId: 6 },
  servers: [{ raidaId: 0, url: `ws://${HOST}:1/raida` }],
};

export class TransferPlace {
  browser!: Browser;
  url!: string;
  relayUrl!: string;
  /** For files, new for each test. */
  folder!: string;
  page!: PageServer;
  /** Nodes and the like that a test leaves open. */
  readonly closers: (() => Promise<unknown>)[] = [];
  readonly pages: FilesPage[] = [];
  #relay: RelayServer | undefined;
  #port = 0;
  /** When the clock of the relay was stopped; undefined: it goes. */
  #stoppedMs: number | undefined;

  /** At the same address as before. */
  async startRelay(): Promise<void> {
    const relay = new RelayServer({
      listen: { host: HOST, port: this.#port },
      ...{ origins: [...this.page.origins, NO_ORIGIN], bytesPerSecond: BYTES_PER_SECOND },
      nowMs: () => this.#stoppedMs ?? performance.now(),
      failed: (error) => {
        throw error;
      },
    });
    const { port } = await relay.open();
    this.#port = port;
    this.#relay = relay;
    this.relayUrl = `ws://${HOST}:${port}/relay`;
  }

  async stopRelay(): Promise<void> {
    await this.#relay?.close();
    this.#relay = undefined;
  }

  /**
   * Stops the clock of the relay: of each client it takes in no more than it may send at once, so
   * that a longer file comes to its middle and no further.
   */
  holdRelay(): void {
    this.#stoppedMs = performance.now();
  }

  letRelayGoOn(): void {
    this.#stoppedMs = undefined;
  }

  get hasRelay(): boolean {
    return this.#relay !== undefined;
  }

  /** A profile of its own, with its wallet open. */
  async person(): Promise<FilesPage> {
    const person = new FilesPage(await WalletPage.open(this.browser, this.url));
    await person.wallet.createPassphrase(PASSPHRASE);
    await person.wallet.hook('transfer').waitFor();
    this.pages.push(person);
    return person;
  }

  /** A program at the relay. */
  async node(): Promise<TransferNode> {
    const node = await TransferNode.create({
      ...{ dataFolder: join(this.folder, 'data'), identity: newIdentity(), host: HOST },
      ...{ trust: () => true, relay: this.relayUrl },
    });
    this.closers.push(() => node.shutdown());
    return node;
  }
}

export function transferPlace(): TransferPlace {
  const place = new TransferPlace();
  beforeAll(async () => {
    place.browser = await workerBrowser();
    const logger = createLogger({ level: 'silent' });
    place.page = new PageServer({ listen: { host: HOST, port: 0 }, logger });
    const { port } = await place.page.open();
    place.url = `http://${HOST}:${port}`;
    await place.startRelay();
    place.page.publish(network, { relay: place.relayUrl });
  });
  afterAll(async () => {
    await place.stopRelay();
    await place.page?.close();
  });
  beforeEach(async () => {
    place.folder = mkdtempSync(join(tmpdir(), 'andvari-files-'));
    place.letRelayGoOn();
    if (!place.hasRelay) await place.startRelay();
  });
  afterEach(async () => {
    for (const close of place.closers.splice(0).reverse()) await close();
    // The page has no errors of its own and breaks no policy; servers that are away are none.
    const lost = /WebSocket connection to|Failed to establish a connection to/;
    const complaints = place.pages.splice(0).flatMap(({ wallet }) => wallet.complaints);
    await leaveBrowser(place.browser);
    rmSync(place.folder, { recursive: true });
    expect(complaints.filter((text) => !lost.test(text))).toEqual([]);
  });
  return place;
}

export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

export function randomFile(name: string, length: number): NamedBytes {
  return { name, bytes: randomBytes(length) };
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

type Side = 'send' | 'receive';

/** The panel for files as a user drives it. */
export class FilesPage {
  readonly wallet: WalletPage;

  constructor(wallet: WalletPage) {
    this.wallet = wallet;
  }

  hook(name: string) {
    return this.wallet.hook(`transfer-${name}`);
  }

  /** Chooses a file; gives its code when it waits. */
  async send({ name, bytes }: NamedBytes): Promise<string> {
    const buffer = Buffer.from(bytes);
    const mimeType = 'application/octet-stream';
    await this.hook('file').setInputFiles({ name, mimeType, buffer });
    await this.stage('send', 'waiting');
    return ((await this.hook('code').textContent()) ?? '').trim();
  }

  async look(code: string): Promise<void> {
    await this.hook('receive-code').fill(code);
    await this.hook('fetch').click();
  }

  /** Waits until one of the sides is so far. */
  async stage(side: Side, stage: string): Promise<void> {
    await this.wallet.page
      .locator(`[data-testid="transfer-${side}"][data-stage="${stage}"]`)
      .waitFor();
  }

  /** What went wrong, once something has. */
  async words(side: Side): Promise<string> {
    const words = this.hook(`${side}-words`).filter({ hasText: /\S/ });
    await words.waitFor();
    return ((await words.textContent()) ?? '').trim();
  }

  /** Waits until a side says something. */
  async says(side: Side, text: RegExp): Promise<void> {
    await this.hook(`${side}-state`).filter({ hasText: text }).waitFor();
  }

  async hash(side: Side): Promise<string> {
    return ((await this.hook(`${side}-hash`).textContent()) ?? '').trim();
  }

  async save(button = 'save'): Promise<NamedBytes> {
    const downloaded = this.wallet.page.waitForEvent('download');
    await this.hook(button).click();
    const download = await downloaded;
    const bytes = new Uint8Array(await readFile(await download.path()));
    return { name: download.suggestedFilename(), bytes };
  }

  /** Accepts, and pauses: some of it is there. The relay is held, so it cannot end too soon. */
  async holdInTheMiddle(): Promise<void> {
    await this.hook('accept').click();
    await this.hook('receive-pause').click();
    await this.hook('receive-movement')
      .filter({ hasText: /^[1-9][\d.]* MiB of/ })
      .waitFor();
  }

  async takesItAll(code: string): Promise<NamedBytes> {
    await this.look(code);
    await this.hook('accept').click();
    await this.stage('receive', 'whole');
    return this.save();
  }
}
