// andvari receive CODE... --range: some bytes of a file of other processes.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChildProgram } from './child-program.ts';
import { hashOf, twoNodes } from './testing/two-nodes.ts';
import { parseRange, rangeOf } from './transfer-range.ts';

const nodes = twoNodes('receive-range');
const { folder } = nodes;

async function holding(number: number, bytes: Uint8Array) {
  const place = folder.at(`holder-${number}`);
  mkdirSync(place);
  writeFileSync(`${place}/film.bin`, bytes);
  const sender = nodes.run('sender', ['send', `${place}/film.bin`, '--listen', '127.0.0.1:0']);
  const { codes } = (await sender.event('ready')) as unknown as { codes: [string] };
  return { sender, code: codes[0] };
}

const receiving = (...words: string[]) =>
  nodes.run('receiver', ['receive', ...words, '--yes', '-o', folder.at('in')]);
const endOf = async (program: ChildProgram) => (await program.ended).code;
const receivingToStdout = (...words: string[]) =>
  nodes.run('receiver', ['receive', ...words, '--yes', '-o', '-']);
/** Lines of JSON with this event, of what went to stderr. */
const besides = ({ err }: ChildProgram, name: string) => {
  const lines = err.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line)).filter(({ event }) => event === name);
};
const there = () => readdirSync(folder.at('in')).sort();

describe('what --range takes', () => {
  it('is what HTTP writes', () => {
    expect(parseRange('0-0')).toEqual({ first: 0, last: 0 });
    expect(parseRange('7-')).toEqual({ first: 7, last: undefined });
    expect(parseRange('-9')).toEqual({ count: 9 });
    expect(rangeOf(parseRange('2-5'), 10)).toEqual({ first: 2, last: 5 });
    expect(rangeOf(parseRange('2-50'), 10)).toEqual({ first: 2, last: 9 });
    expect(rangeOf(parseRange('9-'), 10)).toEqual({ first: 9, last: 9 });
    expect(rangeOf(parseRange('-3'), 10)).toEqual({ first: 7, last: 9 });
    expect(rangeOf(parseRange('-30'), 10)).toEqual({ first: 0, last: 9 });
  });

  it.each(['', '-', '5', '5-4', '-0', '1-2-3', '0x1-2', '1 -2', '1-2,4-5', `${'9'.repeat(16)}-`])(
    'is not %j',
    (text) => {
      const refused = expect.objectContaining({ code: 'ANDVARI_FILE_RANGE' });
      expect(() => parseRange(text)).toThrow(refused);
    },
  );

  it.each([
    ['10-', 10],
    ['10-20', 10],
    ['0-', 0],
    ['-1', 0],
  ])('%j is nothing of a file of %d bytes', (text, size) => {
    const refused = expect.objectContaining({ code: 'ANDVARI_FILE_RANGE' });
    expect(() => rangeOf(parseRange(text), size)).toThrow(refused);
  });
});

describe('some bytes of a file', () => {
  it('come from one, or from two, and the code stays good', async () => {
    const bytes = randomBytes(3_000_000);
    const [one, two] = [await holding(1, bytes), await holding(2, bytes)];
    const first = receiving(one.code, '--range', '262143-262144');
    expect(await endOf(first), first.err).toBe(0);
    const told = { first: 262143, last: 262144, bytes: 2, of: 3_000_000, blake3: hashOf(bytes) };
    expect(await first.event('received')).toMatchObject(told);
    const second = receiving(one.code, two.code, '--range=-1000000');
    expect(await endOf(second), second.err).toBe(0);
    // Nothing is replaced.
    const third = receiving(two.code, '--range', '262143-262144');
    expect(await endOf(third), third.err).toBe(0);
    const last = 'film.bin.2000000-2999999';
    expect(there()).toEqual(['film.bin (1).262143-262144', last, 'film.bin.262143-262144']);
    const of = (name: string) => readFileSync(folder.at(`in/${name}`));
    expect(of(last).equals(bytes.subarray(2_000_000))).toBe(true);
    expect(of('film.bin.262143-262144').equals(bytes.subarray(262_143, 262_145))).toBe(true);
    const whole = receiving(one.code);
    expect(await endOf(whole), whole.err).toBe(0);
    expect(await endOf(one.sender), one.sender.err).toBe(0);
  }, 60_000);

  it('do not come when there are none, or no code is given', async () => {
    const { code } = await holding(1, randomBytes(10));
    for (const [words, why] of [
      [[code, '--range', '10-'], /has 10 bytes, none from 10 on.*\(ANDVARI_FILE_RANGE\)\n$/],
      [[code, '--range', '9-8'], /wanted FIRST-LAST.*\(ANDVARI_FILE_RANGE\)\n$/],
      [['--range', '0-1'], /wanted the code of the file too \(ANDVARI_INPUT\)\n$/],
    ] as const) {
      const receiver = receiving(...words);
      expect(await endOf(receiver), receiver.err).toBe(1);
      expect(receiver.err).toMatch(why);
    }
    expect(there()).toEqual([]);
  }, 60_000);
});

describe('-o - of bytes of a file', () => {
  it('has these, or all of them, on standard output, and events on the other', async () => {
    // Text: what a test reads from a program is text.
    const text = randomBytes(1_000_000).toString('hex');
    const { code } = await holding(1, Buffer.from(text));
    const some = receivingToStdout(code, '--range', '262100-900000');
    expect(await endOf(some), some.err).toBe(0);
    expect(some.out === text.slice(262_100, 900_001)).toBe(true);
    const told = { first: 262_100, last: 900_000, bytes: 637_901, of: text.length };
    expect(besides(some, 'offered')).toHaveLength(1);
    expect(besides(some, 'received')).toEqual([expect.objectContaining(told)]);
    expect(besides(some, 'received')[0]).not.toHaveProperty('path');
    const all = receivingToStdout(code);
    expect(await endOf(all), all.err).toBe(0);
    expect(hashOf(Buffer.from(all.out))).toBe(hashOf(Buffer.from(text)));
    // A reader that has had enough is no error, and is seen long before the end.
    const left = nodes.into('| head -c 5', ['receive', code, '--yes', '-o', '-']);
    expect(await endOf(left), left.err).toBe(0);
    expect(left.out).toBe(text.slice(0, 5));
    expect(besides(left, 'received')[0].bytes).toBeLessThan(text.length);
    expect(there()).toEqual([]);
  }, 60_000);

  it('has nothing of an empty file', async () => {
    const { code } = await holding(1, new Uint8Array(0));
    const receiver = receivingToStdout(code);
    expect(await endOf(receiver), receiver.err).toBe(0);
    expect(receiver.out).toBe('');
    expect(besides(receiver, 'received')).toEqual([expect.objectContaining({ bytes: 0 })]);
  }, 60_000);

  it('is refused without a code, and ends where there is no room, or no such bytes', async () => {
    const { code } = await holding(1, randomBytes(10));
    const words = ['receive', code, '--yes', '-o', '-'];
    for (const [receiver, status, why] of [
      [receivingToStdout(), 1, /wanted the code of the file too \(ANDVARI_INPUT\)\n/],
      [receivingToStdout(code, '--range', '10-'), 1, /none from 10 on.*\(ANDVARI_FILE_RANGE\)\n/],
      [
        nodes.into('> /dev/full', words),
        4,
        /cannot write standard output: the disk is full \(ANDVARI_FILE_PLACE\)\n/,
      ],
    ] as const) {
      expect(await endOf(receiver), receiver.err).toBe(status);
      expect(receiver.err).toMatch(why);
      // An error is an event too, and must not get among the bytes.
      expect(besides(receiver, 'error')).toHaveLength(1);
      expect(receiver.out).toBe('');
    }
  }, 60_000);
});
