// The engine in a page of Chromium.
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../../../scripts/chromium.mjs';
import { answerLines, notSupported } from './lines.ts';
import { resultsOfPage } from './page-server.ts';

const executablePath = findChromium() ?? notSupported('no Chromium (apt-get install chromium)');
await answerLines((cases) =>
  resultsOfPage(cases, async (url) => {
    const browser = await chromium.launch({ executablePath, args: chromiumArgs });
    await (await browser.newPage()).goto(url);
    return () => browser.close();
  }),
);
