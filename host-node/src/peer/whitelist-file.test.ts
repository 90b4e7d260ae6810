import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { readWhitelist, WhitelistFileError } from './whitelist-file.ts';

const folder = folderForTests('whitelist');

function read(text: string): string[] {
  writeFileSync(folder.at('list'), text);
  return readWhitelist(folder.at('list')).map((key) => Buffer.from(key).toString('hex'));
}

const key = (n: number) => n.toString(16).padStart(64, '0');

describe('a whitelist', () => {
  it('has a key a line, each once; the rest is for people', () => {
    const [one, ten] = [key(1), key(10)];
    expect(read(`# peers\r\n\n ${one} # one\r\n${ten.toUpperCase()}\n${one}`)).toEqual([one, ten]);
    expect(read('')).toEqual([]);
  });

  it('has room for 4096', () => {
    const lines = Array.from({ length: 4097 }, (_, n) => key(n));
    expect(read(lines.slice(1).join('\n'))).toHaveLength(4096);
    expect(() => read(lines.join('\n'))).toThrow(/: 4097 keys, 4096 at most$/);
  });

  it.each([
    [`${key(1)}\n${key(1)}0`, /: line 2: wanted a key of 64 hex digits$/],
    [key(1).replace('0', 'g'), /: line 1: wanted a key of 64 hex digits$/],
    [`${key(1)} ${key(2)}`, /: line 1: /],
    ['#'.repeat(2 ** 20 + 1), /: 1048577 bytes, 1048576 at most$/],
  ])('is refused as a whole (%#)', (text, why) => {
    expect(() => read(text)).toThrow(WhitelistFileError);
    expect(() => read(text)).toThrow(why);
  });

  it('is a file that is there', () => {
    mkdirSync(folder.at('folder'));
    expect(() => readWhitelist(folder.at('folder'))).toThrow('no regular file');
    const code = 'ANDVARI_PEER_WHITELIST';
    const missing = () => readWhitelist(folder.at('none'));
    expect(missing).toThrow(expect.objectContaining({ code }));
  });

  it("is nobody else's to write, and text", () => {
    const path = folder.at('whitelist');
    writeFileSync(path, `${'11'.repeat(32)}\n`);
    expect(readWhitelist(path)).toHaveLength(1);
    chmodSync(path, 0o664);
    expect(() => readWhitelist(path)).toThrow('others may write it (mode 664): chmod 600 it');
    chmodSync(path, 0o600);
    writeFileSync(path, Uint8Array.of(0x23, 0xff));
    expect(() => readWhitelist(path)).toThrow('no text in UTF-8');
  });
});
