// Status numbers are typed once, in assembly/core/status.ts. Elsewhere in the engine and the hosts
// a number of that list may not stand where a status is meant: compared with or assigned to
// something called status, as a case of a switch over one, returned where a Status is promised, or
// beside a name of the list. Tests may: they say what is expected.
import ts from 'typescript';
import { lastName, numberOf, type Problem, parse, problemAt, walk } from './syntax.ts';
import { isTest } from './tree.ts';

/** Name -> number. */
export type StatusList = ReadonlyMap<string, number>;

const source = 'assembly/core/status.ts';
/** HTTP has statuses of its own. */
const inScope = /^(?:assembly|host-[a-z]+\/src)\/(?!http\/)/;
const statusWord = /(?:^s|S)tatus$/;
const statusType = /^(?:Status|StatusNumber)$/;

/** The list as status.ts has it. */
export function statusesOf(text: string): StatusList {
  const list = new Map<string, number>();
  walk(parse(source, text), (node) => {
    const value = ts.isEnumMember(node) ? numberOf(node.initializer) : undefined;
    if (value !== undefined) list.set((node as ts.EnumMember).name.getText(), value);
  });
  return list;
}

const comparisons = new Set([
  ts.SyntaxKind.EqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
]);

function isStatus(node: ts.Node | undefined): boolean {
  return node !== undefined && statusWord.test(lastName(node) ?? '');
}

/** `status === 250`, `250 == reply.status`, `status = 250`. */
function comparedNumber(node: ts.Node): ts.Expression | undefined {
  if (!ts.isBinaryExpression(node) || !comparisons.has(node.operatorToken.kind)) return undefined;
  if (isStatus(node.left)) return node.right;
  return isStatus(node.right) ? node.left : undefined;
}

/** `{ status: 250 }`, `const status = 250`, a field or parameter `status = 250`. */
function namedNumber(node: ts.Node): ts.Expression | undefined {
  const isNamed =
    ts.isPropertyAssignment(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isParameter(node);
  return isNamed && isStatus(node.name) ? node.initializer : undefined;
}

/** `switch (reply.status) { case 250: }`. */
function caseNumber(node: ts.Node): ts.Expression | undefined {
  if (!ts.isCaseClause(node)) return undefined;
  return isStatus(node.parent.parent.expression) ? node.expression : undefined;
}

/** `return 250` in a function that says it returns a Status. */
function returnedNumber(node: ts.Node): ts.Expression | undefined {
  if (!ts.isReturnStatement(node)) return undefined;
  const owner = ts.findAncestor(node, ts.isFunctionLike);
  return statusType.test(owner?.type?.getText() ?? '') ? node.expression : undefined;
}

/** `MIXED: 243` or `MIXED = 243`: a second list. */
function isSecondList(node: ts.Node, list: StatusList): boolean {
  if (!ts.isPropertyAssignment(node) && !ts.isEnumMember(node) && !ts.isVariableDeclaration(node)) {
    return false;
  }
  const value = numberOf(node.initializer);
  return value !== undefined && value > 0 && list.get(node.name.getText()) === value;
}

export function statusesTypedOnce(path: string, text: string, list: StatusList): Problem[] {
  if (!inScope.test(path) || path === source || isTest(path)) return [];
  // Parsing takes its time, and most files speak of no status.
  if (!/status/i.test(text) && ![...list.keys()].some((name) => text.includes(name))) return [];
  const numbers = new Set(list.values());
  const problems: Problem[] = [];
  walk(parse(path, text), (node) => {
    const literal =
      comparedNumber(node) ?? namedNumber(node) ?? caseNumber(node) ?? returnedNumber(node);
    const value = numberOf(literal);
    if (value !== undefined && numbers.has(value)) {
      const place = literal?.getStart() ?? 0;
      problems.push(problemAt(path, text, place, `status ${value} typed as a number`));
    } else if (isSecondList(node, list)) {
      problems.push(problemAt(path, text, node.getStart(), 'a second list of status numbers'));
    }
  });
  return problems;
}
