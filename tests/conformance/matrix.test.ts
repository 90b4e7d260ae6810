/**
 * The quick matrix: every case on the hosts that every machine has. And that it can fail: one wrong
 * byte in a table of a copy of the engine, a host that errs, leaves out, ends or is not there.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from '../tidy/tree.ts';
import schema from './case.schema.json' with { type: 'json' };
import type { Case, Result } from './case.ts';
import { allCases } from './cases/all-cases.ts';
import { HOSTS, type Host, QUICK, runHost } from './hosts/hosts.ts';
import { compare, type HostRun } from './report/compare.ts';
import { cellsOf, countsOf, hasFailed, type Matrix } from './report/matrix.ts';

const { ANDVARI_QUICK: isQuick, ANDVARI_REQUIRE_BROWSER: isWhole } = process.env;
/** .ci/run has Firefox as well. */
const names = [...QUICK, ...(isWhole === '1' ? ['firefox'] : [])].filter(
  (name) => isQuick !== '1' || name.startsWith('node'),
);
const hosts = HOSTS.filter(({ name }) => names.includes(name));
const cases = allCases();
const direct = HOSTS.find(({ name }) => name === 'node-direct') as Host;
let runs: HostRun[];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-matrix-'));
  runs = await Promise.all(hosts.map((host) => runHost(host, cases)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function matrixOf(all: readonly HostRun[], some: readonly Case[] = cases): Matrix {
  const shown = all.map(({ name }): Host => ({ name, title: name, command: [] }));
  return { hosts: shown, runs: all, rows: compare(some, all), about: '' };
}

describe('the quick matrix', () => {
  it('has every case on every host, byte for byte', () => {
    expect(runs.map(({ broken }) => broken).filter(Boolean)).toEqual([]);
    if (isWhole === '1') expect(runs.map(({ missing }) => missing).filter(Boolean)).toEqual([]);
    const matrix = matrixOf(runs);
    const failures = matrix.rows.flatMap(({ case: { id }, cells }) =>
      cells.filter(({ mark }) => mark === 'fail').map(({ host }) => `${host} ${id}`),
    );
    expect(failures).toEqual([]);
    expect(cases.length).toBeGreaterThan(1500);
    const { unsupported } = countsOf(matrix.rows, 'node-direct');
    expect(unsupported).toBe(0);
    expect(countsOf(matrix.rows, 'node-component').pass).toBeGreaterThan(1400);
  });

  it('covers every protocol with vectors, not with agreement alone', () => {
    const judged = Map.groupBy(
      cases.filter(({ expected }) => expected),
      (item) => item.function.split('.')[0] ?? '',
    );
    const known = [...judged.keys()].sort();
    expect(known).toEqual([
      'cipher',
      'curve',
      'hash',
      'peer',
      'raida-server',
      'ratatoskr',
      'transfer',
    ]);
  });
});

describe('case.schema.json', () => {
  const line = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const isLine = (value: unknown) => line.safeParse(value).success;
  const good = cases[0]!;

  it('describes every case and every result', () => {
    const results = runs.flatMap((run) => run.results ?? []);
    expect([...cases, ...results].filter((one) => !isLine(one))).toEqual([]);
  });

  it('and nothing else', () => {
    const { section, ...without } = good;
    expect(section).not.toBe('');
    for (const wrong of [
      without,
      { ...good, input: { bytes: 'F' } },
      { ...good, extra: 1 },
      { ...good, expected: { output: '00', verdict: 'none' } },
      { id: 'a' },
      { id: 'a', output: '0' },
      { id: 'a', output: '00', verdict: 'none' },
      { id: 'a', unsupported: false },
    ]) {
      expect(isLine(wrong), JSON.stringify(wrong)).toBe(false);
    }
  });
});

describe('one wrong byte in a table of a copy of the engine', () => {
  it('turns the affected cells red, all of them and no other', async () => {
    const module = readFileSync(join(root, 'build/engine.wasm'));
    // The first of the 64 numbers that every block of MD5 takes (RFC 1321, 3.4).
    const at = module.indexOf(Buffer.from('78a46ad7', 'hex'));
    expect(at).toBeGreaterThan(0);
    module[at] = (module[at] ?? 0) ^ 1;
    const file = join(folder, 'mutant.wasm');
    writeFileSync(file, module);
    // Exchanges take their time: here are those of the groups whose commands ask for MD5. It goes
    // into coins and shows in no reply.
    const asking = ['RAIDA, group 2', 'RAIDA, group 3', 'RAIDA, group 10'];
    const some = cases.filter(
      (item) => item.function !== 'raida-server.exchange' || asking.includes(item.section),
    );
    const mutant = { ...direct, name: 'mutant', command: [...direct.command, '--module', file] };
    const ids = new Set(some.map(({ id }) => id));
    const narrowed = runs.map((run) => {
      return { ...run, results: run.results?.filter(({ id }) => ids.has(id)) ?? [] };
    });
    const { rows } = matrixOf([...narrowed, await runHost(mutant, some)], some);
    const red = rows.filter(({ cells }) => cells.some(({ mark }) => mark === 'fail'));
    // The digest of a session is one of its journal as well.
    const affected = some.filter(
      (item) => item.function === 'hash.md5' || item.function === 'raida-server.session',
    );
    expect(affected.length).toBeGreaterThan(30);
    expect(red.map((row) => row.case.id)).toEqual(affected.map(({ id }) => id));
    for (const { cells } of red) {
      const failed = cells.filter(({ mark }) => mark === 'fail').map(({ host }) => host);
      expect(failed).toEqual(['mutant']);
    }
  });
});

describe('a host that is not as it should be', () => {
  const two: Case[] = [
    { id: 'a', section: 's', function: 'f', input: {}, expected: { output: '00ff' } },
    { id: 'b', section: 's', function: 'f', input: {} },
  ];
  const good: Result[] = [
    { id: 'a', output: '00ff' },
    { id: 'b', verdict: 'none' },
  ];
  const marks = (...all: HostRun[]) => {
    const { rows } = matrixOf(all, two);
    return all.map(({ name }) =>
      cellsOf(rows, name)
        .map(({ mark }) => mark)
        .join(),
    );
  };
  const one: HostRun = { name: 'one', results: good };

  it('agrees, or is alone where no vector says', () => {
    expect(marks(one, { ...one, name: 'other' })).toEqual(['pass,pass', 'pass,pass']);
    expect(marks(one)).toEqual(['pass,alone']);
  });

  it('differs where no vector says', () => {
    const strange: HostRun = { name: 'strange', results: [good[0]!, { id: 'b', output: '' }] };
    expect(marks(one, { ...one, name: 'two' }, strange)).toEqual([
      'pass,pass',
      'pass,pass',
      'pass,fail',
    ]);
  });

  it('differs where the vector leaves bytes open', () => {
    const open = [{ ...two[0]!, open: [[1, 2] as const] }];
    const of = (name: string, output: string): HostRun => {
      return { name, results: [{ id: 'a', output }] };
    };
    const judged = (...outputs: string[]) => {
      const all = outputs.map((output, i) => of(`${i}`, output));
      return compare(open, all)[0]
        ?.cells.map(({ mark }) => mark)
        .join();
    };
    expect(judged('00aa', '00aa')).toBe('pass,pass');
    expect(judged('00aa', '00aa', '00bb')).toBe('pass,pass,fail');
    expect(judged('01aa', '00aa')).toBe('fail,pass');
  });

  it('gives nothing, breaks, or does not have the function', () => {
    const silent: HostRun = { name: 'silent', results: [good[0]!] };
    const failing: HostRun = {
      name: 'failing',
      results: [
        { id: 'a', failure: 'it trapped' },
        { id: 'b', unsupported: true },
      ],
    };
    expect(marks(one, silent, failing)).toEqual(['pass,alone', 'pass,fail', 'fail,unsupported']);
    expect(marks({ name: 'broken', broken: 'it ended with 1' })).toEqual(['fail,fail']);
    const missing: HostRun = { name: 'missing', missing: 'no such browser' };
    expect(marks(missing)).toEqual(['unsupported,unsupported']);
    expect(hasFailed(matrixOf([missing], two))).toBe(false);
  });

  it('is refused for a case that there is not, or twice', () => {
    const twice: HostRun = { name: 'twice', results: [good[0]!, good[0]!] };
    expect(() => compare(two, [twice])).toThrow('a case was answered twice');
    const other: HostRun = { name: 'other', results: [{ id: 'c', output: '' }] };
    expect(() => compare(two, [other])).toThrow('there is no case c');
  });

  it('is a program of any language, with an exit code', async () => {
    const shell = (script: string): Host => {
      return { name: 'shell', title: 'shell', command: ['sh', '-c', script] };
    };
    const line = '{"id":"a","output":"00ff"}';
    expect(await runHost(shell(`cat > /dev/null; echo '${line}'`), two)).toEqual({
      name: 'shell',
      results: [good[0]],
    });
    const lacks = await runHost(shell('echo no machine >&2; exit 127'), two);
    expect(lacks).toEqual({ name: 'shell', missing: 'no machine' });
    expect(await runHost(shell('exit 3'), two)).toMatchObject({ broken: 'it ended with 3' });
    expect(await runHost(shell('echo {'), two)).toMatchObject({ broken: 'its lines are not JSON' });
    const nowhere: Host = { name: 'nowhere', title: '', command: ['/nowhere'] };
    expect((await runHost(nowhere, two)).broken).toMatch(/ENOENT/);
  });
});
