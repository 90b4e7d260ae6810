// Where the browser of the browser tests is, and how it is started; used by vitest.config.ts,
// scripts/test.mjs and by tests that drive the wallet page themselves.
import { existsSync } from 'node:fs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Of several lists Chromium takes the last: what playwright-core switches off is here as well. */
const offForPlaywright = [
  ...['AimEnabled', 'AvoidCorsURLLoaderRestartOnRedirect', 'AvoidUnnecessaryBeforeUnloadCheckSync'],
  ...['DestroyProfileOnBrowserClose', 'HttpsFirstBalancedModeAutoEnable', 'HttpsUpgrades'],
  ...['LensOverlay', 'MediaRouter', 'NetworkTimeServiceQuerying', 'OptimizationHints'],
  ...['PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning'],
];

/**
 * What belongs to the window around a page and not to the page: nobody sees it here, and every
 * profile's window would start a process for its address bar, as much work as the page itself.
 * Nor is a renderer started for a next page that may never come.
 */
const offAroundPage = [
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'SpareRendererForSitePerProcess',
];

export const chromiumArgs = [
  `--disable-features=${[...offForPlaywright, ...offAroundPage].join()}`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Path of a Chromium: the environment's CHROMIUM, else a usual place; undefined when there is none.
 * Throws when there is none but ANDVARI_REQUIRE_BROWSER=1 says that there must be one.
 */
export function findChromium() {
  const { CHROMIUM: named, ANDVARI_REQUIRE_BROWSER: required } = process.env;
  const found = named ? [named].find(existsSync) : places.find(existsSync);
  if (named && !found) throw new Error(`CHROMIUM names ${named}, which does not exist`);
  if (!found && required === '1') {
    throw new Error(`ANDVARI_REQUIRE_BROWSER=1, but no Chromium at ${places.join(', ')}`);
  }
  return found;
}
