import {
  appendFileSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { expect, it, vi } from 'vitest';
import { auditForTests } from '../testing/audit-place.ts';
import { AuditFile } from './audit-file.ts';
import { verifyAuditFiles } from './audit-verify.ts';

const here = auditForTests();

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const { openSync, readFileSync, writeSync } = fs;
  const mocked = {
    openSync: vi.fn(openSync),
    readFileSync: vi.fn(readFileSync),
    writeSync: vi.fn(writeSync),
  };
  return { ...fs, ...mocked };
});

it('goes on in the same file when the next one cannot be had', () => {
  const { path } = here;
  const { file } = AuditFile.open({ path, fileBytesMax: 1 });
  const append = () => file.append(['{"event":"error","success":false}'], 'now');
  append();
  vi.mocked(openSync).mockImplementationOnce(() => {
    throw new Error('EMFILE: too many open files');
  });
  expect(append).toThrow('EMFILE');
  expect(readdirSync(here.folder)).toEqual(['audit.log', 'audit.log.head', 'audit.log.lock']);
  append();
  file.close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 4 });
  expect(readdirSync(here.folder)).toContain('audit.log.000001');
});

it('tells of a break with the first records that the disk takes', () => {
  const { path } = here;
  const record = '{"event":"error","success":false}';
  const first = AuditFile.open({ path }).file;
  first.append([record], 'then');
  first.close();
  writeFileSync(path, '');
  const { file, broken } = AuditFile.open({ path });
  expect(broken).toMatch(/^the end is missing: records 0 to 1,/);
  vi.mocked(writeSync).mockImplementationOnce(() => {
    throw new Error('ENOSPC: no space left on device');
  });
  expect(() => file.append([record], 'full')).toThrow('ENOSPC');
  expect(file.owes).toBe(true);
  file.append([], 'now');
  expect(file.owes).toBe(false);
  file.close();
  const breaks = [{ time: 'full', problem: broken }];
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 2, breaks });
});

it('is whole for a reader while a server rotates it, or is in the middle of a line', async () => {
  const { path } = here;
  const { readFileSync: read } = await vi.importActual<typeof import('node:fs')>('node:fs');
  const { file } = AuditFile.open({ path, fileBytesMax: 1 });
  const append = () => file.append(['{"event":"error","success":false}'], 'now');
  append();
  append();
  /** While the log itself is read for the first time. */
  const meanwhile = (work: (text: string) => string) => {
    let done = false;
    vi.mocked(readFileSync).mockImplementation(((name: string, ...more: [BufferEncoding]) => {
      if (done || name !== path) return read(name, ...more);
      done = true;
      return work(read(name, 'utf8'));
    }) as typeof readFileSync);
  };
  meanwhile(() => {
    append();
    return read(path, 'utf8');
  });
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 6 });
  meanwhile((text) => {
    append();
    return `${text}{"sequence":6,"ti`;
  });
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 8, unfinishedBytes: 0 });
  // The file looks the same before and after: the server waits for the processor.
  meanwhile((text) => `${text}{"sequence":8,"ti`);
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 8, unfinishedBytes: 0 });
  // Nobody writes: it is what it is.
  file.close();
  meanwhile((text) => text);
  appendFileSync(path, '{"sequence":8,"ti');
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 8, unfinishedBytes: 17 });
  vi.mocked(readFileSync).mockImplementation(read);
});

it('is whole where a server was killed between the steps of a rotation', () => {
  const { path } = here;
  const record = '{"event":"error","success":false}';
  const { file } = AuditFile.open({ path, fileBytesMax: 1 });
  for (let i = 0; i < 3; i++) file.append([record], 'now');
  file.close();
  renameSync(path, `${path}.000003`);
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 6 });
  const again = AuditFile.open({ path });
  expect(again.broken).toBeUndefined();
  again.file.append([record], 'now');
  again.file.close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 8 });
  // A log that was there, and had more: the head knows.
  rmSync(path);
  const left = { ok: false, problem: expect.stringContaining('there is no such file, but') };
  expect(verifyAuditFiles(path)).toMatchObject(left);
  // Without a head nothing says that there was no more.
  rmSync(`${path}.head`);
  expect(verifyAuditFiles(path)).toMatchObject(left);
});
