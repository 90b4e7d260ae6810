// What the three reports say of a matrix with one red cell, and of one without.
import { expect, it } from 'vitest';
import type { Case } from '../case.ts';
import { compare, type HostRun } from './compare.ts';
import { emitHtml } from './html.ts';
import { emitJunit } from './junit.ts';
import { emitIndex, type Matrix } from './matrix.ts';

const cases: Case[] = [
  {
    id: 'hash.md5/1',
    section: '<RFC> 1321',
    function: 'hash.md5',
    input: { bytes: '', many: ['00', '01'] },
    expected: { output: '00ff01' },
  },
  { id: 'hash.md5/2', section: 'lengths', function: 'hash.md5', input: { bytes: 'aa' } },
];

function matrixOf(output: string): Matrix {
  const runs: HostRun[] = [
    { name: 'one', results: [{ id: 'hash.md5/1', output: '00ff01' }, verdict] },
    { name: 'two', results: [{ id: 'hash.md5/1', output }, verdict] },
    { name: 'gone', missing: 'no such <browser>' },
  ];
  const hosts = runs.map(({ name }) => ({ name, title: `Host ${name}`, command: [] }));
  return { hosts, runs, rows: compare(cases, runs), about: 'a & b' };
}
const verdict = { id: 'hash.md5/2', verdict: 'none' };

it('index.json has every mark, and what stands against what', () => {
  const index = JSON.parse(emitIndex(matrixOf('00fe01')));
  expect(index).toMatchObject({ version: 1, verdict: 'fail' });
  expect(index.hosts.map(({ pass, fail }: { pass: number; fail: number }) => [pass, fail])).toEqual(
    [
      [2, 0],
      [1, 1],
      [0, 0],
    ],
  );
  expect(index.cases[0].marks).toEqual({ one: 'pass', two: 'fail', gone: 'unsupported' });
  expect(index.failures).toEqual([
    {
      id: 'hash.md5/1',
      host: 'two',
      problem: 'not what the vector says',
      result: { id: 'hash.md5/1', output: '00fe01' },
      due: { output: '00ff01' },
    },
  ]);
  const good = JSON.parse(emitIndex(matrixOf('00ff01')));
  expect([good.verdict, good.failures]).toEqual(['pass', []]);
});

it('junit.xml has a suite for each host', () => {
  const xml = emitJunit(matrixOf('00fe01'));
  expect(xml.match(/<testsuite /g)).toHaveLength(3);
  expect(xml.match(/<failure /g)).toHaveLength(1);
  expect(xml.match(/<skipped /g)).toHaveLength(2);
  expect(xml).toContain('name="two: Host two" tests="2" failures="1" errors="0" skipped="0"');
  expect(xml).toContain('classname="&lt;RFC&gt; 1321"');
  expect(emitJunit(matrixOf('00ff01'))).not.toContain('<failure');
});

it('index.html marks the byte that differs, and runs nothing', () => {
  const page = emitHtml(matrixOf('00fe01'));
  expect(page).toContain('00 <mark>fe</mark> 01');
  expect(page).toContain('00 <mark>ff</mark> 01');
  expect(page).toContain('<td class="fail" data-host="two">');
  expect(page).toContain('<td class="unsupported" data-host="gone">');
  expect(page).toContain('cannot be run here: no such &lt;browser&gt;');
  expect(page).toContain('&lt;RFC&gt; 1321');
  expect(page).not.toMatch(/<script|<RFC>|<browser>/);
  const good = emitHtml(matrixOf('00ff01'));
  expect(good).toContain('No cell fails.');
  expect(good).not.toMatch(/<mark>|<td class="fail"/);
});
