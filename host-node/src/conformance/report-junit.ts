/** Results as JUnit XML, for continuous integration. A SHOULD that fails counts as skipped. */
import { bySection, byteRows, bytesAsText, countVerdicts, type Report } from './report.ts';
import type { CaseResult } from './verdict.ts';

/** Text as XML 1.0 may hold it: characters that it cannot are replaced. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

function emitCase({ case: one, verdict, elapsedMs, problem = '', evidence }: CaseResult): string {
  const names = attributes({
    classname: one.id.split('/').slice(0, -1).join('.'),
    name: `${one.id}: ${one.title}`,
    time: (elapsedMs / 1000).toFixed(3),
  });
  if (verdict === 'pass') return `    <testcase${names}/>`;
  const bytes = evidence && byteRows(evidence).rows.length > 0 ? bytesAsText(evidence) : [];
  const request = evidence ? [`request ${evidence.request.toString('hex')}`] : [];
  const text = escapeXml([...request, ...bytes].join('\n'));
  const message = attributes({ message: verdict === 'warn' ? `SHOULD: ${problem}` : problem });
  const element = verdict === 'fail' ? 'failure' : 'skipped';
  const inner = `      <${element}${message}>${text}</${element}>`;
  return `    <testcase${names}>\n${inner}\n    </testcase>`;
}

export function emitJunit(report: Report): string {
  const counts = (results: readonly CaseResult[]) => {
    const { fail, warn, skip } = countVerdicts(results);
    const ms = results.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0);
    const time = (ms / 1000).toFixed(3);
    return { tests: results.length, failures: fail, errors: 0, skipped: warn + skip, time };
  };
  const suites = bySection(report.results).map(({ title, results }) => {
    const timestamp = report.startedAt.toISOString();
    const names = attributes({ name: title, ...counts(results), timestamp });
    return `  <testsuite${names}>\n${results.map(emitCase).join('\n')}\n  </testsuite>\n`;
  });
  const all = attributes({
    name: `${report.protocol} conformance of ${report.target}`,
    ...counts(report.results),
  });
  const head = '<?xml version="1.0" encoding="UTF-8"?>';
  return `${head}\n<testsuites${all}>\n${suites.join('')}</testsuites>\n`;
}
