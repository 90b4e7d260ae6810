// The engine in a page of WebKit: Debian's MiniBrowser, which its WebDriver starts, on a screen of
// nobody's (Xvfb), because it has no other way to run without one.
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerLines, notSupported } from './lines.ts';
import { resultsOfPage } from './page-server.ts';
import { findProgram, Program } from './programs.ts';

/** How often is looked whether a program is there yet, and how long. */
const LOOK_MS = 100;
const LOOKS = 200;

function findMiniBrowser(): string | undefined {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib') : [];
  const places = folders.flatMap((folder) =>
    ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0'].map((name) =>
      join('/usr/lib', folder, name, 'MiniBrowser'),
    ),
  );
  return places.find((place) => existsSync(place));
}

const lacks = 'no WebKit (apt-get install webkit2gtk-driver xvfb)';
const driver = findProgram('WebKitWebDriver') ?? notSupported(lacks);
const xvfb = findProgram('Xvfb') ?? notSupported(lacks);
const browser = findMiniBrowser() ?? notSupported(lacks);

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  await new Promise<void>((closed) => server.close(() => closed()));
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/** A screen number that no X server has. */
function freeDisplay(): number {
  for (let display = 100; display < 1000; display++) {
    if (!existsSync(`/tmp/.X11-unix/X${display}`) && !existsSync(`/tmp/.X${display}-lock`)) {
      return display;
    }
  }
  throw new Error('no X display is free');
}

async function until(what: string, isThere: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    if (await isThere()) return;
    await sleep(LOOK_MS);
  }
  throw new Error(`${what} does not start`);
}

/** A command of WebDriver; its value. */
async function ask(url: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const { value } = (await response.json()) as { value: Record<string, unknown> | null };
  if (!response.ok) throw new Error(`WebDriver: ${JSON.stringify(value)}`);
  return value ?? {};
}

async function openPage(url: string, home: string, started: Program[]): Promise<void> {
  const display = freeDisplay();
  started.push(
    new Program(xvfb, [`:${display}`, '-screen', '0', '800x600x24', '-nolisten', 'tcp']),
  );
  await until('Xvfb', () => existsSync(`/tmp/.X11-unix/X${display}`));
  const port = await freePort();
  const env = { DISPLAY: `:${display}`, HOME: home, XDG_RUNTIME_DIR: home };
  started.push(new Program(driver, [`--port=${port}`, '--host=127.0.0.1'], env));
  const at = `http://127.0.0.1:${port}`;
  await until('WebKitWebDriver', () =>
    fetch(`${at}/status`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const options = { binary: browser, args: ['--automation'] };
  const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } };
  const { sessionId } = await ask(`${at}/session`, { capabilities });
  await ask(`${at}/session/${sessionId}/url`, { url });
}

await answerLines((cases) =>
  resultsOfPage(cases, async (url) => {
    const home = await mkdtemp(join(tmpdir(), 'andvari-webkit-'));
    const started: Program[] = [];
    const close = async () => {
      for (const program of started.reverse()) await program.stop();
      await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    };
    await openPage(url, home, started).catch(async (error) => {
      await close();
      throw error;
    });
    return close;
  }),
);
