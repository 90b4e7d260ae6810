import { mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { AuditFile, verifyAuditFiles } from './audit-file.ts';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, openSync: vi.fn(fs.openSync) };
});

it('goes on in the same file when the next one cannot be had', () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-rotation-'));
  const path = join(folder, 'audit.log');
  const { file } = AuditFile.open({ path, fileBytesMax: 1 });
  const append = () => file.append(['{"event":"error","success":false}'], 'now');
  append();
  vi.mocked(openSync).mockImplementationOnce(() => {
    throw new Error('EMFILE: too many open files');
  });
  expect(append).toThrow('EMFILE');
  expect(readdirSync(folder)).toEqual(['audit.log', 'audit.log.head']);
  append();
  file.close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 4 });
  expect(readdirSync(folder)).toContain('audit.log.000001');
  rmSync(folder, { recursive: true });
});
