/** Results as one static HTML page: rows by section, and the bytes of what failed. */
import { bySection, byteRows, countVerdicts, type MarkedByte, type Report } from './report.ts';
import { escapeXml } from './report-junit.ts';
import type { CaseResult, Verdict } from './verdict.ts';

const WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'pass',
  fail: 'FAIL',
  warn: 'differs (SHOULD)',
  skip: 'not tried',
};

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; }
th, td { text-align: left; vertical-align: top; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { margin: .4rem 0; overflow-x: auto; }
mark { background: #ffd54a; color: #000; font-weight: bold; }
.pass { color: #2e7d32; } .fail { color: #c62828; font-weight: bold; }
.warn { color: #b26a00; } .skip { color: #777; } .note { color: #777; font-size: .9em; }
`;

function marked(bytes: readonly MarkedByte[]): string {
  return bytes.map(({ hex, differs }) => (differs ? `<mark>${hex}</mark>` : hex)).join(' ');
}

function emitBytes({ evidence }: CaseResult): string {
  if (!evidence) return '';
  const { rows, left } = byteRows(evidence);
  const column = (name: 'expected' | 'received') =>
    rows
      .map((row) => `${row.offset.toString(16).padStart(4, '0')}  ${marked(row[name])}`)
      .join('\n');
  const parts: string[] = [`<pre>request ${evidence.request.toString('hex')}</pre>`];
  if (evidence.expected) parts.push(`wanted<pre>${column('expected')}</pre>`);
  parts.push(`came<pre>${evidence.received.length > 0 ? column('received') : 'nothing'}</pre>`);
  if (evidence.clear && evidence.clear.length > 0) {
    parts.push(`its payload in clear<pre>${evidence.clear.subarray(0, 512).toString('hex')}</pre>`);
  }
  if (left > 0) parts.push(`<p class="note">${left} more rows are not shown</p>`);
  return `<details open><summary>step ${evidence.step}</summary>${parts.join('')}</details>`;
}

function emitRow(result: CaseResult): string {
  const { case: one, verdict, problem } = result;
  const note = one.note === undefined ? '' : `<div class="note">${escapeXml(one.note)}</div>`;
  const why = problem === undefined ? '' : `<div class="${verdict}">${escapeXml(problem)}</div>`;
  const cells = [
    `<code>${escapeXml(one.id)}</code>`,
    `${escapeXml(one.title)}${note}${why}${emitBytes(result)}`,
    `${one.level}`,
    escapeXml(one.section),
    `<span class="${verdict}">${WORDS[verdict]}</span>`,
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

export function emitHtml(report: Report): string {
  const { pass, fail, warn, skip } = countVerdicts(report.results);
  const sections = bySection(report.results).map(({ title, results }) => {
    const good = results.filter(({ verdict }) => verdict === 'pass').length;
    const head = ['case', 'what holds', 'level', 'reference', 'result'];
    return (
      `<h2>${escapeXml(title)} <small>${good} of ${results.length}</small></h2>\n<table>` +
      `<tr>${head.map((name) => `<th>${name}</th>`).join('')}</tr>\n` +
      `${results.map(emitRow).join('\n')}\n</table>`
    );
  });
  const about = `${report.about}, ${report.startedAt.toISOString()}`;
  const name = escapeXml(`${report.protocol} conformance of ${report.target}`);
  const verdict =
    `<p><span class="pass">${pass} pass</span>, <span class="fail">${fail} fail</span>, ` +
    `<span class="warn">${warn} differ where they should not</span>, ` +
    `<span class="skip">${skip} not tried</span></p>`;
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return [
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<title>${name}</title><style>${STYLE}</style></head>`,
    `<body><h1>${name}</h1>`,
    `<p>${escapeXml(about)}</p>${verdict}`,
    ...sections,
    '</body></html>\n',
  ].join('\n');
}
