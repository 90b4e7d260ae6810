// The part of the house style that a program can check, over all files of the project. Each rule
// stands in tests/tidy/, with its reject twin in tests/tidy/rules.test.ts.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importCircles } from './tidy/circles.ts';
import { assemblyStoreys, importDirection, webStandardOnly } from './tidy/layers.ts';
import { deadFiles } from './tidy/reachable.ts';
import {
  fileLength,
  fileName,
  lineLength,
  noInline,
  processAlone,
  reminders,
  wholeSuite,
} from './tidy/rules.ts';
import { statusesOf, statusesTypedOnce } from './tidy/statuses.ts';
import type { Problem } from './tidy/syntax.ts';
import { readTree, root } from './tidy/tree.ts';

const tree = readTree();
const statuses = statusesOf(tree.get('assembly/core/status.ts') ?? '');

const rules: Record<string, (path: string, text: string) => Problem[]> = {
  'imports run one way': importDirection,
  'assembly/ imports downward': assemblyStoreys,
  'host-common uses web-standard APIs only': webStandardOnly,
  'status numbers are typed once': (path, text) => statusesTypedOnce(path, text, statuses),
  'files have at most 400 lines': fileLength,
  'lines have at most 100 columns': lineLength,
  'files are named after what they are': fileName,
  'a reminder has a name and a condition': reminders,
  'assembly/ goes without @inline': noInline,
  'every test runs': wholeSuite,
  'tests of the whole process run alone': processAlone,
};

describe('tidy', () => {
  it('sees the whole project', () => {
    for (const path of ['assembly/core/status.ts', 'scripts/build.mjs', 'tests/tidy.test.ts']) {
      expect(tree.has(path), path).toBe(true);
    }
    expect(statuses.get('INTERNAL')).toBe(252);
  });

  it.each(Object.entries(rules))('%s', (_, rule) => {
    expect([...tree].flatMap(([path, text]) => rule(path, text))).toEqual([]);
  });

  it('no file is dead', () => {
    expect(deadFiles(tree, readFileSync(join(root, 'package.json'), 'utf8'))).toEqual([]);
  });

  it('imports make no circles', () => {
    expect(importCircles(tree)).toEqual([]);
  });

  it('vectors are as they were given', () => {
    const folder = join(root, 'tests/vectors');
    const lines = readFileSync(join(folder, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
    const sums = new Map(lines.map((line) => line.split(/\s+/).reverse() as [string, string]));
    const files = readdirSync(folder).filter((name) => name !== 'SHA256SUMS');
    const actual = files.map((name): [string, string] => {
      const content = readFileSync(join(folder, name));
      return [name, createHash('sha256').update(content).digest('hex')];
    });
    expect(new Map(actual.sort())).toEqual(sums);
  });

  it('the lock file names no download address', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(lock.match(/"resolved": "[a-z]+:.*"/g)).toBeNull();
  });
});
