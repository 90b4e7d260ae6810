/** One Chromium for all files of a worker: to start it takes longer than most tests of a page. */
import { type Browser, chromium } from 'playwright-core';
import { chromiumArgs } from '../../scripts/chromium.mjs';
import { atWorkerEnd } from './worker-environment.ts';

const browsers = new Map<string, Promise<Browser>>();

/**
 * The browser of this worker; who takes it leaves it by leaveBrowser().
 * @param quic it may use WebTransport
 */
export async function workerBrowser({ quic = false } = {}): Promise<Browser> {
  const args = chromiumArgs.filter((argument) => !(quic && argument === '--disable-quic'));
  const key = args.join(' ');
  const known = await browsers.get(key);
  if (known?.isConnected()) return known;
  const executablePath = process.env['CHROMIUM'] as string;
  const launched = chromium.launch({ executablePath, args });
  browsers.set(key, launched);
  const browser = await launched;
  atWorkerEnd(() => browser.close());
  return browser;
}

/** Closes all that a file has opened in it. */
export async function leaveBrowser(browser: Browser | undefined): Promise<void> {
  for (const context of browser?.contexts() ?? []) await context.close();
}
