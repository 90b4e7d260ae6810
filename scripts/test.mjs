// npm test: build -> as-pect (engine) -> check (types, biome) -> vitest (hosts, border, Chromium).
//   --quick  the edit loop, under 60 s: no browser, no *.slow.test.ts, as-pect only after a change
//   --long   ANDVARI_LONG=1, with which property and durability tests take larger counts
// Other arguments go to vitest: npm test -- tests/tidy.test.ts
import { findChromium } from './chromium.mjs';
import { report, run } from './run.mjs';
import { contentOf, isDone, note } from './steps.mjs';

const flags = ['--quick', '--long'];
const quick = process.argv.includes('--quick');
const long = process.argv.includes('--long');
const vitestArgs = process.argv.slice(2).filter((argument) => !flags.includes(argument));

/** @type {Record<string, string>} */
const env = {};
if (quick) env.ANDVARI_QUICK = '1';
if (long) env.ANDVARI_LONG = '1';

/** @type {string[]} */
const failed = [];
/**
 * Runs one step; the ones after it run whatever comes of it.
 * @param {string} name
 * @param {string[]} args
 */
async function step(name, args) {
  const startedMs = performance.now();
  const { code } = await run(args, { env });
  if (code === 0) report(name, startedMs);
  else failed.push(name);
  return code === 0;
}

/**
 * The engine's own tests. They depend on nothing but assembly/, so --quick may trust their last
 * success.
 */
async function specs() {
  const inputs = ['assembly', 'as-pect.config.js', 'as-pect.asconfig.json', 'package-lock.json'];
  const content = contentOf(inputs, { withTests: true });
  if (quick && isDone('as-pect', content)) {
    console.log('as-pect        unchanged since it last passed');
    return;
  }
  note('as-pect');
  const startedMs = performance.now();
  const asp = ['node_modules/@as-pect/cli/bin/asp.js', '--summary', '--no-logo'];
  const { code, output } = await run(asp, { quiet: true });
  if (code === 0) {
    note('as-pect', content);
    report('as-pect', startedMs);
    return;
  }
  console.error(output.slice(output.indexOf('Using config'))); // the logo comes all the same
  failed.push('as-pect');
}

async function main() {
  const chromium = quick ? undefined : findChromium(); // throws when it is missing and must not be
  if (!(await step('build', ['scripts/build.mjs']))) return;
  await specs();
  await step('check', ['scripts/check.mjs']);
  if (!quick && !chromium) {
    const without = 'tests/browser, tests/wallet and *.browser.test.ts do not run';
    console.log(`no Chromium (\`apt-get install chromium\`, or set CHROMIUM): ${without}`);
  }
  await step('vitest', ['node_modules/vitest/vitest.mjs', 'run', ...vitestArgs]);
}

await main();
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
