// Reads TypeScript and AssemblyScript alike: only the syntax tree is used, and the parser gives one
// for both.
import ts from 'typescript';

/** A place in a file and what is wrong there, as a test prints it. */
export type Problem = string;

export function problemAt(path: string, text: string, position: number, what: string): Problem {
  const line = text.slice(0, position).split('\n').length;
  return `${path}:${line}: ${what}`;
}

const parsed = new Map<string, ts.SourceFile>();

/** Every rule looks at every file. */
export function parse(path: string, text: string): ts.SourceFile {
  const known = parsed.get(path);
  if (known?.text === text) return known;
  const file = parseNew(path, text);
  parsed.set(path, file);
  return file;
}

function parseNew(path: string, text: string): ts.SourceFile {
  const kind = path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind);
}

/** Calls `visit` for every node, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The expression inside brackets, casts, `as`, `satisfies` and `!`. */
export function bare(node: ts.Expression): ts.Expression {
  let inner = node;
  while (
    ts.isParenthesizedExpression(inner) ||
    ts.isTypeAssertionExpression(inner) ||
    ts.isAsExpression(inner) ||
    ts.isSatisfiesExpression(inner) ||
    ts.isNonNullExpression(inner)
  ) {
    inner = inner.expression;
  }
  return inner;
}

/** The value of a numeric literal, undefined for anything else. */
export function numberOf(node: ts.Expression | undefined): number | undefined {
  if (!node) return undefined;
  const literal = bare(node);
  return ts.isNumericLiteral(literal) ? Number(literal.text) : undefined;
}

/** The last name of `a`, `a.b` or `a.b?.c`; undefined for anything else. */
export function lastName(node: ts.Node): string | undefined {
  const expression = ts.isExpression(node) ? bare(node) : node;
  if (ts.isIdentifier(expression) || ts.isStringLiteral(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression)) return expression.name.text.replace('#', '');
  return undefined;
}

/** A program, not a folder or a built file that is only read. */
function namesProgram(node: ts.Node | undefined): node is ts.StringLiteralLike {
  return node !== undefined && ts.isStringLiteralLike(node) && /\.(?:ts|mjs|js)$/.test(node.text);
}

/** What a node imports: `import`, `export from`, `import()`, `import('x').Type`. */
function importedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  }
  const isImport =
    ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isImport ? node.arguments[0] : undefined;
}

/** The program that a node names: `new URL('./x.ts', import.meta.url)`, `import.meta.resolve()`. */
function startedBy(node: ts.Node): ts.Node | undefined {
  let named: ts.Node | undefined;
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL') {
    if (node.arguments?.[1]?.getText() === 'import.meta.url') named = node.arguments[0];
  } else if (ts.isCallExpression(node) && node.expression.getText() === 'import.meta.resolve') {
    named = node.arguments[0];
  }
  return namesProgram(named) ? named : undefined;
}

interface Names {
  imports: { specifier: string; position: number }[];
  strings: string[];
}

/** By path and text: most rules ask for the same, and parsing is what takes their time. */
const known = new Map<string, Names>();

function namesOf(path: string, text: string): Names {
  const key = `${path}\n${text}`;
  let names = known.get(key);
  if (names) return names;
  names = { imports: [], strings: [] };
  const { imports, strings } = names;
  walk(parse(path, text), (node) => {
    if (ts.isStringLiteralLike(node)) strings.push(node.text);
    const specifier = importedBy(node) ?? startedBy(node);
    if (specifier && ts.isStringLiteralLike(specifier)) {
      imports.push({ specifier: specifier.text, position: specifier.getStart() });
    }
  });
  known.set(key, names);
  return names;
}

/** What a file imports and which programs (workers) it names, with the place. */
export function importsOf(path: string, text: string): Names['imports'] {
  return namesOf(path, text).imports;
}

/** Every string of a file: a program started by path is named in one of them. */
export function stringsOf(path: string, text: string): Names['strings'] {
  return namesOf(path, text).strings;
}
