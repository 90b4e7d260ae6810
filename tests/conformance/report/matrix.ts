/** The rows of all cases by section, and what they come to as JSON. */
import type { Host } from '../hosts/hosts.ts';
import { type Cell, type Counts, countMarks, type HostRun, type Row } from './compare.ts';

export interface Matrix {
  hosts: readonly Host[];
  runs: readonly HostRun[];
  rows: readonly Row[];
  /** What was run, such as a commit; shown as it is. */
  about: string;
}

export interface Section {
  title: string;
  rows: Row[];
}

export function sectionsOf({ rows }: Matrix): Section[] {
  const groups = Map.groupBy(rows, (row) => row.case.section);
  return [...groups].map(([title, found]) => ({ title, rows: found }));
}

/** The cells of one host. */
export function cellsOf(rows: readonly Row[], host: string): Cell[] {
  return rows.flatMap(({ cells }) => cells.filter((cell) => cell.host === host));
}

export function countsOf(rows: readonly Row[], host: string): Counts {
  return countMarks(cellsOf(rows, host));
}

export function hasFailed({ rows }: Matrix): boolean {
  return rows.some(({ cells }) => cells.some(({ mark }) => mark === 'fail'));
}

/** index.json: counts, every mark, and what stands against what where a cell is red. */
export function emitIndex(matrix: Matrix): string {
  const { hosts, runs, rows, about } = matrix;
  const counts = (part: readonly Row[]) =>
    Object.fromEntries(hosts.map(({ name }) => [name, countsOf(part, name)]));
  const index = {
    version: 1,
    about,
    verdict: hasFailed(matrix) ? 'fail' : 'pass',
    hosts: hosts.map(({ name, title }, at) => {
      const { missing, broken } = runs[at] ?? {};
      return { name, title, missing, broken, ...countsOf(rows, name) };
    }),
    sections: sectionsOf(matrix).map(({ title, rows: part }) => {
      return { title, cases: part.length, hosts: counts(part) };
    }),
    cases: rows.map(({ case: item, cells }) => {
      const marks = Object.fromEntries(cells.map(({ host, mark }) => [host, mark]));
      return { id: item.id, section: item.section, function: item.function, marks };
    }),
    failures: rows.flatMap(({ case: item, cells }) =>
      cells
        .filter(({ mark }) => mark === 'fail')
        .map(({ host, problem, result, due }) => ({ id: item.id, host, problem, result, due })),
    ),
  };
  return `${JSON.stringify(index, undefined, 1)}\n`;
}
