/** The benchmark is run by hand; that its programs can still be built is seen here. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { programOf } from './programs.ts';

const hasCompiler = spawnSync('g++', ['--version']).status === 0;
const label = hasCompiler ? '' : ' (DID NOT RUN: no g++)';

it.runIf(hasCompiler).each(['echo', 'blast'] as const)(`%s compiles${label}`, (name) => {
  // Without its arguments it says so by its exit code.
  expect(spawnSync(programOf(name)).status).toBe(2);
});
