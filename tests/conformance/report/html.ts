/**
 * The matrix as one static page: rows by section, columns hosts. A cell leads to the cases of its
 * section, with the bytes of each and where they differ. Nothing in it runs.
 */
import { byteRows, type MarkedByte } from '@andvari/host-node/conformance/report';
import { escapeXml } from '@andvari/host-node/conformance/report-junit';
import { bytesOf, type Case, type Outcome } from '../case.ts';
import { type Cell, type Counts, lineOf, type Mark, type Row } from './compare.ts';
import { STYLE } from './html-style.ts';
import { countsOf, hasFailed, type Matrix, type Section, sectionsOf } from './matrix.ts';

/** Of an input field, and of an output on which all agree. */
const BYTES_SHOWN = 96;

const WORDS: Readonly<Record<Mark, string>> = {
  pass: 'passes',
  fail: 'fails',
  unsupported: 'not supported',
  alone: 'nobody to agree with',
};

/** The mark of several cells: the worst. */
function markOf(counts: Counts): Mark {
  if (counts.fail > 0) return 'fail';
  if (counts.pass > 0) return 'pass';
  return counts.alone > 0 ? 'alone' : 'unsupported';
}

/** How many of those that the host has. */
function figureOf({ pass, fail, alone }: Counts): string {
  const has = pass + fail + alone;
  if (has === 0) return '–';
  return fail > 0 ? `${fail} of ${has} fail` : `${has}`;
}

function emitCell(section: Section, at: number, host: string): string {
  const counts = countsOf(section.rows, host);
  const mark = markOf(counts);
  const label = `${section.title}, ${host}: ${WORDS[mark]}`;
  const link = `<a href="#s${at}-${host}" aria-label="${escapeXml(label)}">${figureOf(counts)}</a>`;
  return `<td class="${mark}" data-host="${escapeXml(host)}">${link}</td>`;
}

function short(hex: string): string {
  const shown = hex.slice(0, 2 * BYTES_SHOWN);
  const left = hex.length / 2 - shown.length / 2;
  return `${shown || '(no bytes)'}${left > 0 ? ` … ${left} more` : ''}`;
}

function emitInput({ input }: Case): string {
  const rows = Object.entries(input).map(([name, value]) => {
    const text = typeof value === 'string' ? short(value) : value.slice(0, 8).map(short).join('\n');
    const left = typeof value === 'string' ? 0 : value.length - 8;
    const more = left > 0 ? `\n… ${left} more` : '';
    return `<dt>${escapeXml(name)}</dt><dd>${escapeXml(text + more)}</dd>`;
  });
  return `<dl>${rows.join('')}</dl>`;
}

function marked(bytes: readonly MarkedByte[]): string {
  return bytes.map(({ hex, differs }) => (differs ? `<mark>${hex}</mark>` : hex)).join(' ');
}

const isBytes = (outcome: Outcome | undefined): outcome is { output: string } =>
  outcome !== undefined && 'output' in outcome;

/** What came against what was due, byte by byte where both are bytes. */
function emitDifference({ result, due }: Cell): string {
  const came = result && ('output' in result || 'verdict' in result) ? result : undefined;
  if (!isBytes(came) || !isBytes(due)) {
    const say = (outcome: Outcome | undefined) =>
      isBytes(outcome) ? short(outcome.output) : (outcome?.verdict ?? 'nothing');
    return `<pre>due  ${escapeXml(say(due))}\ncame ${escapeXml(say(came))}</pre>`;
  }
  const evidence = {
    step: 1,
    request: Buffer.alloc(0),
    expected: Buffer.from(bytesOf(due.output)),
    received: Buffer.from(bytesOf(came.output)),
  };
  const { rows, left } = byteRows(evidence);
  const lines = rows.map(({ offset, expected, received }) => {
    const at = offset.toString(16).padStart(4, '0');
    const isSame = ![...expected, ...received].some(({ differs }) => differs);
    const second = isSame ? '' : `\n     due  ${marked(expected)}`;
    return `${at} came ${marked(received)}${second}`;
  });
  const more = left > 0 ? `\n${left} more rows` : '';
  return `<pre class="bytes">${lines.join('\n')}${more}</pre>`;
}

function emitOutcomes(row: Row): string {
  const good = row.cells.filter(({ mark }) => mark === 'pass' || mark === 'alone');
  const groups = Map.groupBy(good, ({ result }) => lineOf(result as Outcome));
  const agreed = [...groups.values()].map((cells) => {
    const [first] = cells;
    const outcome = first?.result as Outcome;
    const text = isBytes(outcome) ? short(outcome.output) : outcome.verdict;
    const hosts = cells.map(({ host }) => host).join(', ');
    return `<h4 class="pass">${escapeXml(hosts)}</h4><pre>${escapeXml(text)}</pre>`;
  });
  const failed = row.cells
    .filter(({ mark }) => mark === 'fail')
    .map((cell) => {
      const head = `${cell.host}: ${cell.problem ?? ''}`;
      return `<h4 class="fail">${escapeXml(head)}</h4>${emitDifference(cell)}`;
    });
  return [...failed, ...agreed].join('');
}

function emitCase(row: Row): string {
  const isRed = row.cells.some(({ mark }) => mark === 'fail');
  const dots = row.cells.map(({ host, mark }) => {
    return `<i class="${mark}" title="${escapeXml(`${host}: ${WORDS[mark]}`)}"></i>`;
  });
  const { id, expected } = row.case;
  const says = expected ? '' : '<p>No vector says: the hosts have to agree.</p>';
  return (
    `<details${isRed ? ' open' : ''}><summary><span>${dots.join('')}</span> ` +
    `<code>${escapeXml(id)}</code></summary>${says}${emitInput(row.case)}${emitOutcomes(row)}` +
    '</details>'
  );
}

function emitPanel(section: Section, at: number, hosts: Matrix['hosts']): string {
  const anchors = hosts.map(({ name }) => `<a id="s${at}-${name}"></a>`).join('');
  const red = section.rows.filter(({ cells }) => cells.some(({ mark }) => mark === 'fail'));
  const rest = section.rows.filter((row) => !red.includes(row));
  return (
    `<section class="panel">${anchors}<h2>${escapeXml(section.title)}</h2>` +
    `<p><a href="#matrix">close</a></p>${[...red, ...rest].map(emitCase).join('\n')}</section>`
  );
}

function emitHead({ hosts, runs, rows }: Matrix): string {
  const items = hosts.map(({ name, title }, at) => {
    const { missing, broken } = runs[at] ?? {};
    const { pass, fail, unsupported } = countsOf(rows, name);
    const counts = `${pass} pass, ${fail} fail, ${unsupported} not supported`;
    const state = missing ? `cannot be run here: ${missing}` : (broken ?? counts);
    return `<dt>${escapeXml(name)}</dt><dd>${escapeXml(`${title}. ${state}`)}</dd>`;
  });
  return `<dl class="hosts">${items.join('')}</dl>`;
}

export function emitHtml(matrix: Matrix): string {
  const sections = sectionsOf(matrix);
  const { hosts } = matrix;
  const names = hosts.map(({ name }) => `<th scope="col">${escapeXml(name)}</th>`).join('');
  const rows = sections.map((section, at) => {
    const cells = hosts.map(({ name }) => emitCell(section, at, name)).join('');
    return `<tr><th scope="row">${escapeXml(section.title)}</th>${cells}</tr>`;
  });
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  const verdict = hasFailed(matrix)
    ? '<strong class="fail">Some cells fail.</strong>'
    : '<strong class="pass">No cell fails.</strong>';
  return [
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>Conformance matrix</title><style>${STYLE}</style></head><body>`,
    `<header><h1>Conformance matrix</h1><p>${escapeXml(matrix.about)}. ${verdict}</p>`,
    `${emitHead(matrix)}</header>`,
    `<table id="matrix"><thead><tr><th scope="col">Section</th>${names}</tr></thead><tbody>`,
    ...rows,
    '</tbody></table>',
    ...sections.map((section, at) => emitPanel(section, at, hosts)),
    '</body></html>\n',
  ].join('\n');
}
