// `npm test` starts this through scripts/test.mjs; `npx vitest` works too. ANDVARI_QUICK=1 leaves
// out the browser and *.slow.test.ts; without a Chromium the projects that need one are left out
// (findChromium says when that is an error).
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { chromiumArgs, findChromium } from './scripts/chromium.mjs';

// Tests have several processes, and start many programs: what one has compiled, the others take
// from here.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('node_modules/.cache/andvari-tests', import.meta.url),
);

const quick = process.env.ANDVARI_QUICK === '1';
const chromium = quick ? undefined : findChromium();
const exclude = [...configDefaults.exclude, ...(quick ? ['**/*.slow.test.ts'] : [])];
// They end only a hang: how long a test takes depends on who else is on the machine.
const patience = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 60_000 } },
  setupFiles: ['tests/patience.ts'],
};

/**
 * What takes longest goes first, of whichever project: vitest takes projects one behind the other,
 * and of new ones small files last, so that at the end cores would wait for a few slow files.
 */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = [/simulation\/simulation.*\.slow/, /tests\/wallet\//, /\.slow\.test\.ts$/];
    const place = ({ moduleId }: TestSpecification) => {
      const found = order.findIndex((pattern) => pattern.test(moduleId));
      return found < 0 ? order.length : found;
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}

const inOrByBrowser = ['tests/browser/**', 'tests/wallet/**', 'tests/webtransport/**'];

/** What replaces modules, or counts what the whole process holds. */
const alone = ['**/*.alone.test.ts', '**/*.alone.slow.test.ts'];

/** Files that share processes: to start one and to compile the engine costs half a second. */
const node: TestProjectConfiguration = {
  test: {
    ...patience,
    name: 'node',
    pool: 'forks',
    isolate: false,
    include: ['host-*/src/**/*.test.ts', 'native-io/lib/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: [...exclude, '**/*.browser.test.ts', ...inOrByBrowser, ...alone],
  },
};

/** And those that have one each. */
const nodeAlone: TestProjectConfiguration = {
  test: { ...node.test, name: 'alone', isolate: true, include: alone, exclude },
};

/** The engine and host-common inside Chromium. */
function inBrowser(executablePath: string): TestProjectConfiguration {
  return {
    test: {
      ...patience,
      name: 'browser',
      include: ['tests/browser/**/*.test.ts', 'host-*/src/**/*.browser.test.ts'],
      exclude,
      globalSetup: ['tests/simulation/node-traces.ts'],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        instances: [{ browser: 'chromium' }],
        provider: playwright({ launchOptions: { executablePath, args: chromiumArgs } }),
      },
    },
  };
}

/** Pages that are driven from Node: a worker has one Chromium for all its files (see CHROMIUM). */
function onPage(executablePath: string): TestProjectConfiguration {
  return {
    test: {
      ...patience,
      name: 'wallet',
      pool: 'forks',
      isolate: false,
      environment: 'tests/wallet/worker-environment.ts',
      include: ['tests/wallet/**/*.test.ts', 'tests/webtransport/**/*.test.ts'],
      exclude,
      env: { CHROMIUM: executablePath },
    },
  };
}

export default defineConfig({
  test: {
    passWithNoTests: true,
    // Tests wait for sockets, disks, other processes and Chromium half of their time: two files
    // more than there are cores, and no core kept free.
    sequence: { sequencer: SlowFirst },
    maxWorkers: availableParallelism() + 2,
    projects: [...[node, nodeAlone], ...(chromium ? [inBrowser(chromium), onPage(chromium)] : [])],
  },
});
