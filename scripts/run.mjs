// What the build and test scripts share: the root folder, child processes, and the one line that
// each step prints.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const binaries = join(root, 'node_modules', '.bin');
const ownNode = join(binaries, 'node');
/** The Node of the lock file; where it brings none, the one that runs this. */
export const node = existsSync(ownNode) ? ownNode : process.execPath;

/**
 * Runs a JavaScript program on the project's Node, in the root folder.
 * @param {string[]} args path of the program (relative to the root), then its arguments
 * @param {{ env?: Record<string, string>, quiet?: boolean }} [options] quiet: keep the output back
 * and give it
 * @returns {Promise<{ code: number, output: string }>} exit code (1 when a signal ended it); output
 * if quiet
 */
export function run(args, { env = {}, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const path = `${binaries}${delimiter}${process.env.PATH ?? ''}`;
    const child = spawn(node, args, {
      cwd: root,
      env: { ...process.env, PATH: path, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Prints what was done and how long it took. @param {string} name @param {number} startedMs */
export function report(name, startedMs) {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${name.padEnd(14)} ${seconds.padStart(6)} s`);
}
