// The engine in a page of Firefox, with a profile of its own that is gone afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerLines, notSupported } from './lines.ts';
import { resultsOfPage } from './page-server.ts';
import { findProgram, Program } from './programs.ts';

const firefox =
  findProgram('firefox-esr') ??
  findProgram('firefox') ??
  notSupported('no Firefox (apt-get install firefox-esr)');

await answerLines((cases) =>
  resultsOfPage(cases, async (url) => {
    const profile = await mkdtemp(join(tmpdir(), 'andvari-firefox-'));
    const args = ['--headless', '--no-remote', '--profile', profile, url];
    const program = new Program(firefox, args, { HOME: profile });
    return async () => {
      await program.stop();
      // Its last children may still write.
      await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    };
  }),
);
