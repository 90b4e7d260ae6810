import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../log/logger.ts';
import { auditForTests } from '../testing/audit-place.ts';
import type { AuditFileOptions } from './audit-file.ts';
import { AuditLog } from './audit-log.ts';
import { type AuditVerdict, verifyAuditFiles } from './audit-verify.ts';

const here = auditForTests();
const { warnings } = here;

/** Opens a log, and writes so many records. */
function run(count: number, options?: Partial<AuditFileOptions>): AuditLog {
  here.nowMs += 60_000;
  const log = here.open(options);
  here.write(log, count);
  log.close();
  return log;
}

/** Another chain in the place of the log, and the head of before with it. */
function exchange(count: number): string {
  const head = readFileSync(`${here.path}.head`, 'utf8');
  rmSync(here.path);
  rmSync(`${here.path}.head`);
  run(count);
  writeFileSync(`${here.path}.head`, head);
  return head;
}

const breaksOf = (verdict: AuditVerdict) =>
  verdict.ok ? verdict.breaks.map(({ problem }) => problem) : undefined;
const lastRecords = () =>
  readFileSync(here.path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a start finds a log that is not what it was', () => {
  it.each([
    ['as long', 6],
    ['longer', 20],
  ])('another one, %s, and tells it ever after', (_, count) => {
    run(6);
    const head = exchange(count);
    const problem = 'record 6 is not the one that was kept as the head';
    expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem });
    const log = run(0);
    expect(warnings).toEqual([problem]);
    expect(log.recent()).toMatchObject([
      { event: 'audit_broken', reason: `audit log: ${problem}` },
    ]);
    expect(lastRecords().at(-1)).toMatchObject({ event: 'audit_broken', former: head.trim() });
    for (let i = 0; i < 3; i++) {
      expect(breaksOf(verifyAuditFiles(here.path))).toEqual([problem]);
      run(2);
      expect(warnings).toEqual([]);
    }
    const kept = readFileSync(`${here.path}.head.broken`, 'utf8').trimEnd().split('\n');
    expect(kept.map((line) => JSON.parse(line))).toMatchObject([{ problem, head: head.trim() }]);
    expect(statSync(`${here.path}.head.broken`).mode & 0o777).toBe(0o600);
  });

  it('one that says it begins behind the head', () => {
    run(40, { fileBytesMax: 1000, filesMax: 2 });
    const later = readFileSync(here.path);
    for (const file of [1, 2, 3, 4, 5, 6, 7, 8, 9])
      rmSync(`${here.path}.00000${file}`, { force: true });
    for (const file of [10, 11, 12, 13]) rmSync(`${here.path}.0000${file}`, { force: true });
    rmSync(here.path);
    rmSync(`${here.path}.head`);
    run(3);
    writeFileSync(here.path, later);
    const problem = 'record 3, which was kept as the head, is in no file';
    expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem });
    run(0);
    expect(warnings).toEqual([problem]);
    expect(breaksOf(verifyAuditFiles(here.path))).toEqual([problem]);
  });

  it.each<[string, RegExp, () => void]>([
    ['without its end', /^the end is missing: record 3,/, () => cutLastLine()],
    ['empty', /^the end is missing: records 0 to 3,/, () => writeFileSync(here.path, '')],
    ['gone', /^the end is missing: records 0 to 3,/, () => rmSync(here.path)],
    ['with a damaged head', /head that was kept is damaged/, () => damage(`${here.path}.head`)],
    ['without a head', /no head/, () => rmSync(`${here.path}.head`)],
    ['with a changed line', /^line 2: changed/, () => damage(here.path)],
  ])('%s, and tells it ever after', (_, problem, spoil) => {
    run(3);
    spoil();
    run(1);
    expect(warnings).toEqual([expect.stringMatching(problem)]);
    run(1);
    expect(warnings).toEqual([]);
    const kept = JSON.parse(readFileSync(`${here.path}.head.broken`, 'utf8'));
    expect(kept.problem).toMatch(problem);
    const verdict = verifyAuditFiles(here.path);
    // What was put aside is broken itself.
    if (!verdict.ok) expect(verdict.file).toBe(`${here.path}.000001`);
    else expect(breaksOf(verdict)).toEqual([expect.stringMatching(problem)]);
  });

  it('in a rotated file, when the next one has no record yet', () => {
    run(3);
    const head = exchange(5);
    const aside = `${here.path}.000001`;
    copyFileSync(here.path, aside);
    writeFileSync(here.path, '');
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: false });
    run(1);
    const problem = 'record 3 is not the one that was kept as the head';
    expect(warnings).toEqual([problem]);
    expect(breaksOf(verifyAuditFiles(here.path))).toEqual([problem]);
    expect(readFileSync(`${here.path}.head.broken`, 'utf8')).toContain(JSON.stringify(head.trim()));
  });

  it('and tells it when the record of it was rotated away, or the file beside it is gone', () => {
    const options = { fileBytesMax: 1000, filesMax: 2 };
    run(3);
    cutLastLine();
    run(1, options);
    const [problem] = warnings;
    copyFileSync(`${here.path}.head.broken`, here.at('copy'));
    rmSync(`${here.path}.head.broken`);
    expect(breaksOf(verifyAuditFiles(here.path))).toEqual([problem]);
    copyFileSync(here.at('copy'), `${here.path}.head.broken`);
    run(40, options);
    expect(existsSync(`${here.path}.000001`)).toBe(false);
    expect(breaksOf(verifyAuditFiles(here.path))).toEqual([problem]);
    writeFileSync(`${here.path}.head.broken`, 'junk\n');
    const damaged = `${here.path}.head.broken: line 1 is damaged`;
    expect(breaksOf(verifyAuditFiles(here.path))).toEqual([damaged]);
  });

  it('each time, within a bound', () => {
    run(1);
    cutLastLine();
    run(1);
    const line = readFileSync(`${here.path}.head.broken`, 'utf8');
    const count = Math.floor(65_535 / line.length);
    writeFileSync(`${here.path}.head.broken`, line.repeat(count));
    cutLastLine();
    run(1);
    expect(statSync(`${here.path}.head.broken`).size).toBe(line.length * count);
    expect(breaksOf(verifyAuditFiles(here.path))).toHaveLength(2);
  });
});

it('tells of none where processes were killed, at a first write too, or files rotated', () => {
  const options = { fileBytesMax: 500, filesMax: 3 };
  const beforeAll = readHeadAfter(() => run(0, options));
  run(1, options);
  // The head was not yet written when the process ended.
  writeFileSync(`${here.path}.head`, beforeAll);
  run(1, options);
  expect(warnings).toEqual([]);
  for (let i = 0; i < 20; i++) {
    const head = readHeadAfter(() => run(1, options));
    expect(warnings).toEqual([]);
    run(1, options);
    writeFileSync(`${here.path}.head`, head);
  }
  appendFileSync(here.path, '{"sequence":3,"ti');
  run(1, options);
  expect(warnings).toEqual(['the last line was cut off (17 bytes)']);
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, breaks: [] });
  expect(existsSync(`${here.path}.head.broken`)).toBe(false);
});

it('tells in the log that its head cannot be written, and goes on', () => {
  mkdirSync(`${here.path}.head.tmp`);
  const logger = createLogger({ level: 'silent' });
  const told: string[] = [];
  logger.error = (_: unknown, text?: string) => void told.push(String(text));
  const log = new AuditLog({ file: { path: here.path }, logger });
  const write = () => {
    log.record({ event: 'authentication', success: true });
    log.flush();
  };
  const problem = 'the head of the audit log cannot be written';
  write();
  write();
  expect(told).toEqual([problem]);
  rmSync(`${here.path}.head.tmp`, { recursive: true });
  write();
  mkdirSync(`${here.path}.head.tmp`);
  write();
  expect(told).toEqual([problem, problem]);
  log.close();
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 5 });
});

it.each(['.head', '.head.broken', ''])('names audit.log%s if that is a folder', (name) => {
  run(1);
  rmSync(`${here.path}${name}`, { force: true });
  mkdirSync(`${here.path}${name}`);
  const problem = name === '' ? 'it is no file' : `${here.path}${name}: it is a folder`;
  if (name !== '') expect(() => verifyAuditFiles(here.path)).toThrow(problem);
  else {
    const told = `${problem}, but this is left of its log: ${here.path}.head`;
    expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem: told });
  }
  if (name === '.head.broken') return;
  const wrong = {
    code: 'ANDVARI_RATATOSKR_AUDIT',
    message: `${here.path}${name}: it is a folder`,
  };
  expect(() => run(1)).toThrow(expect.objectContaining(wrong));
  // Nor does it keep the lock.
  rmSync(`${here.path}${name}`, { recursive: true });
  run(1);
});

function readHeadAfter(work: () => void): string {
  work();
  return readFileSync(`${here.path}.head`, 'utf8');
}

function cutLastLine(): void {
  writeFileSync(here.path, readFileSync(here.path, 'utf8').replace(/[^\n]+\n$/, ''));
}

/** One bit of the second line, or of the only one. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(10) + 10;
  const index = at < bytes.length ? at : 3;
  bytes[index] = (bytes[index] as number) ^ 1;
  writeFileSync(file, bytes);
}
