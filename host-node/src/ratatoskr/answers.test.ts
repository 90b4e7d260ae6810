import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { AnswerDatabase } from './answer-database.ts';
import { answerStoreCompliance } from './answer-store.compliance.ts';
import { AnswerStoreError, MemoryAnswerStore } from './answer-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'andvari-answers-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `answers-${files++}.db`);

answerStoreCompliance('in memory', (limits) => new MemoryAnswerStore(limits));
answerStoreCompliance('SQLite', (limits) => new AnswerDatabase(newPath(), limits));

const digest = new Uint8Array(32);
const key = (requestId: string) => ({ deviceId: 'd', requestId });
const empty = { ok: true as const, payload: new Uint8Array() };

describe('MemoryAnswerStore', () => {
  it('forgets what is too old, too many or too long, but nothing that is under way', async () => {
    const store = new MemoryAnswerStore({ keptS: 10, answersMax: 3 });
    await store.begin(key('open'), digest, 100);
    for (const id of ['a', 'b']) {
      await store.begin(key(id), digest, 100);
      await store.finish(key(id), empty);
    }
    await store.begin(key('c'), digest, 100);
    expect(store.find(key('a'))).toBeUndefined();
    expect(store.find(key('open'))).toBeDefined();
    await store.begin(key('d'), digest, 100);
    await expect(store.begin(key('e'), digest, 100)).rejects.toBeInstanceOf(AnswerStoreError);
    expect(store.size).toBe(3);

    const old = new MemoryAnswerStore({ keptS: 10 });
    await old.begin(key('a'), digest, 100);
    await old.finish(key('a'), empty);
    await old.begin(key('b'), digest, 109);
    expect(old.find(key('a'))).toBeDefined();
    await old.begin(key('c'), digest, 110);
    expect(old.find(key('a'))).toBeUndefined();

    const large = new MemoryAnswerStore({ bytesMax: 4096 });
    await large.begin(key('a'), digest, 100);
    await large.finish(key('a'), { ok: true, payload: new Uint8Array(4096) });
    await large.begin(key('b'), digest, 100);
    expect(large.find(key('a'))).toBeUndefined();
  });
});

describe('AnswerDatabase', () => {
  it('knows after a restart what began and what ended', async () => {
    const path = newPath();
    const first = new AnswerDatabase(path);
    expect(first.resumed).toBe(false);
    await first.begin(key('open'), digest, 100);
    await first.begin(key('done'), digest, 100);
    await first.finish(key('done'), empty);
    first.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = new AnswerDatabase(path);
    expect(second.resumed).toBe(true);
    expect(second.find(key('open'))).toEqual({ digest, outcome: undefined });
    expect(second.find(key('done'))).toEqual({ digest, outcome: empty });
    second.close();
  });

  it('is one process at a time, and no other file', () => {
    const path = newPath();
    const first = new AnswerDatabase(path);
    expect(() => new AnswerDatabase(path)).toThrow(/locked/);
    first.close();
    const other = newPath();
    writeFileSync(other, 'something else, and long enough to be looked at'.repeat(20));
    const wrong = expect.objectContaining({ code: 'ANDVARI_RATATOSKR_ANSWERS_FILE' });
    expect(() => new AnswerDatabase(other)).toThrow(wrong);
  });

  it('forgets what is too old or too many', async () => {
    const store = new AnswerDatabase(newPath(), { keptS: 10, answersMax: 4 });
    for (let i = 0; i < 255; i++) {
      await store.begin(key(`r${i}`), digest, 100);
      await store.finish(key(`r${i}`), empty);
    }
    await store.begin(key('open'), digest, 100);
    await store.begin(key('last'), digest, 100);
    expect(store.find(key('r0'))).toBeUndefined();
    expect(store.find(key('open'))).toBeDefined();
    expect(store.find(key('last'))).toBeDefined();
    for (let i = 0; i < 256; i++) await store.begin(key(`s${i}`), digest, 200);
    expect(store.find(key('open'))).toBeUndefined();
    store.close();
  });

  it('holds its bounds in number and bytes, also after a commit that failed', async () => {
    const path = newPath();
    const store = new AnswerDatabase(path, { answersMax: 100, bytesMax: 5000 });
    const rows = () => {
      const other = new DatabaseSync(path);
      const size = 'SELECT count(*) AS count, sum(length(answer)) AS bytes FROM answer';
      const found = other.prepare(size).get() as { count: number; bytes: number };
      other.close();
      return found;
    };
    const fill = async (name: string, count: number, bytes: number) => {
      for (let i = 0; i < count; i++) {
        await store.begin(key(`${name}${i}`), digest, 100);
        await store.finish(key(`${name}${i}`), { ok: true, payload: new Uint8Array(bytes) });
        if (i % 10 === 9) store.forget(key(`${name}${i}`));
      }
    };
    await fill('small', 600, 1);
    // The same id twice cannot begin, and takes what is committed with it along.
    await store.begin(key('twice'), digest, 100);
    await expect(store.begin(key('twice'), digest, 100)).rejects.toThrow();
    await fill('large', 600, 500);
    store.close();
    const { count, bytes } = rows();
    // Looked at every 256 beginnings.
    expect(count).toBeLessThanOrEqual(100 + 256);
    expect(bytes).toBeLessThanOrEqual(5000 + 256 * 500);
    expect(count).toBeGreaterThan(0);
  });
});
