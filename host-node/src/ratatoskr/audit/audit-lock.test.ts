import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createLogger } from '../../log/logger.ts';
import { RatatoskrEndpoint, type RatatoskrFiles } from '../endpoint.ts';
import { auditForTests } from '../testing/audit-place.ts';
import { filesIn } from '../testing/endpoint-files.ts';
import { verifyAuditFiles } from './audit-verify.ts';

const logger = createLogger({ level: 'silent' });
const here = auditForTests();
const open = (path = here.path) => here.open({ path });
/** Name and content of all that is there. */
const content = () =>
  readdirSync(here.folder).map((name) => [name, readFileSync(here.at(name), 'hex')]);

function start(files: Partial<RatatoskrFiles> = {}): Promise<RatatoskrEndpoint> {
  return RatatoskrEndpoint.start(
    {
      listen: { host: '127.0.0.1', port: 0 },
      files: { ...filesIn(here.folder), ...files },
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
    message: `${here.path}: another server has it`,
  };
  for (let i = 0; i < 3; i++) expect(() => open()).toThrow(expect.objectContaining(inUse));
  expect(content()).toEqual(before);
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 4, breaks: [] });
  first.record({ event: 'authentication', success: true });
  first.close();
  open().close();
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 5, breaks: [] });
});

it('is the same log by a link to it, with what is beside it', () => {
  const link = here.at('link.log');
  const first = open();
  first.record({ event: 'authentication', success: true });
  first.flush();
  symlinkSync(here.path, link);
  expect(() => open(link)).toThrow(`${here.path}: another server has it`);
  expect(verifyAuditFiles(link)).toMatchObject({ ok: true, records: 2, headKept: true });
  first.close();
  open(link).close();
  expect(readdirSync(here.folder)).toEqual([
    'audit.log',
    'audit.log.head',
    'audit.log.lock',
    'link.log',
  ]);
});

it('is the same log by a link that was there first', () => {
  const link = here.at('link.log');
  symlinkSync('audit.log', link);
  const first = open(link);
  expect(() => open()).toThrow(`${here.path}: another server has it`);
  first.record({ event: 'authentication', success: true });
  first.close();
  open().close();
  expect(verifyAuditFiles(link)).toMatchObject({ ok: true, records: 2, headKept: true });
  symlinkSync('circle', here.at('circle'));
  expect(() => open(here.at('circle'))).toThrow('circle');
});

const holder = () => {
  const program = fileURLToPath(new URL('../testing/audit-process.ts', import.meta.url));
  return spawn(process.execPath, [program, here.path]);
};

/** POSIX drops what a process has locked of a file when that process closes the file anywhere. */
it('stays with its process when another opening in that process was refused', async () => {
  const log = open();
  expect(() => open()).toThrow('another server has it');
  const child = holder();
  expect(await once(child, 'exit')).toEqual([1, null]);
  log.close();
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 0 });
});

it('is free again when its process was killed, and goes on whole', async () => {
  const child = holder();
  const [said] = await once(child.stdout, 'data');
  expect(`${said}`).toBe('open');
  expect(() => open()).toThrow('another server has it');
  child.kill('SIGKILL');
  await once(child, 'exit');
  open().close();
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, records: 2, breaks: [] });
});

it('refuses a second server on the same files, and one that shares the log alone', async () => {
  const first = await start();
  const before = content();
  const named = { message: `ratatoskr.audit_file ${here.path}: another server has it` };
  const inUse = { code: 'ANDVARI_RATATOSKR_AUDIT_IN_USE', ...named };
  await expect(start()).rejects.toThrow(expect.objectContaining(inUse));
  expect(content()).toEqual(before);
  const own = here.at('own');
  const files = { ...filesIn(own), audit: here.path };
  await expect(start(files)).rejects.toThrow(expect.objectContaining(inUse));
  expect(readdirSync(own)).toEqual([]);
  await first.close();
  expect(verifyAuditFiles(here.path)).toMatchObject({ ok: true, breaks: [] });
  await (await start(files)).close();
});

it('is left as it is by a server whose answers another one has', async () => {
  const first = await start();
  const audit = join(here.folder, 'other', 'audit.log');
  mkdirSync(here.at('other'));
  await expect(start({ audit, serverKey: join(here.folder, 'other', 'key') })).rejects.toThrow();
  expect(readdirSync(here.at('other'))).toEqual(['audit.log.lock']);
  await first.close();
  await (await start({ audit })).close();
});
