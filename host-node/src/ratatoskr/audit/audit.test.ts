import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../log/logger.ts';
import { auditForTests } from '../testing/audit-place.ts';
import type { AuditFileOptions } from './audit-file.ts';
import { AuditLog } from './audit-log.ts';
import { verifyAuditFiles } from './audit-verify.ts';

const here = auditForTests();
const open = (options?: Partial<AuditFileOptions>) => here.open(options);
const write = (log: AuditLog, count: number) => here.write(log, count);

/** The files with records. */
function logs(): string[] {
  const names = readdirSync(here.folder).sort();
  return names.filter((name) => !/\.(head|lock)/.test(name));
}

describe('the audit log', () => {
  it('is a chain of lines that verifies, and goes on after a restart', () => {
    const first = open();
    write(first, 3);
    first.close();
    expect(statSync(here.path).mode & 0o777).toBe(0o600);
    const second = open();
    write(second, 2);
    const { head } = second;
    second.close();
    expect(verifyAuditFiles(here.path)).toEqual({
      ok: true,
      records: 6,
      head,
      headKept: true,
      unfinishedBytes: 0,
      breaks: [],
      leftOut: 0,
    });
    const records = readFileSync(here.path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(records[0]).toMatchObject({ event: 'audit_opened', previous: '0'.repeat(64) });
    expect(records[1]).toMatchObject({ time: '2027-01-15T08:00:00.000Z', device: 'd0' });
  });

  it.each([
    ['changed', (lines: string[]) => lines.map((l, i) => (i === 2 ? l.replace('d1', 'd9') : l))],
    ['left out', (lines: string[]) => lines.filter((_, i) => i !== 2)],
    ['put in twice', (lines: string[]) => lines.flatMap((l, i) => (i === 2 ? [l, l] : l))],
    ['moved', (lines: string[]) => [0, 2, 1, 3].map((i) => lines[i] as string)],
    ['made anew', (lines: string[]) => lines.map((l, i) => (i === 2 ? '{"event":"x"}' : l))],
    ['taken from the start', (lines: string[]) => lines.slice(1)],
  ])('shows a line that was %s', (_, change) => {
    const log = open();
    write(log, 3);
    log.close();
    expect(verifyAuditFiles(here.path).ok).toBe(true);
    const lines = readFileSync(here.path, 'utf8').trimEnd().split('\n');
    writeFileSync(here.path, `${change(lines).join('\n')}\n`);
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: false, file: here.path });
    // A server goes on all the same, with what was broken put aside.
    const next = open();
    write(next, 1);
    next.close();
    expect(logs()).toEqual(['audit.log', 'audit.log.000001']);
    expect(verifyAuditFiles(here.path).ok).toBe(false);
    expect(readFileSync(here.path, 'utf8')).toContain('"reason":"audit log: line');
  });

  /** Every byte of the first line in turn, one bit of it the other way. */
  it('takes any damage of a first line for a broken chain', () => {
    const log = open();
    write(log, 1);
    log.close();
    const text = readFileSync(here.path);
    for (let at = 0; at < text.indexOf('\n'); at++) {
      const damaged = Buffer.from(text);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(here.path, damaged);
      const problem = expect.stringMatching(/^line 1: changed/);
      expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem });
    }
    open().close();
    expect(logs()).toEqual(['audit.log', 'audit.log.000001']);
    expect(readFileSync(here.path, 'utf8')).toContain('"reason":"audit log: line 1: changed');
  });

  it.each([
    ['it was put aside', 0],
    ['rotated, before an empty file', 1],
  ])('names the damaged file, not a whole one, after %s', (_, isRotated) => {
    const options = { fileBytesMax: 500 };
    const log = open(options);
    write(log, 12);
    log.close();
    const before = logs();
    const victim = isRotated ? here.at(before.at(-1) as string) : here.path;
    if (isRotated) writeFileSync(here.path, '');
    writeFileSync(victim, readFileSync(victim, 'utf8').replace('{"sequence"', '{sequence"'));
    const next = open(options);
    const [opened] = next.recent();
    write(next, 2);
    next.close();
    const put = isRotated ? victim : here.at(`audit.log.00000${before.length}`);
    const problem = expect.stringMatching(/^line 1: changed/);
    expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: put, problem });
    expect(opened?.reason).toMatch(
      isRotated ? `audit log: ${victim}: line 1` : 'audit log: line 1',
    );
  });

  it('goes on behind a last line that a crash has cut', () => {
    const log = open();
    write(log, 2);
    log.close();
    appendFileSync(here.path, '{"sequence":3,"ti');
    const next = open();
    write(next, 1);
    next.close();
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 5 });
    expect(readFileSync(here.path, 'utf8')).toContain('cut off (17 bytes)');
  });

  it.each([
    ['the last line', (text: string) => text.replace(/[^\n]+\n$/, ''), 'record 3,'],
    ['the last three', (text: string) => `${text.split('\n', 1)[0]}\n`, 'records 1 to 3,'],
    ['all of them', () => '', 'records 0 to 3,'],
  ])('shows that %s were cut, and a server tells it', (_, cut, missing) => {
    const log = open();
    write(log, 3);
    log.close();
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, headKept: true });
    writeFileSync(here.path, cut(readFileSync(here.path, 'utf8')));
    const problem = expect.stringContaining(`the end is missing: ${missing}`);
    expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem });
    open().close();
    expect(readFileSync(here.path, 'utf8')).toContain(`audit log: the end is missing: ${missing}`);
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, breaks: [{ problem }] });
  });

  it('shows a log that was made anew behind its head, unless the head was taken too', () => {
    const log = open();
    write(log, 3);
    log.close();
    const head = readFileSync(`${here.path}.head`);
    rmSync(here.path);
    rmSync(`${here.path}.head`);
    here.nowMs += 1;
    const forged = open();
    write(forged, 4);
    forged.close();
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true });
    writeFileSync(`${here.path}.head`, head);
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: false });
    rmSync(`${here.path}.head`);
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, headKept: false });
  });

  it('shows that the head is damaged, and a server tells it and writes another', () => {
    const log = open();
    write(log, 3);
    log.close();
    for (const text of ['junk', '', '{"sequence":-2,"hash":"00"}']) {
      writeFileSync(`${here.path}.head`, text);
      const problem = 'the head that was kept is damaged';
      expect(verifyAuditFiles(here.path)).toEqual({
        ok: false,
        file: `${here.path}.head`,
        problem,
      });
      open().close();
      expect(readFileSync(here.path, 'utf8')).toContain(`audit log: ${problem}`);
      expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, headKept: true });
    }
  });

  it('is missing where there is no file', () => {
    const nothing = { ok: false, file: here.path, problem: 'there is no such file', missing: true };
    expect(verifyAuditFiles(here.path)).toEqual(nothing);
    expect(verifyAuditFiles(join(here.folder, 'none', 'x'))).toMatchObject({ missing: true });
    // Neither of these is of this log.
    for (const other of ['.lock', '.gz', '.0000001', '2.head'])
      writeFileSync(here.path + other, '');
    expect(verifyAuditFiles(here.path)).toEqual(nothing);
    writeFileSync(here.path, '');
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 0 });
  });

  it.each([
    ['the head and rotated files', ['.head', '.000001', '.000002'], '.head, 2 files up to .000002'],
    ['the head', ['.head'], '.head'],
    ['a rotated file', ['.000001'], '.000001'],
    ['what was told of a break', ['.head.broken'], '.head.broken'],
  ])('is broken, not missing, where %s is left of it', (_, left, told) => {
    const log = open({ fileBytesMax: 500 });
    write(log, 6);
    log.close();
    writeFileSync(`${here.path}.head.broken`, '');
    for (const name of readdirSync(here.folder)) {
      if (!left.some((end) => name === `audit.log${end}`)) rmSync(here.at(name));
    }
    const names = told.replaceAll(/\.(head|0)/g, `${here.path}$&`);
    const problem = `there is no such file, but this is left of its log: ${names}`;
    expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem });
  });

  describe('with a last line that has no end', () => {
    const begun = '{"sequence":4,"time":"\u00e9';
    const bytes = Buffer.byteLength(begun);

    it('behind all that the head knows is what a crash leaves, and stays so at a start', () => {
      const log = open();
      write(log, 3);
      const { head } = log;
      log.close();
      appendFileSync(here.path, begun);
      const told = { ok: true, records: 4, head, headKept: true, breaks: [], leftOut: 0 };
      expect(verifyAuditFiles(here.path)).toEqual({ ...told, unfinishedBytes: bytes });
      open().close();
      expect(verifyAuditFiles(here.path)).toMatchObject({
        ok: true,
        unfinishedBytes: 0,
        breaks: [],
        leftOut: 0,
      });
    });

    it('is the same at the first write of all, and at the first behind a rotation', () => {
      writeFileSync(here.path, begun);
      writeFileSync(`${here.path}.head`, `{"sequence":-1,"hash":"${'0'.repeat(64)}"}`);
      const told = { ok: true, unfinishedBytes: bytes, breaks: [], leftOut: 0 };
      expect(verifyAuditFiles(here.path)).toMatchObject({ ...told, records: 0 });
      const log = open();
      write(log, 3);
      log.close();
      renameSync(here.path, `${here.path}.000001`);
      writeFileSync(here.path, begun);
      expect(verifyAuditFiles(here.path)).toMatchObject({ ...told, records: 5 });
      open().close();
      expect(verifyAuditFiles(here.path)).toMatchObject({
        ok: true,
        unfinishedBytes: 0,
        breaks: [],
        leftOut: 0,
      });
    });

    it.each([
      ['in its middle', (text: string) => text.slice(0, -20), 'the end is missing: record 3,'],
      ['before its newline', (text: string) => text.slice(0, -1), 'the end is missing: record 3,'],
      [
        'with another before it',
        (text: string) => `${text.split('\n').slice(0, 2).join('\n')}\n${begun}`,
        'the end is missing: records 2 to 3,',
      ],
    ])('is broken if the head contradicts: a known one cut %s', (_, cut, problem) => {
      const log = open();
      write(log, 3);
      log.close();
      writeFileSync(here.path, cut(readFileSync(here.path, 'utf8')));
      const told = { ok: false, file: here.path, problem: expect.stringContaining(problem) };
      expect(verifyAuditFiles(here.path)).toEqual(told);
    });

    it('is broken without a head, and in a file that was rotated', () => {
      const log = open({ fileBytesMax: 500 });
      write(log, 4);
      log.close();
      const rotated = `${here.path}.000001`;
      const text = readFileSync(rotated, 'utf8');
      appendFileSync(rotated, begun);
      const problem = expect.stringMatching(/^line \d+: cut off$/);
      expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: rotated, problem });
      writeFileSync(rotated, text);
      appendFileSync(here.path, begun);
      expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, unfinishedBytes: bytes });
      rmSync(`${here.path}.head`);
      expect(verifyAuditFiles(here.path)).toEqual({ ok: false, file: here.path, problem });
    });
  });

  it('is rotated, keeps so many files, and is one chain through all of them', () => {
    const log = open({ fileBytesMax: 1000, filesMax: 3 });
    write(log, 40);
    log.close();
    const names = logs();
    expect(names).toHaveLength(4);
    expect(names[0]).toBe('audit.log');
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true });
    const missing = here.at(names[2] as string);
    const text = readFileSync(missing);
    rmSync(missing);
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: false });
    writeFileSync(missing, text);
    const next = open({ fileBytesMax: 1000, filesMax: 3 });
    write(next, 1);
    next.close();
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true });
  });

  it('keeps the newest in memory', () => {
    const logger = createLogger({ level: 'silent' });
    const log = new AuditLog({ logger, ringMax: 3 });
    for (const device of ['a', 'b', 'c', 'd', 'e']) {
      log.record({ event: 'authentication', success: true, device });
    }
    expect(log.recent().map(({ device }) => device)).toEqual(['c', 'd', 'e']);
  });

  it('counts what strangers cause, and tells it once a minute', () => {
    const log = open();
    const come = (count: number) => {
      for (let i = 0; i < count; i++)
        log.record({ event: 'connection_closed', success: true }, 'stranger');
    };
    const devices = () => log.recent().filter(({ device }) => device).length;
    const told = () => log.recent().filter(({ event }) => event === 'audit_lost');
    come(300_000);
    expect(log.recent()).toHaveLength(1000);
    for (let i = 0; i < 50; i++) {
      come(10);
      log.record({ event: 'authentication', success: true, device: 'd' });
    }
    expect(devices()).toBe(50);
    expect(told().map(({ reason }) => reason)).toEqual(['299010']);
    here.nowMs += 60_000;
    come(100);
    // Two that the minute has room for, and how many there were.
    expect(told().map(({ reason }) => reason)).toEqual(['299010', '490']);
    expect(log.recent()).toHaveLength(1000 + 50 + 2 + 2);
    log.close();
    expect(told().map(({ reason }) => reason)).toEqual(['299010', '490', '98']);
    expect(log.lost).toBe(299_010 + 490 + 98);
    expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, leftOut: log.lost });
    expect(statSync(here.path).size).toBeLessThan(400_000);
  });

  it('counts failures that come too fast, and writes what others do', () => {
    const log = open();
    for (let i = 0; i < 2000; i++) log.record({ event: 'error', success: false });
    log.record({ event: 'authentication', success: true, device: 'd' });
    expect(log.lost).toBe(1000);
    const recent = log.recent().slice(-2);
    expect(recent).toMatchObject([{ event: 'audit_lost', reason: '1000' }, { device: 'd' }]);
    here.nowMs += 1000;
    for (let i = 0; i < 100; i++) log.record({ event: 'error', success: false });
    expect(log.lost).toBe(1080);
    log.close();
    expect(verifyAuditFiles(here.path).ok).toBe(true);
  });
});
