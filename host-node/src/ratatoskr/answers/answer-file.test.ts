/**
 * What an answers file has said to be on the disk is there after a crash: at any moment a copy of
 * its files is opened as the next process would open them.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { AnswerFile } from './answer-file.ts';
import { AnswerJournal } from './answer-journal.ts';
import { type AnswerChange, packChanges } from './answer-messages.ts';
import { type AnswerKey, type AnswerRecord, answerLimits, nameOf } from './answer-store.ts';
import { AnswerTables } from './answer-tables.ts';

const long = process.env.ANDVARI_LONG === '1';
const folder = mkdtempSync(join(tmpdir(), 'andvari-answer-file-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
let path = '';
/** Where the last crash left its files. */
let copied = '';
const opened: AnswerFile[] = [];
const open = (limits = answerLimits, at = path) => {
  const file = new AnswerFile(at, limits);
  opened.push(file);
  return file;
};
beforeEach(() => {
  path = join(folder, `${files++}.db`);
});
const { commit } = AnswerTables.prototype;
const { append } = AnswerJournal.prototype;
afterEach(() => {
  [AnswerTables.prototype.commit, AnswerJournal.prototype.append] = [commit, append];
  for (const file of opened.splice(0)) file.close();
});

const digest = (byte: number) => new Uint8Array(32).fill(byte);
const key = (requestId: string, deviceId = 'd'): AnswerKey => ({ deviceId, requestId });
const begin = (at: AnswerKey, byte = 1, steadyS = 100): AnswerChange => ({
  ...{ kind: 'begin', key: at, digest: digest(byte), steadyS },
});
const finish = (at: AnswerKey, bytes: number): AnswerChange => ({
  ...{ kind: 'finish', key: at, outcome: { ok: true, payload: new Uint8Array(bytes) } },
});
const run = (file: AnswerFile, ...changes: AnswerChange[]) => file.commit(packChanges(changes));
const findIn = (file: AnswerFile, at: AnswerKey) => run(file, { kind: 'find', key: at })[0]?.[1];

/** What the next process finds, if this one dies now. */
function afterCrash(limits = answerLimits): AnswerFile {
  copied = join(folder, `${files++}.db`);
  for (const end of ['', '-wal', '.ahead']) {
    if (existsSync(`${path}${end}`)) copyFileSync(`${path}${end}`, `${copied}${end}`);
  }
  return open(limits, copied);
}

describe('AnswerFile', () => {
  it('has after a crash whatever it has committed, whether the tables have it or not', () => {
    const file = open();
    run(file, begin(key('a')));
    run(file, finish(key('a'), 5), begin(key('b')));
    expect(file.isAhead).toBe(true);
    const check = (next: AnswerFile) => {
      expect(findIn(next, key('a'))).toMatchObject({ outcome: { ok: true } });
      expect(findIn(next, key('b'))).toEqual({ digest: digest(1), outcome: undefined });
      expect(findIn(next, key('c'))).toBeUndefined();
    };
    check(afterCrash());
    file.keep();
    expect(file.isAhead).toBe(false);
    check(afterCrash());
    run(file, { kind: 'forget', key: key('b') });
    expect(findIn(afterCrash(), key('b'))).toBeUndefined();
  });

  it('is one file when it is closed, and has all in it', () => {
    const file = open();
    run(file, begin(key('a')));
    opened.pop()?.close();
    expect(['', '-wal', '.ahead'].map((end) => existsSync(`${path}${end}`))).toEqual([
      true,
      false,
      false,
    ]);
    expect(findIn(open(), key('a'))).toBeDefined();
  });

  it('writes what is large to the tables at once', () => {
    const file = open();
    run(file, begin(key('a')));
    run(file, finish(key('a'), 100_000));
    expect(file.isAhead).toBe(false);
    const outcome = (findIn(afterCrash(), key('a')) as AnswerRecord).outcome;
    expect(outcome).toMatchObject({ payload: new Uint8Array(100_000) });
  });

  it('gives its tables what the journal has no more room for', () => {
    const file = open();
    const ids = Array.from({ length: 40 }, (_, i) => `${i}`);
    for (const id of ids) run(file, begin(key(id)), finish(key(id), 50_000));
    const next = afterCrash();
    for (const id of ids) expect(findIn(next, key(id))).toMatchObject({ outcome: { ok: true } });
  });

  it('begins again after a crash what has begun, whatever the limits are now, and no more', () => {
    const limits = { ...answerLimits, recordsPerDeviceMax: 2 };
    const file = open(limits);
    const ids = ['a', 'b', 'c'];
    expect(run(file, ...ids.map((id) => begin(key(id))))).toEqual([[2, 'full']]);
    const left = (next: AnswerFile) => ids.map((id) => findIn(next, key(id)) !== undefined);
    expect(left(afterCrash({ ...limits, recordsPerDeviceMax: 1 }))).toEqual([true, true, false]);
    expect(left(afterCrash())).toEqual([true, true, false]);
  });

  it('knows after a crash what took the place of one that was too old', () => {
    const limits = { ...answerLimits, keptS: 10 };
    const file = open(limits);
    run(file, begin(key('a'), 1, 100));
    file.keep();
    run(file, begin(key('other'), 1, 110));
    run(file, begin(key('a'), 2, 110));
    const record = { digest: digest(2), outcome: undefined };
    expect(findIn(file, key('a'))).toEqual(record);
    const next = afterCrash(limits);
    expect(findIn(next, key('a'))).toEqual(record);
    // Kept time goes on from there: nine seconds are not ten.
    run(next, begin(key('b'), 1, 5));
    expect(run(next, begin(key('a'), 2, 14))).toEqual([[0, record]]);
    expect(run(next, begin(key('c'), 2, 15))).toEqual([]);
    expect(findIn(next, key('a'))).toBeUndefined();
  });

  it('does nothing of what the journal could not take, and takes the next', () => {
    const file = open();
    run(file, begin(key('a')));
    AnswerJournal.prototype.append = () => {
      throw new Error('EIO');
    };
    expect(() => run(file, finish(key('a'), 1), begin(key('b')))).toThrow('EIO');
    const untouched = () => {
      expect(findIn(file, key('a'))).toEqual({ digest: digest(1), outcome: undefined });
      expect(findIn(file, key('b'))).toBeUndefined();
    };
    untouched();
    AnswerJournal.prototype.append = append;
    untouched();
    run(file, begin(key('c')));
    expect(findIn(afterCrash(), key('c'))).toBeDefined();
  });

  it('goes on with a commit of the tables that failed and is there all the same', () => {
    const file = open();
    run(file, begin(key('a')), finish(key('a'), 1), { kind: 'forget', key: key('a') });
    run(file, begin(key('a'), 2));
    AnswerTables.prototype.commit = function (generation) {
      commit.call(this, generation);
      throw new Error('EIO');
    };
    expect(() => file.keep()).toThrow('EIO');
    AnswerTables.prototype.commit = commit;
    run(file, begin(key('b')));
    for (const each of [file, afterCrash()]) {
      expect(findIn(each, key('a'))).toEqual({ digest: digest(2), outcome: undefined });
      expect(findIn(each, key('b'))).toBeDefined();
    }
  });

  it('writes nothing more into a journal that may be over, until the tables have it', () => {
    const file = open();
    run(file, begin(key('a')));
    AnswerTables.prototype.commit = () => {
      throw new Error('disk full');
    };
    let appended = 0;
    AnswerJournal.prototype.append = function (content) {
      appended++;
      append.call(this, content);
    };
    for (let i = 0; i < 2; i++) expect(() => file.keep()).toThrow('disk full');
    expect(() => run(file, begin(key('b')))).toThrow('disk full');
    expect(appended).toBe(0);
    expect(findIn(file, key('a'))).toBeDefined();
    expect(findIn(file, key('b'))).toBeUndefined();
    expect(findIn(afterCrash(), key('a'))).toBeDefined();
    AnswerTables.prototype.commit = commit;
    run(file, begin(key('c')));
    run(file, begin(key('d')));
    expect(appended).toBe(1);
    const next = afterCrash();
    for (const id of ['a', 'c', 'd']) expect(findIn(next, key(id))).toBeDefined();
    expect(findIn(next, key('b'))).toBeUndefined();
  });

  it('goes on where SQLite has taken back all that was not committed', () => {
    const file = open();
    run(file, begin(key('a')));
    const { find } = AnswerTables.prototype;
    AnswerTables.prototype.find = function () {
      AnswerTables.prototype.find = find;
      this.rollback();
      throw new Error('database or disk is full');
    };
    expect(() => findIn(file, key('a'))).toThrow('disk is full');
    expect(findIn(file, key('a'))).toEqual({ digest: digest(1), outcome: undefined });
    expect(run(file, begin(key('a')))).toHaveLength(1);
  });
});

it('has after any crash what a map has of the same changes', () => {
  const seed = seedOfRun();
  const random = randomFrom(seed);
  for (let round = 0; round < (long ? 100 : 6); round++) {
    path = join(folder, `${files++}.db`);
    let file = open();
    const known = new Map<string, { key: AnswerKey; record: AnswerRecord }>();
    const keys = Array.from({ length: 60 }, (_, i) => key(`r${i % 20}`, `d${Math.floor(i / 20)}`));
    const fails = random(3) === 0;
    for (let step = 0; step < 120; step++) {
      const changes: AnswerChange[] = [];
      const later: (() => void)[] = [];
      for (let i = 0; i <= random(5); i++) {
        const at = keys[random(keys.length)] as AnswerKey;
        const name = nameOf(at);
        const payload = new Uint8Array(random(30) === 0 ? 70_000 : random(300)).fill(step);
        const kind = random(4);
        if (kind === 3) {
          changes.push({ kind: 'forget', key: at });
          later.push(() => known.delete(name));
        } else if (kind === 2) {
          changes.push({ kind: 'finish', key: at, outcome: { ok: true, payload } });
          later.push(() => {
            const record = known.get(name)?.record;
            if (record) record.outcome = { ok: true, payload };
          });
        } else {
          changes.push(begin(at, step));
          const record = { digest: digest(step), outcome: undefined };
          later.push(() => known.has(name) || known.set(name, { key: at, record }));
        }
      }
      if (fails && random(10) === 0) {
        const fault = random(2) === 0 ? () => {} : commit;
        AnswerTables.prototype.commit = function (generation) {
          fault.call(this, generation);
          throw new Error('EIO');
        };
        try {
          file.keep();
        } catch {}
        AnswerTables.prototype.commit = commit;
      }
      run(file, ...changes);
      for (const each of later) each();
      if (random(15) === 0) file.keep();
      if (random(20) === 0) {
        const next = afterCrash();
        for (const at of keys) {
          expect([seed, round, step, at, findIn(next, at)]).toEqual([
            ...[seed, round, step, at],
            known.get(nameOf(at))?.record,
          ]);
        }
        // Sometimes the next process is the one that goes on.
        if (random(2) === 0) [file, path] = [next, copied];
      }
    }
    for (const each of opened.splice(0)) each.close();
  }
}, 120_000);
