// npm run check: the types of every room, then biome (format and lint). Wants a build: host-common
// imports generated constants. With --types only the types.
import { report, run } from './run.mjs';

// Each room has its own libraries: in host-common, without Node's types, a `node:` import fails.
const projects = ['native-io', 'host-common', 'host-node', 'host-browser', 'tests'];

const tsc = 'node_modules/typescript/bin/tsc';
const biome = 'node_modules/@biomejs/biome/bin/biome';

/**
 * @param {string} name
 * @param {string[][]} programs run one after the other; all of them, to show every fault
 */
async function step(name, programs) {
  const startedMs = performance.now();
  let failed = false;
  for (const program of programs) {
    const { code, output } = await run(program, { quiet: true });
    if (code === 0) continue;
    failed = true;
    console.error(output.trimEnd());
  }
  if (failed) process.exitCode = 1;
  else report(name, startedMs);
}

const pretty = String(process.stdout.isTTY === true);
const types = projects.map((project) => [tsc, '-p', project, '--pretty', pretty]);
await step('types', types);
const lint = [biome, 'check', '--error-on-warnings', '--diagnostic-level=warn'];
if (!process.argv.includes('--types')) await step('biome', [lint]);
