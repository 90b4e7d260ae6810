import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import { until } from '../../testing/until.ts';
import type { ServiceOutcome } from '../service-bus.ts';
import { AnswerDatabase } from './answer-database.ts';
import { JOURNAL_BYTES } from './answer-journal.ts';
import { ToldOutcomes } from './told-outcomes.ts';

const folder = folderForTests('told');
const entry = new URL('../testing/failing-answers.ts', import.meta.url);
const digest = new Uint8Array(32).fill(7);
const key = (requestId: string) => ({ deviceId: 'd', requestId });
const outcome = (byte: number, length = 3): ServiceOutcome => ({
  ok: true,
  payload: new Uint8Array(length).fill(byte),
});
const told = (id: string, byte: number) => ({ key: key(id), outcome: outcome(byte), digest });

describe('outcomes that are told before the disk has them', () => {
  it('are read by the next process, until they are cleared', () => {
    const path = folder.at('told');
    const first = new ToldOutcomes(path);
    expect(first.note(told('a', 1))).toBe(true);
    expect(first.note(told('b', 2))).toBe(true);
    // It is killed: nobody closes.
    const second = new ToldOutcomes(path);
    expect(second.read()).toEqual([told('a', 1), told('b', 2)]);
    second.clear();
    expect(second.note(told('c', 3))).toBe(true);
    const third = new ToldOutcomes(path);
    expect(third.read()).toEqual([told('c', 3)]);
    third.clear();
    expect(new ToldOutcomes(path).read()).toEqual([]);
    third.close();
    expect(existsSync(path)).toBe(false);
  });

  it('are failures too, and texts of any kind', () => {
    const path = folder.at('told');
    const failed = { ok: false as const, code: 'SERVICE_ERROR' as const, message: 'für "alle"\n' };
    const one = { key: { deviceId: 'ü', requestId: '"' }, outcome: failed, digest };
    new ToldOutcomes(path).note(one);
    expect(new ToldOutcomes(path).read()).toEqual([one]);
  });

  it('are those before the first that is damaged; what is no such file has none', () => {
    const path = folder.at('told');
    const first = new ToldOutcomes(path);
    for (const id of ['a', 'b', 'c']) first.note(told(id, 1));
    const bytes = readFileSync(path);
    const second = bytes.indexOf('b', bytes.indexOf('a') + 1);
    bytes[second] = 0x78;
    writeFileSync(path, bytes);
    expect(new ToldOutcomes(path).read()).toEqual([told('a', 1)]);
    for (const wrong of ['', 'short', Buffer.alloc(5000, 0xff)]) {
      writeFileSync(path, wrong);
      const other = new ToldOutcomes(path);
      expect(other.read()).toEqual([]);
      expect(other.note(told('a', 1))).toBe(true);
    }
  });

  it('are no more than the file has room for, and none is larger than 64 KiB', () => {
    const path = folder.at('told');
    const file = new ToldOutcomes(path);
    const large = (length: number) => ({ ...told('a', 1), outcome: outcome(1, length) });
    expect(file.note(large(65_537))).toBe(false);
    let noted = 0;
    while (file.note(large(65_536))) noted++;
    expect(noted).toBe(15);
    expect(statSync(path).size).toBe(JOURNAL_BYTES);
    file.clear();
    expect(file.note(large(65_536))).toBe(true);
  });
});

describe('an answers file with outcomes that were told', () => {
  it('has them when the process is gone before its tables took them', async () => {
    const path = folder.at('answers.db');
    const store = await AnswerDatabase.open(path, {}, entry);
    for (const id of ['a', 'b']) await store.begin(key(id), digest, 100);
    writeFileSync(`${path}.full`, '');
    await store.finish(key('a'), outcome(1), digest);
    await until(() => store.failing);
    // Told, and known to memory alone: the tables do not have it.
    expect(await store.find(key('a'))).toEqual({ digest, outcome: outcome(1) });
    expect(await store.begin(key('a'), digest, 101)).toEqual({ digest, outcome: outcome(1) });
    await store.close();
    const again = await AnswerDatabase.open(path);
    expect(await again.find(key('a'))).toEqual({ digest, outcome: outcome(1) });
    expect(await again.find(key('b'))).toEqual({ digest, outcome: undefined });
    await again.close();
    expect(existsSync(`${path}.told`)).toBe(false);
  });

  it('says nothing of calls that it does not know', async () => {
    const path = folder.at('answers.db');
    const before = new ToldOutcomes(`${path}.told`);
    before.note(told('never begun', 1));
    const store = await AnswerDatabase.open(path);
    expect(await store.find(key('never begun'))).toBeUndefined();
    expect(await store.begin(key('never begun'), digest, 100)).toBeUndefined();
    await store.close();
  });

  it('is not opened where a folder is in the way', async () => {
    const path = folder.at('answers.db');
    await (await AnswerDatabase.open(path)).close();
    mkdirSync(`${path}.told`);
    await expect(AnswerDatabase.open(path)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});
