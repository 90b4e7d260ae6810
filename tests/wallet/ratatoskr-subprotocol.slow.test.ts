/** What Chromium does with a server that has no subprotocol, another one, or ours. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { SubprotocolServer } from '../ratatoskr/subprotocol-server.ts';
import { ClientPage } from './client-page.ts';
import { leaveBrowser, workerBrowser } from './worker-browser.ts';

const OFFERED = 'ratatoskr.v1';

let browser: Browser;
let website: ClientPage;
let page: Page;
let server: SubprotocolServer;
beforeAll(async () => {
  browser = await workerBrowser();
  website = await ClientPage.serve();
  page = await browser.newPage();
  await page.goto(website.url);
  await page.waitForFunction(() => globalThis.bundle !== undefined);
});
afterAll(async () => {
  website?.close();
  await leaveBrowser(browser);
});
afterEach(() => server.stop());

/** Connects twice by one transport, and sends a byte there and back each time. */
const twice = (webSocketUrl: string): Promise<string[]> =>
  page.evaluate(async (url) => {
    const [transport] = globalThis.bundle.platformTransports({ webSocketUrl: url });
    const told: string[] = [];
    for (let run = 0; run < 2; run++) {
      const heard = Promise.withResolvers<string>();
      const message = (bytes: Uint8Array) => heard.resolve(`echo ${bytes.join()}`);
      const events = { message, closed: () => heard.resolve('closed') };
      const connecting = transport?.connect(events, AbortSignal.timeout(5000));
      const channel = await connecting?.catch(() => undefined);
      channel?.send(Uint8Array.of(7));
      told.push(channel === undefined ? 'refused' : await heard.promise);
      channel?.close(1000, '');
    }
    return told;
  }, webSocketUrl);

it.each([
  ['ours', undefined, ['echo 7', 'echo 7'], [OFFERED, OFFERED]],
  ['none', '', ['echo 7', 'echo 7'], [OFFERED, undefined, undefined]],
  ['another', 'ratatoskr.v2', ['refused', 'refused'], [OFFERED, undefined, OFFERED]],
])('a page and a server whose subprotocol is %s', async (_, answers, told, offers) => {
  server = await new SubprotocolServer().start(answers);
  expect(await twice(server.url)).toEqual(told);
  expect(server.offers).toEqual(offers);
});
