// andvari receive CODE CODE2 ...: one file from several processes at once.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChildProgram } from './child-program.ts';
import { hashOf, twoNodes } from './testing/two-nodes.ts';

const nodes = twoNodes('send-sources');
const { folder } = nodes;

/** A holder of its own file. */
async function holding(number: number, bytes: Uint8Array, name = 'film.bin') {
  const place = folder.at(`holder-${number}`);
  mkdirSync(place);
  writeFileSync(`${place}/${name}`, bytes);
  const sender = nodes.run('sender', ['send', `${place}/${name}`, '--listen', '127.0.0.1:0']);
  const { codes } = (await sender.event('ready')) as unknown as { codes: [string] };
  return { sender, code: codes[0] };
}

const fetching = (...words: string[]) =>
  nodes.run('receiver', ['receive', ...words, '--yes', '-o', folder.at('in')]);

const endOf = async (program: ChildProgram) => (await program.ended).code;

describe('several codes', () => {
  it('fetch one file from all of them, and name them; one that is killed is no end', async () => {
    const bytes = randomBytes(40 << 20);
    const holders = [await holding(1, bytes), await holding(2, bytes), await holding(3, bytes)];
    const receiver = fetching(...holders.map(({ code }) => code));
    const offered = (await receiver.event('offered')) as unknown as { sources: unknown[] };
    expect(offered).toMatchObject({ file: 'film.bin', blake3: hashOf(bytes) });
    expect(offered.sources).toHaveLength(3);
    holders[0]?.sender.child.kill('SIGKILL');
    expect(await endOf(receiver), receiver.err).toBe(0);
    expect(readFileSync(folder.at('in/film.bin')).equals(bytes)).toBe(true);
    expect(await receiver.event('source')).toMatchObject({ isAsked: true });
    for (const { sender } of holders.slice(1)) expect(await endOf(sender), sender.err).toBe(0);
  }, 60_000);

  it('that are for different files fetch nothing, and say what each is for', async () => {
    const holders = [await holding(1, randomBytes(10)), await holding(2, randomBytes(11))];
    const receiver = fetching(...holders.map(({ code }) => code));
    expect(await endOf(receiver)).toBe(4);
    expect(receiver.err).toMatch(/do not offer the same: .*, 1[01] bytes, .*DIFFER\)\n$/);
    expect(readdirSync(folder.at('in'))).toEqual([]);
  }, 60_000);

  it('of which nobody answers fetch nothing', async () => {
    const { sender, code } = await holding(1, randomBytes(10));
    const other = await holding(2, randomBytes(10));
    for (const { child, ended } of [sender, other.sender]) {
      child.kill('SIGKILL');
      await ended;
    }
    const receiver = fetching(code, other.code, '--timeout', '700');
    expect(await endOf(receiver)).toBe(2);
    expect(receiver.err).toMatch(/none of 2 sources is left: .*no answer.*; .*\n$/);
  }, 60_000);
});
