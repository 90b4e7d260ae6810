import { describe, expect, it } from 'vitest';
import type { CaseFacts } from './case.ts';
import { differences, type Evidence } from './finding.ts';
import { bySection, byteRows, bytesAsText, type Report, sectionOf } from './report.ts';
import { emitHtml } from './report-html.ts';
import { emitJunit, escapeXml } from './report-junit.ts';
import type { CaseResult, Verdict } from './verdict.ts';

const bytes = (...values: number[]) => Buffer.from(values);
const evidence = (expected: Buffer, received: Buffer): Evidence => {
  return { step: 1, request: bytes(1, 2), expected, received };
};

describe('differences', () => {
  it.each([
    [bytes(), bytes(), []],
    [bytes(1, 2), bytes(1, 2), []],
    [
      bytes(1, 2, 3),
      bytes(9, 2, 9),
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [bytes(1, 2, 3), bytes(1, 8, 9), [[1, 3]]],
    [bytes(1), bytes(1, 2, 3), [[1, 3]]],
    [bytes(1, 2, 3), bytes(), [[0, 3]]],
  ])('of %j and %j', (expected, received, ranges) => {
    expect(differences(expected, received)).toEqual(ranges);
  });
});

describe('bytes with the difference marked', () => {
  it('puts carets under what differs, and nothing under what does not', () => {
    const lines = bytesAsText(evidence(bytes(10, 11, 12), bytes(10, 99, 12)));
    expect(lines).toEqual(['0000 wanted 0a 0b 0c', '0000 came   0a 63 0c', '               ^^']);
    const caret = lines[2]!.indexOf('^^');
    expect(lines[1]!.slice(caret, caret + 2)).toBe('63');
    expect(bytesAsText(evidence(bytes(1), bytes(1)))).toEqual(['0000        01']);
  });

  it('shows what differs far behind in a long reply', () => {
    const expected = Buffer.alloc(100_000);
    const received = Buffer.from(expected);
    received[99_000] = 1;
    const { rows, left } = byteRows(evidence(expected, received));
    const marked = rows.filter((row) => row.received.some((byte) => byte.differs));
    expect(marked.map((row) => row.offset)).toEqual([98_992]);
    expect(rows.length + left).toBe(6250);
  });

  it('says when nothing came', () => {
    expect(bytesAsText(evidence(bytes(1), bytes())).at(-1)).toBe('came   nothing');
  });
});

const one = (more: Partial<CaseFacts>): CaseFacts => {
  return {
    id: 'raida/1/10/x',
    title: 't',
    level: 'MUST',
    section: '9',
    ...more,
  };
};
const HOSTILE = '<script>alert("x")</script> & \'y\' \0 ]]>';
const result = (verdict: Verdict, more: Partial<CaseResult> = {}): CaseResult => {
  return { case: one({ title: HOSTILE, note: HOSTILE }), verdict, elapsedMs: 5, ...more };
};
const report: Report = {
  ...{ target: HOSTILE, protocol: 'RAIDA', about: 'wire spec', startedAt: new Date(0) },
  results: [
    result('pass'),
    result('fail', { problem: HOSTILE, evidence: evidence(bytes(1, 2), bytes(1, 3)) }),
    result('warn', { problem: 'differs' }),
    result('skip', { problem: 'not here', case: one({ id: 'raida/header/y' }) }),
  ],
};

describe('reports', () => {
  it('escape everything that XML cannot hold', () => {
    expect(escapeXml('<&>"\'\0\ufffe\ud800')).toBe('&lt;&amp;&gt;&quot;&apos;\ufffd\ufffd\ufffd');
    for (const text of [emitJunit(report), emitHtml(report)]) {
      expect(text).not.toContain('<script');
      expect(text).not.toContain('\0');
      expect(text).toContain('&lt;script&gt;');
    }
  });

  it('JUnit: a MUST is a failure, a SHOULD is not', () => {
    const text = emitJunit(report);
    expect(text).toContain('<testsuites name=');
    expect(text).toMatch(/<testsuites [^>]*tests="4" failures="1" errors="0" skipped="2"/);
    expect(text.match(/<failure /g)).toHaveLength(1);
    expect(text.match(/<skipped /g)).toHaveLength(2);
    expect(text).toContain('message="SHOULD: differs"');
  });

  it('HTML: rows by section, with the bytes that differ marked', () => {
    const text = emitHtml(report);
    expect(text.indexOf('Request header')).toBeLessThan(text.indexOf('Group 1, Auth'));
    expect(text).toContain('01 <mark>02</mark>');
    expect(text).toContain('01 <mark>03</mark>');
    expect(text.match(/<mark>/g)).toHaveLength(2);
  });

  it('sort by section', () => {
    expect(sectionOf('raida/2/50/replayed-claim')).toBe('raida/2');
    expect(bySection(report.results).map(({ id }) => id)).toEqual(['raida/header', 'raida/1']);
  });
});
