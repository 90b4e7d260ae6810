/**
 * What the results of all hosts come to. A cell passes if it is byte for byte what its vector says
 * and what the other hosts gave; where no vector says anything, agreement of at least two decides.
 */
import { bytesOf, type Case, type Outcome, type Result } from '../case.ts';

export type Mark = 'pass' | 'fail' | 'unsupported' | 'alone';

export interface Cell {
  host: string;
  mark: Mark;
  /** Why it does not pass. */
  problem?: string;
  result?: Result;
  /** What it is held against, where it does not pass. */
  due?: Outcome;
}

export interface Row {
  case: Case;
  cells: Cell[];
}

export interface HostRun {
  name: string;
  /** Left out: the host cannot be run here. */
  results?: readonly Result[];
  /** Why there are no results. */
  missing?: string;
  /** It broke: none of its cells passes. */
  broken?: string;
}

/** An outcome as one line, with what is open as zeros. */
export function lineOf(outcome: Outcome, open: Case['open'] = []): string {
  if ('verdict' in outcome) return `verdict ${outcome.verdict}`;
  const bytes = bytesOf(outcome.output);
  const kept = bytes.map((byte, at) =>
    open.some(([from, to]) => at >= from && at < to) ? 0 : byte,
  );
  return `output ${kept.join(' ')}`;
}

const outcomeOf = (result: Result | undefined): Outcome | undefined =>
  result && ('output' in result || 'verdict' in result) ? result : undefined;

/** What most hosts gave; the first of several that are as many. */
function mostOf(outcomes: readonly Outcome[]): Outcome | undefined {
  const groups = Map.groupBy(outcomes, (outcome) => lineOf(outcome));
  return [...groups.values()].sort((a, b) => b.length - a.length)[0]?.[0];
}

/** How far from `due` a result is; undefined: not at all. */
function problemOf(result: Result, item: Case, most: Outcome | undefined) {
  if ('failure' in result) return { problem: `it broke: ${result.failure}`, due: item.expected };
  const outcome = outcomeOf(result);
  if (!outcome) return undefined;
  const { expected, open } = item;
  if (expected && lineOf(outcome, open) !== lineOf(expected, open)) {
    return { problem: 'not what the vector says', due: expected };
  }
  // With an open part: hosts still have to agree in it.
  const agrees = !most || lineOf(outcome) === lineOf(most);
  return agrees ? undefined : { problem: 'not what the other hosts give', due: most };
}

function cellOf(run: HostRun, item: Case, found: Found): Cell {
  const { name: host } = run;
  if (run.missing !== undefined) return { host, mark: 'unsupported', problem: run.missing };
  if (run.broken !== undefined) return { host, mark: 'fail', problem: run.broken };
  const result = found.results.get(host);
  if (!result) return { host, mark: 'fail', problem: 'it gave no result' };
  if ('unsupported' in result) return { host, mark: 'unsupported' };
  const wrong = problemOf(result, item, found.most);
  if (wrong) {
    const { problem, due } = wrong;
    return { host, mark: 'fail', problem, result, ...(due ? { due } : {}) };
  }
  const isAlone = !item.expected && found.count < 2;
  return { host, mark: isAlone ? 'alone' : 'pass', result };
}

interface Found {
  results: ReadonlyMap<string, Result>;
  most: Outcome | undefined;
  /** Hosts that gave anything. */
  count: number;
}

/** Throws Error when a host answers a case twice, or one that there is not. */
export function compare(cases: readonly Case[], runs: readonly HostRun[]): Row[] {
  const known = new Set(cases.map(({ id }) => id));
  const byHost = runs.map(({ name, results = [] }) => {
    const byId = new Map(results.map((result) => [result.id, result]));
    const strange = results.find(({ id }) => !known.has(id));
    if (strange) throw new Error(`${name}: there is no case ${strange.id}`);
    if (byId.size !== results.length) throw new Error(`${name}: a case was answered twice`);
    return { name, byId };
  });
  return cases.map((item) => {
    const results = new Map(
      byHost.flatMap(({ name, byId }) => {
        const result = byId.get(item.id);
        return result ? [[name, result] as const] : [];
      }),
    );
    const outcomes = [...results.values()].flatMap((result) => outcomeOf(result) ?? []);
    const due = outcomes.filter(
      (outcome) =>
        !item.expected || lineOf(outcome, item.open) === lineOf(item.expected, item.open),
    );
    const found = { results, most: mostOf(due), count: outcomes.length };
    return { case: item, cells: runs.map((run) => cellOf(run, item, found)) };
  });
}

export type Counts = Record<Mark, number>;

export function countMarks(cells: readonly Cell[]): Counts {
  const counts: Counts = { pass: 0, fail: 0, unsupported: 0, alone: 0 };
  for (const { mark } of cells) counts[mark]++;
  return counts;
}
