/** One Chromium for all files of a worker: to start it takes longer than most tests of a page. */
import { type Browser, chromium } from 'playwright-core';
import { chromiumArgs } from '../../scripts/chromium.mjs';
import { atWorkerEnd } from './worker-environment.ts';

let known: Browser | undefined;

/** The browser of this worker, with WebTransport; who takes it leaves it by leaveBrowser(). */
export async function workerBrowser(): Promise<Browser> {
  if (known?.isConnected()) return known;
  const args = chromiumArgs.filter((argument) => argument !== '--disable-quic');
  const executablePath = process.env['CHROMIUM'] as string;
  const browser = await chromium.launch({ executablePath, args });
  atWorkerEnd(() => browser.close());
  known = browser;
  return browser;
}

/** Closes all that a file has opened in it. */
export async function leaveBrowser(browser: Browser | undefined): Promise<void> {
  for (const context of browser?.contexts() ?? []) await context.close();
}
