/** That `npm run bench:files` measures between namespaces, and leaves none of them behind. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { whyNoNamespaces } from '../../../native-io/lib/testing/veth.ts';
import { bench } from './run-bench.ts';

const hasCompiler = spawnSync('g++', ['--version']).status === 0;
const why = whyNoNamespaces() ?? (hasCompiler ? undefined : 'no g++');
const label = why === undefined ? '' : ` (DID NOT RUN: ${why})`;

it.runIf(why === undefined)(`ours over a pair of interfaces, and far away${label}`, () => {
  const words = ['--place', 'veth', '--place', 'far', '--only', 'andvari'];
  const { status, stderr, rows, pid } = bench(words);
  expect(status, stderr).toBe(0);
  expect(rows).toMatchObject([{ place: 'veth' }, { place: 'far' }]);
  for (const { megabytesPerSecond } of rows) expect(megabytesPerSecond).toBeGreaterThan(0);
  const left = spawnSync('ip', ['netns'], { encoding: 'utf8' }).stdout.split('\n');
  expect(left.filter((name) => name.includes(`-${pid}-`))).toEqual([]);
});

it.runIf(why === undefined)(`a congestion control that there is not${label}`, () => {
  const words = ['--place', 'veth', '--only', 'andvari', '--congestion', 'wishes'];
  const { status, rows } = bench(words);
  expect(status).toBe(1);
  expect(rows).toMatchObject([{ place: 'veth', failed: expect.stringContaining('wishes') }]);
});
