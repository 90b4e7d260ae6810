import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { AnswerJournal, JOURNAL_BYTES } from './answer-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'andvari-answer-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `${files++}.ahead`);
const content = (byte: number, length = 100) => new Uint8Array(length).fill(byte);
const HEADER_BYTES = 20;

/** As another process reads it. */
function found(path: string, generation: number): number[] {
  const journal = new AnswerJournal(path, generation);
  const bytes = journal.read().map((each) => each[0] as number);
  journal.close();
  return bytes;
}

it('gives its records again, to this process and to the next, for which it goes on', () => {
  const path = newPath();
  const first = new AnswerJournal(path, 7);
  expect(first.isEmpty).toBe(true);
  first.append(content(1));
  first.append(content(2, 1));
  expect(first.read().map((each) => [...each])).toEqual([[...content(1)], [2]]);
  first.close();
  expect(statSync(path)).toMatchObject({ size: JOURNAL_BYTES, mode: 0o100600 });
  const second = new AnswerJournal(path, 7);
  expect(second.isEmpty).toBe(false);
  second.append(content(3));
  second.close();
  expect(found(path, 7)).toEqual([1, 2, 3]);
});

it('begins anew, and what it had behind its new end is not read', () => {
  const path = newPath();
  const journal = new AnswerJournal(path, 7);
  for (const byte of [1, 2, 3]) journal.append(content(byte));
  journal.restart(8);
  expect([journal.isEmpty, journal.read()]).toEqual([true, []]);
  journal.append(content(4));
  journal.close();
  expect(found(path, 8)).toEqual([4]);
});

it('is not read by tables of another generation, and is gone when nothing is in it', () => {
  const path = newPath();
  const journal = new AnswerJournal(path, 7);
  journal.append(content(1));
  journal.close();
  expect(found(path, 6)).toEqual([]);
  expect(existsSync(path)).toBe(false);
});

it('ends before a record of which any byte is not as it was written', () => {
  const path = newPath();
  const journal = new AnswerJournal(path, 7);
  for (const byte of [1, 2, 3]) journal.append(content(byte, 10));
  journal.close();
  const whole = readFileSync(path);
  for (let at = 0; at < HEADER_BYTES + 10; at++) {
    const damaged = Buffer.from(whole);
    damaged[HEADER_BYTES + 10 + at] = (damaged[HEADER_BYTES + 10 + at] as number) ^ 0x10;
    writeFileSync(path, damaged);
    expect(found(path, 7)).toEqual([1]);
  }
});

it.each([0, 1, 30, 45, 59, 60, 61])('goes on with a file that was cut to %i bytes', (length) => {
  const path = newPath();
  const journal = new AnswerJournal(path, 7);
  for (const byte of [1, 2]) journal.append(content(byte, 10));
  journal.close();
  writeFileSync(path, readFileSync(path).subarray(0, length));
  const again = new AnswerJournal(path, 7);
  again.append(content(9, 10));
  again.close();
  expect(statSync(path).size).toBe(JOURNAL_BYTES);
  expect(found(path, 7)).toEqual([...[1, 2].slice(0, Math.floor(length / 30)), 9]);
});

it('takes what there is room for, to the last byte, and no more', () => {
  const path = newPath();
  const journal = new AnswerJournal(path, 7);
  journal.append(content(1));
  const left = JOURNAL_BYTES - 2 * HEADER_BYTES - 100;
  expect([journal.hasRoom(left), journal.hasRoom(left + 1)]).toEqual([true, false]);
  expect(() => journal.append(content(2, left + 1))).toThrow(RangeError);
  journal.append(content(3, left));
  expect(journal.hasRoom(0)).toBe(false);
  journal.close();
  expect(found(path, 7)).toEqual([1, 3]);
});

it('refuses a folder in its place, and one that it may not write', () => {
  expect(() => new AnswerJournal(folder, 7)).toThrow('EISDIR');
  expect(() => new AnswerJournal(join(folder, 'nowhere', 'x'), 7)).toThrow('ENOENT');
});

it('takes no lengths beyond its end for its own', () => {
  const path = newPath();
  const journal = new AnswerJournal(path, 7);
  journal.append(content(1, 10));
  journal.close();
  const file = openSync(path, 'r+');
  for (const length of [0xffffffff, JOURNAL_BYTES, 11]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(length);
    writeSync(file, bytes, 0, 4, 0);
    const again = new AnswerJournal(path, 7);
    expect(again.read()).toEqual([]);
    again.append(content(1, 10));
    again.close();
    expect(found(path, 7)).toEqual([1]);
  }
  closeSync(file);
});
