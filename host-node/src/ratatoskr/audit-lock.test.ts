import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { AuditLog } from './audit-log.ts';
import { verifyAuditFiles } from './audit-verify.ts';
import { RatatoskrEndpoint, type RatatoskrFiles } from './endpoint.ts';

const logger = createLogger({ level: 'silent' });

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-audit-lock-'));
  path = join(folder, 'audit.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (at = path) => new AuditLog({ file: { path: at }, logger });
/** Name and content of all that is there. */
const content = () =>
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'hex')]);

function start(files: Partial<RatatoskrFiles> = {}): Promise<RatatoskrEndpoint> {
  const at = (name: string) => join(folder, name);
  return RatatoskrEndpoint.start(
    {
      listen: { host: '127.0.0.1', port: 0 },
      files: {
        ...{ devices: at('devices.json'), serverKey: at('key') },
        ...{ audit: path, answers: at('answers.db') },
        ...files,
      },
      services: () => ({ routes: new Map() }),
    },
    { logger },
  );
}

it('has one writer at a time, and readers meanwhile', () => {
  const first = open();
  for (let i = 0; i < 3; i++) first.record({ event: 'authentication', success: true });
  first.flush();
  const before = content();
  const inUse = {
    code: 'ANDVARI_RATATOSKR_AUDIT_IN_USE',
    message: `${path}: another server has it`,
  };
  for (let i = 0; i < 3; i++) expect(() => open()).toThrow(expect.objectContaining(inUse));
  expect(content()).toEqual(before);
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 4, breaks: [] });
  first.record({ event: 'authentication', success: true });
  first.close();
  open().close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 5, breaks: [] });
});

it('is the same log by a link to it, with what is beside it', () => {
  const link = join(folder, 'link.log');
  const first = open();
  first.record({ event: 'authentication', success: true });
  first.flush();
  symlinkSync(path, link);
  expect(() => open(link)).toThrow(`${path}: another server has it`);
  expect(verifyAuditFiles(link)).toMatchObject({ ok: true, records: 2, headKept: true });
  first.close();
  open(link).close();
  expect(readdirSync(folder)).toEqual([
    'audit.log',
    'audit.log.head',
    'audit.log.lock',
    'link.log',
  ]);
});

it('is the same log by a link that was there first', () => {
  const link = join(folder, 'link.log');
  symlinkSync('audit.log', link);
  const first = open(link);
  expect(() => open()).toThrow(`${path}: another server has it`);
  first.record({ event: 'authentication', success: true });
  first.close();
  open().close();
  expect(verifyAuditFiles(link)).toMatchObject({ ok: true, records: 2, headKept: true });
  symlinkSync('circle', join(folder, 'circle'));
  expect(() => open(join(folder, 'circle'))).toThrow('circle');
});

const holder = () => {
  const program = fileURLToPath(new URL('./testing/audit-process.ts', import.meta.url));
  return spawn(process.execPath, [program, path]);
};

/** POSIX drops what a process has locked of a file when that process closes the file anywhere. */
it('stays with its process when another opening in that process was refused', async () => {
  const log = open();
  expect(() => open()).toThrow('another server has it');
  const child = holder();
  expect(await once(child, 'exit')).toEqual([1, null]);
  log.close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 0 });
});

it('is free again when its process was killed, and goes on whole', async () => {
  const child = holder();
  const [said] = await once(child.stdout, 'data');
  expect(`${said}`).toBe('open');
  expect(() => open()).toThrow('another server has it');
  child.kill('SIGKILL');
  await once(child, 'exit');
  open().close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, records: 2, breaks: [] });
});

it('refuses a second server on the same files, and one that shares the log alone', async () => {
  const first = await start();
  const before = content();
  const named = { message: `ratatoskr.audit_file ${path}: another server has it` };
  const inUse = { code: 'ANDVARI_RATATOSKR_AUDIT_IN_USE', ...named };
  await expect(start()).rejects.toThrow(expect.objectContaining(inUse));
  expect(content()).toEqual(before);
  const own = join(folder, 'own');
  const files = {
    ...{ devices: join(own, 'devices.json'), serverKey: join(own, 'key') },
    answers: join(own, 'answers.db'),
  };
  await expect(start(files)).rejects.toThrow(expect.objectContaining(inUse));
  expect(readdirSync(own)).toEqual([]);
  await first.close();
  expect(verifyAuditFiles(path)).toMatchObject({ ok: true, breaks: [] });
  await (await start(files)).close();
});

it('is left as it is by a server whose answers another one has', async () => {
  const first = await start();
  const audit = join(folder, 'other', 'audit.log');
  mkdirSync(join(folder, 'other'));
  await expect(start({ audit, serverKey: join(folder, 'other', 'key') })).rejects.toThrow();
  expect(readdirSync(join(folder, 'other'))).toEqual(['audit.log.lock']);
  await first.close();
  await (await start({ audit })).close();
});
