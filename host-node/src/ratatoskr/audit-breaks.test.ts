import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import type { AuditFileOptions } from './audit-file.ts';
import { AuditLog } from './audit-log.ts';
import { type AuditVerdict, verifyAuditFiles } from './audit-verify.ts';

let folder = '';
let path = '';
let nowMs = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-audit-breaks-'));
  path = join(folder, 'audit.log');
  nowMs = 1_800_000_000_000;
});
afterEach(() => rmSync(folder, { recursive: true }));

const warnings: unknown[] = [];

/** Opens a log, and writes so many records. */
function run(count: number, options: Partial<AuditFileOptions> = {}): AuditLog {
  nowMs += 60_000;
  const logger = createLogger({ level: 'silent' });
  warnings.length = 0;
  logger.warn = ({ problem }: { problem: string }) => void warnings.push(problem);
  const log = new AuditLog({ file: { path, ...options }, logger, nowMs: () => nowMs });
  for (let i = 0; i < count; i++) {
    log.record({ event: 'message_delivered', success: true, device: `d${i}` });
    log.flush();
  }
  log.close();
  return log;
}

/** Another chain in the place of the log, and the head of before with it. */
function exchange(count: number): string {
  const head = readFileSync(`${path}.head`, 'utf8');
  rmSync(path);
  rmSync(`${path}.head`);
  run(count);
  writeFileSync(`${path}.head`, head);
  return head;
}

const breaksOf = (verdict: AuditVerdict) =>
  verdict.ok ? verdict.breaks.map(({ problem }) => problem) : undefined;
const lastRecords = () =>
  readFileSync(path, 'utf8')
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
    expect(verifyAuditFiles(path)).toEqual({ ok: false, file: path, problem });
    const log = run(0);
    expect(warnings).toEqual([problem]);
    expect(log.recent()).toMatchObject([
      { event: 'audit_broken', reason: `audit log: ${problem}` },
    ]);
    expect(lastRecords().at(-1)).toMatchObject({ event: 'audit_broken', former: head.trim() });
    for (let i = 0; i < 3; i++) {
      expect(breaksOf(verifyAuditFiles(path))).toEqual([problem]);
      run(2);
      expect(warnings).toEqual([]);
    }
    const kept = readFileSync(`${path}.head.broken`, 'utf8').trimEnd().split('\n');
    expect(kept.map((line) => JSON.parse(line))).toMatchObject([{ problem, head: head.trim() }]);
    expect(statSync(`${path}.head.broken`).mode & 0o777).toBe(0o600);
  });

  it('one that says it begins behind the head', () => {
    run(40, { fileBytesMax: 1000, filesMax: 2 });
    const later = readFileSync(path);
    for (const file of [1, 2, 3, 4, 5, 6, 7, 8, 9]) rmSync(`${path}.00000${file}`, { force: true });
    for (const file of [10, 11, 12, 13]) rmSync(`${path}.0000${file}`, { force: true });
    rmSync(path);
    rmSync(`${path}.head`);
    run(3);
    writeFileSync(path, later);
    const problem = 'record 3, which was kept as the head, is in no file';
    expect(verifyAuditFiles(path)).toEqual({ ok: false, file: path, problem });
    run(0);
    expect(warnings).toEqual([problem]);
    expect(breaksOf(verifyAuditFiles(path))).toEqual([problem]);
  });

  it.each<[string, RegExp, () => void]>([
    ['without its end', /^the end is missing: record 3,/, () => cutLastLine()],
    ['empty', /^the end is missing: records 0 to 3,/, () => writeFileSync(path, '')],
    ['gone', /^the end is missing: records 0 to 3,/, () => rmSync(path)],
    ['with a damaged head', /head that was kept is damaged/, () => damage(`${path}.head`)],
    ['without a head', /no head/, () => rmSync(`${path}.head`)],
    ['with a changed line', /^line 2: changed/, () => damage(path)],
  ])('%s, and tells it ever after', (_, problem, spoil) => {
    run(3);
    spoil();
    run(1);
    expect(warnings).toEqual([expect.stringMatching(problem)]);
    run(1);
    expect(warnings).toEqual([]);
    const kept = JSON.parse(readFileSync(`${path}.head.broken`, 'utf8'));
    expect(kept.problem).toMatch(problem);
    const verdict = verifyAuditFiles(path);
    // What was put aside is broken itself.
    if (!verdict.ok) expect(verdict.file).toBe(`${path}.000001`);
    else expect(breaksOf(verdict)).toEqual([expect.stringMatching(problem)]);
  });

  it('in a rotated file, when the next one has no record yet', () => {
    run(3);
    const head = exchange(5);
    const aside = `${path}.000001`;
    copyFileSync(path, aside);
    writeFileSync(path, '');
    expect(verifyAuditFiles(path)).toMatchObject({ ok: false });
    run(1);
    const problem = 'record 3 is not the one that was kept as the head';
    expect(warnings).toEqual([problem]);
    expect(breaksOf(verifyAuditFiles(path))).toEqual([problem]);
    expect(readFileSync(`${path}.head.broken`, 'utf8')).toContain(JSON.stringify(head.trim()));
  });

  it('and tells it when the record of it was rotated away, or the file beside it is gone', () => {
    const options = { fileBytesMax: 1000, filesMax: 2 };
    run(3);
    cutLastLine();
    run(1, options);
    const [problem] = warnings;
    copyFileSync(`${path}.head.broken`, join(folder, 'copy'));
    rmSync(`${path}.head.broken`);
    expect(breaksOf(verifyAuditFiles(path))).toEqual([problem]);
    copyFileSync(join(folder, 'copy'), `${path}.head.broken`);
    run(40, options);
    expect(existsSync(`${path}.000001`)).toBe(false);
    expect(breaksOf(verifyAuditFiles(path))).toEqual([problem]);
    writeFileSync(`${path}.head.broken`, 'junk\n');
    const damaged = `${path}.head.broken: line 1 is damaged`;
    expect(breaksOf(verifyAuditFiles(path))).toEqual([damaged]);
  });

  it('each time, within a bound', () => {
    run(1);
    cutLastLine();
    run(1);
    const line = readFileSync(`${path}.head.broken`, 'utf8');
    const count = Math.floor(65_535 / line.length);
    writeFileSync(`${path}.head.broken`, line.repeat(count));
    cutLastLine();
    run(1);
    expect(statSync(`${path}.head.broken`).size).toBe(line.length * count);
    expect(breaksOf(verifyAuditFiles(path))).toHaveLength(2);
  });
});

it('tells of none where processes were killed, at a first write too, or files rotated', () => {
  const options = { fileBytesMax: 500, filesMax: 3 };
  const beforeAll = readHeadAfter(() => run(0, options));
  run(1, options);
  // The head was not yet written when the process ended.
  writeFileSync(`${path}.head`, beforeAll);
  run(1, options);
  expect(warnings).toEqual([]);
  for (let i = 0; i < 20; i++) {
    const head = readHeadAfter(() => run(1, options));
    expect(warnings).toEqual([]);
    run(1, options);
    writeFileSync(`${path}.head`, head);
  }
  appendFileSync(path, '{"sequence":3,"ti');
  run(1, options);
  expect(warnings).toEqual(['the last line was cut off (17 bytes)']);
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, breaks: [] });
  expect(existsSync(`${path}.head.broken`)).toBe(false);
});

it('tells in the log that its head cannot be written, and goes on', () => {
  mkdirSync(`${path}.head.tmp`);
  const logger = createLogger({ level: 'silent' });
  const told: string[] = [];
  logger.error = (_: unknown, text?: string) => void told.push(String(text));
  const log = new AuditLog({ file: { path }, logger });
  const write = () => {
    log.record({ event: 'authentication', success: true });
    log.flush();
  };
  const problem = 'the head of the audit log cannot be written';
  write();
  write();
  expect(told).toEqual([problem]);
  rmSync(`${path}.head.tmp`, { recursive: true });
  write();
  mkdirSync(`${path}.head.tmp`);
  write();
  expect(told).toEqual([problem, problem]);
  log.close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 5 });
});

it.each(['.head', '.head.broken', ''])('names audit.log%s if that is a folder', (name) => {
  run(1);
  rmSync(`${path}${name}`, { force: true });
  mkdirSync(`${path}${name}`);
  const problem = name === '' ? 'it is no file' : `${path}${name}: it is a folder`;
  if (name !== '') expect(() => verifyAuditFiles(path)).toThrow(problem);
  else {
    const told = `${problem}, but this is left of its log: ${path}.head`;
    expect(verifyAuditFiles(path)).toEqual({ ok: false, file: path, problem: told });
  }
  if (name === '.head.broken') return;
  const wrong = { code: 'ANDVARI_RATATOSKR_AUDIT', message: `${path}${name}: it is a folder` };
  expect(() => run(1)).toThrow(expect.objectContaining(wrong));
  // Nor does it keep the lock.
  rmSync(`${path}${name}`, { recursive: true });
  run(1);
});

function readHeadAfter(work: () => void): string {
  work();
  return readFileSync(`${path}.head`, 'utf8');
}

function cutLastLine(): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(/[^\n]+\n$/, ''));
}

/** One bit of the second line, or of the only one. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(10) + 10;
  const index = at < bytes.length ? at : 3;
  bytes[index] = (bytes[index] as number) ^ 1;
  writeFileSync(file, bytes);
}
