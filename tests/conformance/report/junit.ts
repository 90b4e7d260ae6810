/** The matrix as JUnit XML: a suite for each host. What a host does not have counts as skipped. */
import { escapeXml } from '@andvari/host-node/conformance/report-junit';
import type { Case } from '../case.ts';
import type { Cell } from './compare.ts';
import { countsOf, type Matrix } from './matrix.ts';

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

function emitCell(item: Case, cell: Cell): string {
  const names = attributes({ classname: item.section, name: item.id });
  if (cell.mark === 'pass' || cell.mark === 'alone') return `    <testcase${names}/>`;
  const { problem = 'the host does not have this function', result, due } = cell;
  const message = attributes({ message: problem });
  if (cell.mark === 'unsupported') {
    return `    <testcase${names}>\n      <skipped${message}/>\n    </testcase>`;
  }
  const lines = [
    `input ${JSON.stringify(item.input)}`,
    due ? `due ${JSON.stringify(due)}` : '',
    `came ${JSON.stringify(result ?? 'nothing')}`,
  ];
  const text = escapeXml(lines.filter(Boolean).join('\n'));
  const inner = `      <failure${message}>${text}</failure>`;
  return `    <testcase${names}>\n${inner}\n    </testcase>`;
}

export function emitJunit({ hosts, rows }: Matrix): string {
  const suites = hosts.map(({ name, title }, at) => {
    const { fail, unsupported } = countsOf(rows, name);
    const counts = { tests: rows.length, failures: fail, errors: 0, skipped: unsupported };
    const cells = rows.flatMap(({ case: item, cells: all }) => {
      const cell = all[at];
      return cell ? [emitCell(item, cell)] : [];
    });
    const names = attributes({ name: `${name}: ${title}`, ...counts });
    return `  <testsuite${names}>\n${cells.join('\n')}\n  </testsuite>\n`;
  });
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="conformance matrix">\n';
  return `${head}${suites.join('')}</testsuites>\n`;
}
