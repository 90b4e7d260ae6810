/**
 * Engines with one rule of the border taken out, built from the sources as they stand, to show that
 * the stress notices.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One textual change: the first match of `find` in `file`, which must exist, is replaced. */
export interface Patch {
  file: string;
  find: RegExp;
  replace: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');

const CLAIM_FIRST = `if (begin(count, intoLockers(list, count)) != Begun.YES) return Outcome.BUSY;
  if (!holdPages(pinning)) {
    abandon();
    return Outcome.PARK;
  }`;
const ABANDON = `export function abandon(): void {
  publish(start, 0, capacity);
  letGo();
}

`;

/** No parked request ever holds the pin token. */
export const WITHOUT_PINS: Patch[] = [
  {
    file: 'raida/parked.ts',
    find: /(export function mayPin\(.*\{)/,
    replace: '$1\n  if (slot != 0) return false;',
  },
];

/** What is taken out, and how. */
export const MUTANTS: Record<string, Patch[]> = {
  'pages are not locked': [
    {
      file: 'raida/coins.ts',
      find: /(export function hold\([\s\S]*?) \|\| !lockPage\(meta, key\)/,
      replace: '$1',
    },
  ],
  'journal space is claimed before the pages are locked': [
    {
      file: 'raida/commands/auth.ts',
      find: /(export function pown\([\s\S]*?)if \(!holdPages.* return Outcome\.PARK;/,
      replace: `$1${CLAIM_FIRST}`,
    },
    {
      file: 'raida/commands/auth.ts',
      find: /const any = anyAuthentic\([\s\S]*?notBegun\(begun\);\s*\}/,
      replace: 'const any = true;',
    },
    {
      file: 'raida/commands/auth.ts',
      find: /import \{ Begun,/,
      replace: 'import { abandon, Begun,',
    },
    { file: 'raida/changes.ts', find: /(\/\*\* Publishes the group;)/, replace: `${ABANDON}$1` },
  ],
  'rollback does not stop the workers': [
    {
      file: 'raida/rollback.ts',
      find: /(export function rollbackTo\([\s\S]*?)stopWorkers\(STOP\);/,
      replace: '$1',
    },
  ],
  'pages with changes may be evicted': [
    {
      file: 'raida/coins.ts',
      find: / \|\| load64\(meta \+ Page\.POSITION\) > committed/,
      replace: '',
    },
  ],
  'a read does not wait for what it read': [
    {
      file: 'raida/pages-of-request.ts',
      find: /(function lockPages\([\s\S]*?)context\.raisePosition\(.*\);/,
      replace: '$1',
    },
  ],
};

/** As MUTANTS, for the stress of the tables. */
export const TABLE_MUTANTS: Record<string, Patch[]> = {
  'a rollback leaves the locker index as it is': [
    {
      file: 'raida/rollback.ts',
      find: /(function undoCoin\([\s\S]*?)moved\(number[\s\S]*?, 0\);/,
      replace: '$1',
    },
  ],
  'a rollback leaves the in-use map as it is': [
    {
      file: 'raida/rollback.ts',
      find: /if \(wasInUse != \(mfs != 0\)\) setInUse\(number, mfs != 0, 0\);/,
      replace: '',
    },
  ],
  'a broken coin stays in use': [
    {
      file: 'raida/commands/change.ts',
      find: /changeCoin\(large, recordAt\(large\), freshAn\(\), 0\);/,
      replace: 'changeCoin(large, recordAt(large), freshAn(), context.mfs);',
    },
  ],
};

/**
 * Compiles the shared build with the patches. Throws when a patch finds nothing, or the compiler
 * refuses.
 */
export async function buildMutant(patches: Patch[]): Promise<WebAssembly.Module> {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-mutant-'));
  try {
    cpSync(join(root, 'assembly'), join(folder, 'assembly'), { recursive: true });
    for (const patch of patches) apply(join(folder, 'assembly', patch.file), patch);
    const settings = JSON.parse(readFileSync(join(root, 'asconfig.json'), 'utf8'));
    // Much quicker to build, and not slower to run; the rules do not depend on it.
    Object.assign(settings.options, { optimizeLevel: 0, converge: false });
    writeFileSync(join(folder, 'asconfig.json'), JSON.stringify(settings));
    const out = ['assembly/index.ts', '--target', 'shared', '--outFile', 'mutant.wasm'];
    const { status, stderr } = spawnSync(process.execPath, [asc, ...out], {
      ...{ cwd: folder, encoding: 'utf8' },
    });
    if (status !== 0) throw new Error(`the mutant does not compile: ${stderr}`);
    return await WebAssembly.compile(new Uint8Array(readFileSync(join(folder, 'mutant.wasm'))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function apply(path: string, { find, replace, file }: Patch): void {
  const text = readFileSync(path, 'utf8');
  const changed = text.replace(find, replace);
  if (changed === text) throw new Error(`${file} has nothing like ${find}: mend the mutant`);
  writeFileSync(path, changed);
}
