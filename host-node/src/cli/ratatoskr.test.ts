import { execFile } from 'node:child_process';
import {
  appendFileSync,
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
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { AuditLog } from '../ratatoskr/audit/audit-log.ts';
import { readDevices } from '../ratatoskr/device-file.ts';
import { signerOf } from '../ratatoskr/testing/test-peer.ts';
import { runCli } from './testing/cli-network.ts';

const execFileAsync = promisify(execFile);

let folder = '';
let devices = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-ratatoskr-'));
  devices = join(folder, 'new', 'devices.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const keyOf = (device: string) => Buffer.from(signerOf(device).publicKey).toString('hex');
const run = (...words: string[]) => runCli(['ratatoskr', ...words, '--devices', devices]);

describe('andvari ratatoskr', () => {
  it('registers, lists and revokes devices', async () => {
    const register = ['register', 'd1', '--key', keyOf('d1'), '--user', 'alice', 'bob'];
    expect(await run(...register)).toMatchObject({ code: 0, out: '' });
    expect(statSync(devices).mode & 0o777).toBe(0o600);
    expect(await run('register', 'd1', '--key', keyOf('d1'), '--user', 'carol')).toMatchObject({
      code: 0,
    });
    expect((await run('devices')).lines).toEqual([`d1  ${keyOf('d1')}  alice, bob, carol`]);
    expect(await run('revoke', 'd1')).toMatchObject({ code: 0 });
    expect(JSON.parse((await run('devices', '--json')).out)).toMatchObject({ revoked: true });
    expect(await run(...register)).toMatchObject({ code: 1 });
  });

  it('refuses what is no device, and writes nothing', async () => {
    const zero = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';
    expect((await run('register', 'd1', '--key', zero, '--user', 'u')).err).toContain('zeros');
    expect((await run('register', 'd1', '--key', 'ab', '--user', 'u')).code).toBe(1);
    expect((await run('register', 'd\n1', '--key', keyOf('d1'), '--user', 'u')).code).toBe(1);
    expect(existsSync(devices)).toBe(false);
    expect(await run('revoke', 'd1')).toMatchObject({ code: 4 });
    const missing = { code: 1, out: '', err: expect.stringContaining(`${devices}: there is no`) };
    expect(await run('devices')).toMatchObject(missing);
  });

  it('loses nothing of what many programs change at once', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `d${i}`);
    const program = fileURLToPath(new URL('./testing/devices-process.ts', import.meta.url));
    const inParallel = async (verb: string) => {
      const words = (name: string) => [program, verb, devices, name, keyOf(name)];
      await Promise.all(names.map((name) => execFileAsync(process.execPath, words(name))));
    };
    await inParallel('register');
    expect(
      readDevices(devices)
        .map(({ deviceId }) => deviceId)
        .sort(),
    ).toEqual(names);
    await inParallel('revoke');
    expect(readDevices(devices).map(({ revoked }) => revoked)).toEqual(names.map(() => true));
  });

  it('refuses a key that is no point of the curve', async () => {
    // y = 2: x^2 = 3 / (4 d + 1) has no root. y = 3 has one.
    const register = (y: string) =>
      run('register', 'd1', '--user', 'u', '--key', y.padEnd(64, '0'));
    expect(await register('02')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('no point of the curve') },
    });
    expect(existsSync(devices)).toBe(false);
    expect(await register('03')).toMatchObject({ code: 0 });
  });

  it('tells whether an audit log is whole', async () => {
    const path = join(folder, 'audit.log');
    const log = new AuditLog({ file: { path }, logger: createLogger({ level: 'silent' }) });
    log.record({ event: 'authentication', success: true, device: 'd1' });
    log.close();
    const good = await runCli(['ratatoskr', 'audit', path, '--json']);
    expect(JSON.parse(good.out)).toMatchObject({ records: 2, headKept: true });
    const text = readFileSync(path, 'utf8');
    appendFileSync(path, '{"sequence":2,');
    const crashed = await runCli(['ratatoskr', 'audit', path, '--json']);
    expect(crashed.code).toBe(0);
    expect(JSON.parse(crashed.out)).toMatchObject({ records: 2, unfinishedBytes: 14, breaks: [] });
    expect(await runCli(['ratatoskr', 'audit', path])).toMatchObject({
      code: 0,
      err: expect.stringContaining(
        'the last line was not finished (14 bytes), as a crash leaves it: ' +
          `nothing that ${path}.head knows is missing`,
      ),
    });
    writeFileSync(path, text.slice(0, text.indexOf('\n') + 1));
    expect(await runCli(['ratatoskr', 'audit', path])).toMatchObject({
      ...{ code: 3, err: expect.stringContaining('the end is missing: record 1,') },
    });
    writeFileSync(path, text);
    appendFileSync(path, text);
    expect(await runCli(['ratatoskr', 'audit', path])).toMatchObject({
      ...{ code: 3, err: expect.stringContaining('line 3') },
    });
    expect(await runCli(['ratatoskr', 'audit', join(folder, 'none')])).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringContaining('there is no such file') },
    });
    expect(await runCli(['ratatoskr', 'audit', folder])).toMatchObject({
      ...{ code: 1, out: '', err: expect.stringContaining(`${folder}: it is no file`) },
    });
    writeFileSync(path, text.replace('{"sequence"', '{sequence"'));
    expect(await runCli(['ratatoskr', 'audit', path])).toMatchObject({
      ...{ code: 3, err: expect.stringContaining(`${path}: line 1: changed`) },
    });
    rmSync(path);
    const left = 'there is no such file, but this is left of its log: ';
    expect(await runCli(['ratatoskr', 'audit', path])).toMatchObject({
      ...{ code: 3, out: '' },
      err: `andvari: ${path}: ${left}${path}.head (ANDVARI_AUDIT_BROKEN)\n`,
    });
    writeFileSync(join(folder, 'empty'), '');
    expect(await runCli(['ratatoskr', 'audit', join(folder, 'empty')])).toMatchObject({
      ...{ code: 0, out: '', err: expect.stringContaining('is empty') },
    });
  });

  it('tells for good what a server found broken in an audit log', async () => {
    const path = join(folder, 'audit.log');
    const run = () => {
      const log = new AuditLog({ file: { path }, logger: createLogger({ level: 'silent' }) });
      log.record({ event: 'authentication', success: true, device: 'd1' });
      log.close();
    };
    run();
    const problem = 'record 1 is not the one that was kept as the head';
    const head = readFileSync(`${path}.head`);
    rmSync(path);
    rmSync(`${path}.head`);
    run();
    writeFileSync(`${path}.head`, head);
    expect(await runCli(['ratatoskr', 'audit', path])).toMatchObject({
      ...{ code: 3, err: expect.stringContaining(`${path}: ${problem} (ANDVARI_AUDIT_BROKEN)`) },
    });
    for (let i = 0; i < 2; i++) {
      run();
      const told = await runCli(['ratatoskr', 'audit', path]);
      expect(told).toMatchObject({ code: 3, err: expect.stringContaining(problem) });
      expect(told.err).toContain('(ANDVARI_AUDIT_LOSS)');
      const json = await runCli(['ratatoskr', 'audit', path, '--json']);
      expect(json.code).toBe(3);
      expect(
        json.out
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toMatchObject([
        { headKept: true, breaks: [{ problem }] },
        { event: 'error', code: 'ANDVARI_AUDIT_LOSS' },
      ]);
    }
  });

  it('names the file beside an audit log that cannot be read', async () => {
    const path = join(folder, 'audit.log');
    writeFileSync(path, '');
    for (const name of [`${path}.head.broken`, `${path}.head`]) {
      mkdirSync(name);
      const audit = await runCli(['ratatoskr', 'audit', path]);
      expect(audit).toMatchObject({ code: 1, out: '' });
      expect(audit.err).toContain(`${name}: it is a folder (ANDVARI_RATATOSKR_AUDIT)`);
    }
  });
});
