// Which steps of the build and of the tests are still good: build/steps.json holds, for each step
// that succeeded, a hash of the content it worked on.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const folder = join(root, 'build');
const file = join(folder, 'steps.json');

const skipped = /[/\\](?:dist|node_modules)[/\\]/;
const tests = /[/\\]__tests__[/\\]|\.test\.ts$/;

/**
 * The files of an input, in a fixed order.
 * @param {string} input
 * @param {boolean} withTests
 * @returns {string[]}
 */
function filesOf(input, withTests) {
  if (statSync(join(root, input)).isFile()) return [join(root, input)];
  const entries = readdirSync(join(root, input), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !skipped.test(path) && (withTests || !tests.test(path)))
    .sort();
}

/**
 * Hash of the names and the content of files and folders (without dist and node_modules).
 * @param {string[]} inputs paths relative to the root
 * @param {{ withTests?: boolean }} [options] withTests: test files count too
 */
export function contentOf(inputs, { withTests = false } = {}) {
  const hash = createHash('sha256');
  for (const path of inputs.flatMap((input) => filesOf(input, withTests))) {
    const content = readFileSync(path);
    hash.update(`${path.slice(root.length)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** @returns {Record<string, string>} */
function readSteps() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {}; // The first build, or a file cut short: everything is done again.
  }
}

/**
 * Whether the step succeeded last with this content.
 * @param {string} name
 * @param {string} content
 */
export function isDone(name, content) {
  return readSteps()[name] === content;
}

/**
 * Notes that a step succeeded, or, without content, that it has to be done.
 * @param {string} name
 * @param {string} [content]
 */
export function note(name, content) {
  const { [name]: _, ...others } = readSteps();
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    file,
    JSON.stringify(content === undefined ? others : { ...others, [name]: content }),
  );
}

/** Forgets every step: all is done again. */
export function forget() {
  rmSync(file, { force: true });
}
