// andvari send PATH without a peer, and andvari receive CODE, as processes of their own.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChildProgram } from './child-program.ts';
import { hashOf, twoNodes } from './testing/two-nodes.ts';

const nodes = twoNodes('send-code');
const { folder } = nodes;
beforeEach(() => {
  // Nobody needs an identity of his own for this.
  for (const who of ['sender', 'receiver']) rmSync(folder.at(who), { recursive: true });
});

async function waiting(
  path: string,
  ...more: string[]
): Promise<{ sender: ChildProgram; code: string }> {
  const sender = nodes.run('sender', ['send', path, '--listen', '127.0.0.1:0', ...more]);
  const { codes } = (await sender.event('ready')) as unknown as { codes: [string] };
  return { sender, code: codes[0] };
}

const fetching = (code: string, ...more: string[]) =>
  nodes.run('receiver', ['receive', code, '--yes', '-o', folder.at('in'), ...more]);

describe('a code', () => {
  it('fetches the file, once', async () => {
    const bytes = randomBytes(700_000);
    const { sender, code } = await waiting(nodes.fileOf('x.bin', bytes));
    const receiver = fetching(code);
    expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
    expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
    const told = { blake3: hashOf(bytes), bytes: bytes.length };
    expect(await sender.event('sent')).toMatchObject(told);
    expect(await receiver.event('received')).toMatchObject(told);
    expect(existsSync(folder.at('sender'))).toBe(false);
    expect(existsSync(folder.at('receiver/andvari/identity.key'))).toBe(false);
  });

  it('fetches a folder that is sent compressed', async () => {
    const text = 'one line after the other\n'.repeat(20_000);
    mkdirSync(folder.at('notes'));
    const path = nodes.fileOf('notes/a.txt', Buffer.from(text));
    const { sender, code } = await waiting(dirname(path), '--compress');
    const receiver = fetching(code);
    expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
    expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    expect(readFileSync(folder.at('in/notes/a.txt'), 'utf8')).toBe(text);
  });

  it('is still good for one who was cut off, and what he has stays', async () => {
    const bytes = randomBytes(30 << 20);
    const { sender, code } = await waiting(nodes.fileOf('x.bin', bytes));
    const first = fetching(code);
    // It cannot end before it is killed: its sender stands still.
    await first.event('offered');
    sender.child.kill('SIGSTOP');
    first.child.kill('SIGKILL');
    await first.ended;
    sender.child.kill('SIGCONT');
    const next = fetching(code);
    expect(await next.ended, next.err).toMatchObject({ code: 0 });
    expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    for (const name of readdirSync(folder.at('in'))) {
      expect(readFileSync(folder.at(`in/${name}`)).equals(bytes), name).toBe(true);
    }
  });

  it('is still good when more have failed than may come at once', async () => {
    const { sender, code } = await waiting(nodes.fileOf('x.bin', randomBytes(10)));
    mkdirSync(folder.at('in/x.bin.andvari-part'));
    for (let i = 0; i < 5; i++) expect(await fetching(code).ended).toMatchObject({ code: 4 });
    rmSync(folder.at('in/x.bin.andvari-part'), { recursive: true });
    const next = fetching(code);
    expect(await next.ended, next.err).toMatchObject({ code: 0 });
    expect(await sender.ended).toMatchObject({ code: 0 });
    expect(sender.err).toMatch(
      /^(andvari: the receiver has no place.*the code is still good\n){5}$/,
    );
  });

  it('of somebody who is gone, or with a slip in it, fetches nothing', async () => {
    const { sender, code } = await waiting(nodes.fileOf('x.bin', randomBytes(10)));
    const wrong = fetching(`${code[0] === 'a' ? 'b' : 'a'}${code.slice(1)}`);
    expect(await wrong.ended).toMatchObject({ code: 1 });
    expect(wrong.err).toMatch(/\(ANDVARI_PEER_ID\)\n$/);
    sender.child.kill('SIGTERM');
    expect(await sender.ended).toMatchObject({ code: 2 });
    const late = fetching(code, '--timeout', '1500');
    expect(await late.ended).toMatchObject({ code: 2 });
    expect(late.err).toMatch(/\(ANDVARI_UNREACHABLE\)\n$/);
    expect(readdirSync(folder.at('in'))).toEqual([]);
  });

  it('lets in nobody who has only seen where it leads', async () => {
    const { sender, code } = await waiting(nodes.fileOf('x.bin', randomBytes(10)));
    const other = await waiting(nodes.fileOf('y.bin', randomBytes(10)));
    const place = code.slice(code.indexOf('@'));
    const mixed = fetching(
      other.code.slice(0, other.code.indexOf('@')) + place,
      '--timeout',
      '1500',
    );
    expect(await mixed.ended).toMatchObject({ code: 2 });
    expect(mixed.err).toMatch(/\(ANDVARI_UNREACHABLE\)\n$/);
    expect(sender.err).toBe('');
    const right = fetching(code);
    expect(await right.ended, right.err).toMatchObject({ code: 0 });
    expect(readdirSync(folder.at('in'))).toEqual(['x.bin']);
  });

  it('says the address that it is told to say', async () => {
    const words = ['--listen', '127.0.0.1:0', '--address', 'house.example'];
    const sender = nodes.run('sender', ['send', nodes.fileOf('x', randomBytes(1)), ...words]);
    const { codes } = (await sender.event('ready')) as unknown as { codes: string[] };
    expect(codes).toEqual([expect.stringMatching(/^[a-z2-7]{55}@house\.example:\d+$/)]);
  });

  it('ends with its sender, whose file has changed', async () => {
    const path = nodes.fileOf('x.bin', randomBytes(1000));
    const { sender, code } = await waiting(path);
    nodes.fileOf('x.bin', randomBytes(999));
    const receiver = fetching(code);
    expect(await receiver.ended).toMatchObject({ code: 3 });
    expect(await sender.ended).toMatchObject({ code: 3 });
    expect(sender.err).toMatch(/\(ANDVARI_FILE_CHANGED\)\n$/);
    expect(readdirSync(folder.at('in'))).toEqual([]);
  });
});
