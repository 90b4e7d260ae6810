// How the component is made: names of exports, cases of verdicts, limits of what comes out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { artefacts, componentFolder, coreModule } from '../../scripts/component.mjs';
import { componentName } from '../../scripts/component-transform.mjs';
import { caseTable } from '../../scripts/component-verdicts.mjs';
import { root } from '../tidy/tree.ts';

it('names exports as the component model does', () => {
  const at = 'andvari:engine/raida-server@0.1.0#';
  expect(componentName('hash_blake3Keyed')).toBe('andvari:engine/hash@0.1.0#blake3-keyed');
  expect(componentName('raidaServer_Engine_addRandom')).toBe(`${at}[method]engine.add-random`);
  expect(componentName('raidaServer_Engine_static_configure')).toBe(
    `${at}[static]engine.configure`,
  );
  expect(componentName('raidaServer_Engine_dtor')).toBe(`${at}[dtor]engine`);
});

it('takes an enum of the WIT only with every case in its place', () => {
  const members = [
    { name: 'OK', value: 0 },
    { name: 'TOO_LONG', value: 3 },
    { name: 'TYPE', value: 5 },
  ];
  const of = { name: 'verdict', path: 'x.wit' };
  const table = (cases: string) => caseTable(members, `enum verdict { ${cases} }`, of);
  expect([...table('/// Two words.\n too-long,\n %type,\n')]).toEqual([255, 255, 255, 0, 255, 1]);
  expect(() => table('too-long')).toThrow('x.wit: case 1 of verdict: wanted %type');
  expect(() => table('%type, too-long')).toThrow('case 0 of verdict: wanted too-long');
  expect(() => table('too-long, %type, more')).toThrow('case 2 of verdict: wanted no more');
});

it('asks its host for nothing, and is within its limits', async () => {
  const core = await WebAssembly.compile(readFileSync(join(root, coreModule)));
  const asked = WebAssembly.Module.imports(core).map(({ name }) => name);
  // Handles, which the component model itself gives.
  expect(asked.sort()).toEqual(['[resource-new]engine', '[resource-new]packets']);
  for (const [name, limit] of Object.entries(artefacts)) {
    const file = readFileSync(join(root, componentFolder, name));
    expect(gzipSync(file, { level: 9 }).length, name).toBeLessThanOrEqual(limit);
  }
});
