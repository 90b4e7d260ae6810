import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { AnswerDatabase } from './answer-database.ts';
import { answerStoreCompliance } from './answer-store.compliance.ts';
import { ANSWER_GONE, MemoryAnswerStore } from './answer-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'andvari-answers-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `answers-${files++}.db`);

answerStoreCompliance('in memory', (limits) => new MemoryAnswerStore(limits));
answerStoreCompliance('SQLite', (limits) => AnswerDatabase.open(newPath(), limits));

const digest = new Uint8Array(32);
const key = (requestId: string) => ({ deviceId: 'd', requestId });
const empty = { ok: true as const, payload: new Uint8Array() };

describe('MemoryAnswerStore', () => {
  it('keeps its sums', async () => {
    const store = new MemoryAnswerStore({ keptS: 10, bytesPerDeviceMax: 100 });
    for (const id of ['a', 'b', 'c']) {
      await store.begin(key(id), digest, 100);
      await store.finish(key(id), { ok: true, payload: new Uint8Array(40) });
    }
    expect([store.size, store.bytes]).toEqual([3, 80]);
    await store.finish(key('c'), { ok: true, payload: new Uint8Array(10) });
    store.forget(key('b'));
    expect([store.size, store.bytes]).toEqual([2, 10]);
    await store.begin(key('d'), digest, 110);
    expect([store.size, store.bytes]).toEqual([1, 0]);
  });

  it('forgets what is too old in order, some with each that comes', async () => {
    const store = new MemoryAnswerStore({ keptS: 10 });
    for (let i = 0; i < 100; i++) await store.begin(key(`old ${i}`), digest, 100);
    store.forget(key('old 0'));
    const left: number[] = [];
    for (let i = 0; i < 8; i++) {
      await store.begin(key(`new ${i}`), digest, 110);
      left.push(store.size);
    }
    expect(left).toEqual([85, 70, 55, 40, 25, 10, 7, 8]);
    await store.begin(key('later'), digest, 120);
    expect(store.size).toBe(1);
    expect(await store.find(key('later'))).toBeDefined();
    await store.begin(key('last'), digest, 130);
    expect(await store.find(key('later'))).toBeUndefined();
  });
});

describe('AnswerDatabase', () => {
  it('knows after a restart what began and what ended', async () => {
    const path = newPath();
    const first = await AnswerDatabase.open(path);
    expect(first.resumed).toBe(false);
    await first.begin(key('open'), digest, 100);
    await first.begin(key('done'), digest, 100);
    await first.finish(key('done'), empty, digest);
    await first.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = await AnswerDatabase.open(path);
    expect(second.resumed).toBe(true);
    expect(await second.find(key('open'))).toEqual({ digest, outcome: undefined });
    expect(await second.find(key('done'))).toEqual({ digest, outcome: empty });
    await second.close();
  });

  it('is one process at a time, and no other file', async () => {
    const path = newPath();
    const first = await AnswerDatabase.open(path);
    expect(inAnotherProcess(OTHER_PROCESS, path)).toContain('database is locked');
    const own = AnswerDatabase.open(path);
    await expect(own).rejects.toThrow(`${path}: another server has these answers open`);
    // A refusal inside the process must not give the lock away (POSIX).
    expect(inAnotherProcess(OTHER_PROCESS, path)).toContain('database is locked');
    await first.close();
    expect(inAnotherProcess(OTHER_PROCESS, path)).toBe('');
    mkdirSync(`${path}.folder`);
    await expect(AnswerDatabase.open(`${path}.folder`)).rejects.toThrow('it is a folder');
    const other = newPath();
    writeFileSync(other, 'something else, and long enough to be looked at'.repeat(20));
    const wrong = expect.objectContaining({ code: 'ANDVARI_RATATOSKR_ANSWERS_FILE' });
    await expect(AnswerDatabase.open(other)).rejects.toThrow(wrong);
  });

  it('keeps its sums, also after a commit that failed and a restart', async () => {
    const path = newPath();
    const limits = { recordsPerDeviceMax: 1000, bytesPerDeviceMax: 5000 };
    const store = await AnswerDatabase.open(path, limits);
    const fill = async (name: string, count: number, bytes: number) => {
      for (let i = 0; i < count; i++) {
        await store.begin(key(`${name}${i}`), digest, 100);
        await store.finish(
          key(`${name}${i}`),
          { ok: true, payload: new Uint8Array(bytes) },
          digest,
        );
        if (i % 10 === 9) store.forget(key(`${name}${i}`));
      }
    };
    await fill('small', 100, 1);
    // The same id twice begins once.
    expect(await store.begin(key('twice'), digest, 100)).toBeUndefined();
    const known = { digest, outcome: undefined };
    expect(await store.begin(key('twice'), digest, 100)).toEqual(known);
    await fill('large', 100, 500);
    await store.close();
    expect(sums(path)).toMatchObject({ records: 181, bytes: 4500 });
    expect(sums(path)).toMatchObject(counted(path));
    const again = await AnswerDatabase.open(path, { ...limits, keptS: 10 });
    expect((await again.find(key('small0')))?.outcome).toEqual(ANSWER_GONE);
    // What is too old goes by and by, and its device with it.
    const other = (requestId: string) => ({ deviceId: 'e', requestId });
    for (const [i, steadyS] of [5, 15, 15, 15, 15].entries()) {
      await again.begin(other(`${i}`), digest, steadyS);
    }
    await again.close();
    expect(sums(path)).toMatchObject({ devices: 1, records: 4, bytes: 0 });
    expect(counted(path)).toEqual({ records: 4, bytes: 0 });
  });

  it('lets records grow old while it is in use, whatever clocks say', async () => {
    const path = newPath();
    const use = async (steadyS: number, id: string) => {
      const store = await AnswerDatabase.open(path, { keptS: 10 });
      const known = await store.begin(key(id), digest, steadyS);
      await store.begin(key(`${id} later`), digest, steadyS + 4);
      await store.close();
      return known !== undefined;
    };
    // A day and more apart, either way.
    expect(await use(200_000, 'a')).toBe(false);
    expect(await use(400_000, 'a')).toBe(true);
    expect(await use(0, 'a')).toBe(true);
    // Three times four seconds: now it is too old, and what came later is not.
    expect(await use(100, 'b')).toBe(false);
    expect(await use(0, 'a later')).toBe(true);
    expect(await use(0, 'a')).toBe(false);
  });

  it('gives a failure of an earlier release in a form that can be told', async () => {
    const path = newPath();
    const store = await AnswerDatabase.open(path);
    await store.begin(key('told'), digest, 100);
    const message = `${'x'.repeat(1023)}\u{1f600}`;
    const failed = { ok: false as const, code: 'NO_SUCH_CODE' as 'SERVICE_ERROR', message };
    await store.finish(key('told'), failed, digest);
    await store.close();
    const again = await AnswerDatabase.open(path);
    const wanted = { ok: false, code: 'SERVICE_ERROR', message: 'x'.repeat(1023) };
    expect((await again.find(key('told')))?.outcome).toEqual(wanted);
    await again.close();
  });

  it('bounds its file, and gives back what it does not need', async () => {
    const path = newPath();
    const MiB = 1_048_576;
    const store = await AnswerDatabase.open(path, { bytesPerDeviceMax: 16 * MiB, keptS: 10 });
    const payload = new Uint8Array(MiB);
    for (let i = 0; i < 48; i++) {
      await store.begin(key(`${i}`), digest, 100);
      await store.finish(key(`${i}`), { ok: true, payload }, digest);
    }
    expect(statSync(path).size).toBeLessThan(20 * MiB);
    expect(statSync(`${path}-wal`).size).toBeLessThan(16 * MiB);
    for (let i = 0; i < 16; i++) {
      await store.begin(key(`late ${i}`), digest, 200);
      // So large that it goes into the tables at once, and each time some pages go.
      const large = { ok: true as const, payload: payload.subarray(0, 70_000) };
      await store.finish(key(`late ${i}`), large, digest);
    }
    await store.close();
    expect(statSync(path).size).toBeLessThan(10 * MiB);
  });

  it('forgets nothing of a file of format 2: its times may be of wrong clocks', async () => {
    const path = newPath();
    const store = await AnswerDatabase.open(path, { keptS: 10 });
    for (const id of ['a', 'b', 'c']) await store.begin(key(id), digest, 100);
    await store.close();
    const former = new DatabaseSync(path);
    former.exec(`
      UPDATE answer SET beganS = 1700000000 WHERE request = 'b';
      UPDATE answer SET beganS = 1900000000 WHERE request = 'c';
      DROP TABLE journal;
      PRAGMA user_version = 2;
    `);
    former.close();
    const again = await AnswerDatabase.open(path, { keptS: 10 });
    for (const id of ['a', 'b', 'c']) expect(await again.begin(key(id), digest, 5)).toBeDefined();
    await again.begin(key('d'), digest, 15);
    for (const id of ['a', 'b', 'c']) expect(await again.find(key(id))).toBeUndefined();
    await again.close();
  });

  it('goes on with a file of format 3, which had no journal', async () => {
    const path = newPath();
    const store = await AnswerDatabase.open(path);
    await store.begin(key('a'), digest, 100);
    await store.close();
    const former = new DatabaseSync(path);
    former.exec('DROP TABLE journal; PRAGMA user_version = 3');
    former.close();
    const again = await AnswerDatabase.open(path);
    expect(await again.find(key('a'))).toEqual({ digest, outcome: undefined });
    expect(await again.begin(key('b'), digest, 100)).toBeUndefined();
    await again.close();
    const last = await AnswerDatabase.open(path);
    expect(await last.find(key('b'))).toBeDefined();
    await last.close();
  });

  it('refuses a file of a format to come', async () => {
    const path = newPath();
    await (await AnswerDatabase.open(path)).close();
    const later = new DatabaseSync(path);
    later.exec('PRAGMA user_version = 5');
    later.close();
    await expect(AnswerDatabase.open(path)).rejects.toThrow('holds no answers of format 4');
  });

  it('brings a file of format 1 to its own', async () => {
    const path = newPath();
    const former = new DatabaseSync(path);
    former.exec(`
      CREATE TABLE answer (id INTEGER PRIMARY KEY, device TEXT NOT NULL, request TEXT NOT NULL,
        digest BLOB NOT NULL, beganS INTEGER NOT NULL, code TEXT, answer BLOB,
        UNIQUE (device, request)) STRICT;
      INSERT INTO answer VALUES (1, 'd', 'a', zeroblob(32), 100, 'OK', x'0102'),
        (2, 'e', 'a', zeroblob(32), 100, 'SERVICE_ERROR', x''),
        (3, 'd', 'b', zeroblob(32), 100, NULL, NULL);
      PRAGMA application_id = ${0x416e6452};
      PRAGMA user_version = 1;
    `);
    former.close();
    for (const _ of ['brought', 'opened']) {
      const store = await AnswerDatabase.open(path);
      expect(store.resumed).toBe(true);
      const payload = Uint8Array.of(1, 2);
      expect(await store.find(key('a'))).toEqual({ digest, outcome: { ok: true, payload } });
      expect(await store.find(key('b'))).toEqual({ digest, outcome: undefined });
      const failed = { ok: false, code: 'SERVICE_ERROR', message: '' };
      expect((await store.find({ ...key('a'), deviceId: 'e' }))?.outcome).toEqual(failed);
      await store.close();
    }
    expect(sums(path)).toEqual({ devices: 2, records: 3, bytes: 2, vacuum: 2 });
  });
});

const OTHER_PROCESS = `
  const { DatabaseSync } = require('node:sqlite');
  new DatabaseSync(process.argv[1]).exec('BEGIN IMMEDIATE');
`;

/** What it writes to its error output. */
function inAnotherProcess(program: string, path: string): string {
  return spawnSync(process.execPath, ['-e', program, path], { encoding: 'utf8' }).stderr;
}

/** What a closed file says of itself. */
function sums(path: string): Record<string, unknown> {
  const other = new DatabaseSync(path);
  const devices =
    'SELECT count(*) AS devices, sum(records) AS records, sum(bytes) AS bytes FROM device';
  const found = other.prepare(devices).get();
  const vacuum = other.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum'];
  other.close();
  return { ...found, vacuum };
}

/** What is in it. */
function counted(path: string): Record<string, unknown> {
  const other = new DatabaseSync(path);
  const size = 'SELECT count(*) AS records, coalesce(sum(length(answer)), 0) AS bytes FROM answer';
  const found = other.prepare(size).get();
  other.close();
  return { ...found };
}
