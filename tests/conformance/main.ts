// npm run conformance [-- --hosts a,b --host NAME=COMMAND --out FOLDER --require --cases]
// Every case on every host; writes cases.jsonl, results of each host, index.json, junit.xml and
// index.html. Exit codes: 0 all cells pass, 1 wrong use, 3 a cell fails.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { emitLines } from './case.ts';
import { allCases } from './cases/all-cases.ts';
import { HOSTS, type Host, runHost } from './hosts/hosts.ts';
import { compare } from './report/compare.ts';
import { emitHtml } from './report/html.ts';
import { emitJunit } from './report/junit.ts';
import { countsOf, emitIndex, hasFailed, type Matrix } from './report/matrix.ts';

class UsageError extends Error {
  code = 'ANDVARI_USAGE';
}

function optionsOf(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        hosts: { type: 'string' },
        host: { type: 'string', multiple: true, default: [] },
        out: { type: 'string', default: 'build/conformance' },
        require: { type: 'boolean', default: false },
        cases: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : `${error}`);
  }
}

/** `names`: of ours, all if left out; `added`: NAME=COMMAND, split at spaces. */
function hostsOf(names: string | undefined, added: readonly string[]): Host[] {
  const ours = names?.split(',').filter(Boolean) ?? HOSTS.map(({ name }) => name);
  const found = ours.map((name) => {
    const host = HOSTS.find((one) => one.name === name);
    const known = HOSTS.map((one) => one.name).join(', ');
    if (!host) throw new UsageError(`--hosts: there is no ${name}; there are ${known}`);
    return host;
  });
  const others = added.map((text): Host => {
    const [, name, command] = /^([a-z0-9-]+)=(\S.*)$/.exec(text) ?? [];
    if (!name || !command) throw new UsageError(`--host: wanted NAME=COMMAND, not ${text}`);
    return { name, title: command, command: command.split(/\s+/) };
  });
  const all = [...found, ...others];
  if (new Set(all.map(({ name }) => name)).size < all.length) {
    throw new UsageError('two hosts have one name');
  }
  return all;
}

function write(folder: string, matrix: Matrix): void {
  mkdirSync(join(folder, 'results'), { recursive: true });
  writeFileSync(join(folder, 'cases.jsonl'), emitLines(matrix.rows.map((row) => row.case)));
  for (const { name, results } of matrix.runs) {
    if (results) writeFileSync(join(folder, 'results', `${name}.jsonl`), emitLines(results));
  }
  writeFileSync(join(folder, 'index.json'), emitIndex(matrix));
  writeFileSync(join(folder, 'junit.xml'), emitJunit(matrix));
  writeFileSync(join(folder, 'index.html'), emitHtml(matrix));
}

/** A line for each host, and one for each of the first cells that fail. */
function report({ hosts, runs, rows }: Matrix): void {
  hosts.forEach(({ name }, at) => {
    const { pass, fail, unsupported, alone } = countsOf(rows, name);
    const { missing, broken } = runs[at] ?? {};
    const why = missing ?? broken;
    const counts = `${pass} pass, ${fail} fail, ${unsupported} unsupported, ${alone} alone`;
    console.log(`${name.padEnd(16)} ${why === undefined ? counts : why.split('\n').at(-1)}`);
  });
  const failed = rows.flatMap(({ case: { id }, cells }) =>
    cells.flatMap(({ host, mark, problem }) =>
      mark === 'fail' ? [`FAIL ${host} ${id}: ${problem}`] : [],
    ),
  );
  for (const line of failed.slice(0, 20)) console.log(line);
  if (failed.length > 20) console.log(`and ${failed.length - 20} more`);
}

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  const cases = allCases();
  if (options.cases) {
    process.stdout.write(emitLines(cases));
    return 0;
  }
  const hosts = hostsOf(options.hosts, options.host);
  const runs = await Promise.all(hosts.map((host) => runHost(host, cases)));
  const rows = compare(cases, runs);
  const about = `${cases.length} cases, ${new Date().toISOString()}`;
  const matrix: Matrix = { hosts, runs, rows, about };
  write(options.out, matrix);
  report(matrix);
  console.log(join(options.out, 'index.html'));
  const isLeftOut = options.require && runs.some(({ missing }) => missing !== undefined);
  return hasFailed(matrix) || isLeftOut ? 3 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
