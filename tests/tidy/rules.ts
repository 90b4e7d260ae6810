// The rules of the house that look at one file by itself. A rule takes a path (relative to the
// root, with /) and the text, and gives the problems it sees; rules.test.ts shows for each a text
// that it lets pass and one that it does not.
import ts from 'typescript';
import { type Problem, parse, problemAt, walk } from './syntax.ts';
import { isTest, stemOf } from './tree.ts';

export const FILE_LINES_MAX = 400;
export const LINE_COLUMNS_MAX = 100;

export function fileLength(path: string, text: string): Problem[] {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return lines > FILE_LINES_MAX ? [`${path}: ${lines} lines, ${FILE_LINES_MAX} at most`] : [];
}

export function lineLength(path: string, text: string): Problem[] {
  return text.split('\n').flatMap((line, index) => {
    const columns = [...line].length;
    return columns > LINE_COLUMNS_MAX ? [`${path}:${index + 1}: ${columns} columns`] : [];
  });
}

const kebabCase = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/;
const emptyWord = /^(?:utils?|helpers?|managers?|impl|misc)$/;

/** kebab-case, and a name that says what is inside. */
export function fileName(path: string): Problem[] {
  const name = path.split('/').at(-1) ?? '';
  if (!kebabCase.test(name) && path !== '.ci/run') return [`${path}: not kebab-case`];
  const word = stemOf(path)
    .split('-')
    .find((part) => emptyWord.test(part));
  return word ? [`${path}: "${word}" does not say what the file is`] : [];
}

/** A reminder in the text needs a name and a condition: `...(ada): when Node 26 is out`. */
export function reminders(path: string, text: string): Problem[] {
  const pattern = /\b(?:[T]ODO|[F]IXME|[X]XX)\b(?!\([a-z][\w-]*\): \S)/g;
  return [...text.matchAll(pattern)].map((found) =>
    problemAt(path, text, found.index, `${found[0]} without a name and a condition`),
  );
}

/** biome cannot parse the decorator, and -O3 inlines small functions anyway. */
export function noInline(path: string, text: string): Problem[] {
  if (!path.startsWith('assembly/')) return [];
  return [...text.matchAll(/^\s*@inline\b/gm)].map((found) =>
    problemAt(path, text, found.index, '@inline'),
  );
}

const blocks = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const narrowed = new Set(['only', 'skip', 'todo', 'fails']);
/** as-pect's own words for the same. */
const aspect = new Set(['xit', 'xtest', 'xdescribe', 'oit', 'otest', 'fit', 'fdescribe', 'todo']);

const ofWholeProcess = /^(vi\.(mock|doMock|resetModules)|process\.memoryUsage)$/;

/**
 * A test that replaces a module or measures its process has one of its own: others would meet what
 * it left, or it what they have.
 */
export function processAlone(path: string, text: string): Problem[] {
  if (!isTest(path) || path.includes('.alone.')) return [];
  const problems: Problem[] = [];
  walk(parse(path, text), (node) => {
    if (!ts.isCallExpression(node) || !ofWholeProcess.test(node.expression.getText())) return;
    problems.push(problemAt(path, text, node.getStart(), 'of the whole process: *.alone.test.ts'));
  });
  return problems;
}

/**
 * Every test runs: none is skipped, none hides the others. skipIf and runIf name their condition
 * and are fine.
 */
export function wholeSuite(path: string, text: string): Problem[] {
  if (!isTest(path)) return [];
  const problems: Problem[] = [];
  walk(parse(path, text), (node) => {
    const isNarrowed =
      ts.isPropertyAccessExpression(node) &&
      narrowed.has(node.name.text) &&
      blocks.has(node.expression.getText().split('.')[0] ?? '');
    const isAspect = ts.isCallExpression(node) && aspect.has(node.expression.getText());
    if (isNarrowed || isAspect) {
      problems.push(problemAt(path, text, node.getStart(), 'a test that hides tests'));
    }
  });
  return problems;
}
