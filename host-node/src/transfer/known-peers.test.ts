import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { PeerIdError, peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { describe, expect, it } from 'vitest';
import { FileLock } from '../files/file-lock.ts';
import { folderForTests } from '../testing/folder.ts';
import { KNOWN_PEERS_LINES_MAX, KnownPeers, KnownPeersError } from './known-peers.ts';
import { PeerNameError } from './peer-names.ts';

const folder = folderForTests('known-peers');
const idOf = (name: number) => identityOf(new Uint8Array(32).fill(name)).peerId;
const textOf = (name: number) => peerIdText(idOf(name));
/** The other peer ID of the same key. */
const twinOf = (peerId: Uint8Array) => peerId.with(31, (peerId[31] ?? 0) ^ 0x80);

/** Loads a file with this content. */
function load(content: string | Uint8Array): KnownPeers {
  writeFileSync(folder.at('known_peers'), content, { mode: 0o600 });
  return KnownPeers.load(folder.at('known_peers'));
}

describe('known peers', () => {
  it('are added, named, found and removed', () => {
    const path = folder.at('new/known_peers');
    const peers = KnownPeers.load(path);
    expect(existsSync(path)).toBe(false);
    expect([peers.size, peers.has(idOf(1)), peers.find('Ann')]).toEqual([0, false, undefined]);
    expect(peers.add(idOf(1), 'Ann')).toBe('added');
    expect(peers.add(idOf(2))).toBe('added');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const one of [peers, KnownPeers.load(path)]) {
      expect(one.list()).toEqual([{ peerId: idOf(1), name: 'Ann' }, { peerId: idOf(2) }]);
      expect([one.has(idOf(1)), one.has(idOf(2)), one.has(idOf(3))]).toEqual([true, true, false]);
      expect([one.nameOf(idOf(1)), one.nameOf(idOf(2)), one.nameOf(idOf(3))]).toEqual(
        Array.of<string | undefined>('Ann', undefined, undefined),
      );
      expect(one.find('aNN')).toEqual(idOf(1));
      expect(one.find(textOf(3).toUpperCase())).toEqual(idOf(3));
      expect(one.find('Bob')).toBeUndefined();
    }
    expect(peers.add(idOf(2), 'Bob')).toBe('named');
    expect([peers.add(idOf(2), 'Bob'), peers.add(idOf(2))]).toEqual(['known', 'known']);
    expect(readFileSync(path, 'utf8')).toBe(`${textOf(1)} Ann\n${textOf(2)} Bob\n`);
    expect([peers.remove(idOf(1)), peers.remove(idOf(1)), peers.remove(idOf(3))]).toEqual(
      Array.of(true, false, false),
    );
    expect(readFileSync(path, 'utf8')).toBe(`${textOf(2)} Bob\n`);
    expect(() => peers.find(`x${textOf(3)}`)).toThrow(PeerIdError);
  });

  it('are told apart by their key: one of its two peer IDs stands for both', () => {
    const peers = load(`${textOf(1)} Ann\n`);
    const twin = twinOf(idOf(1));
    expect([peers.has(twin), peers.nameOf(twin)]).toEqual([true, 'Ann']);
    expect(peers.add(twin)).toBe('known');
    expect(() => load(`${textOf(1)}\n${peerIdText(twin)}\n`)).toThrow(':2: the peer of line 1');
    expect(load(`${textOf(1)} Ann\n`).remove(twin)).toBe(true);
  });

  it('leave what people have written as it is', () => {
    const grouped = textOf(1)
      .toUpperCase()
      .replace(/.{5}(?=.)/g, '$&-');
    const text = `# of the house\n\n  ${grouped}   the laptop \r\n#${textOf(2)} old\n${textOf(3)}`;
    const peers = load(text);
    expect(peers.list()).toEqual([{ peerId: idOf(1), name: 'the laptop' }, { peerId: idOf(3) }]);
    expect(peers.add(idOf(1), 'the laptop')).toBe('known');
    expect(readFileSync(folder.at('known_peers'), 'utf8')).toBe(text);
    peers.add(idOf(2), 'b');
    expect(readFileSync(folder.at('known_peers'), 'utf8')).toBe(
      `${text.replace('\r', '')}\n${textOf(2)} b\n`,
    );
  });

  it('are not read from a damaged file, whose line is named', () => {
    const cases: [string, number | undefined, string][] = [
      [`${textOf(1)} a\n\n${textOf(2).slice(1)} b\n`, 3, 'this has 54'],
      [`# x\n${textOf(1).replace(/.$/, 'q')}\n`, 2, 'checksum'],
      [`${textOf(1)}\n${textOf(1)} again\n`, 2, 'the peer of line 1'],
      [`${textOf(1)} ann\n${textOf(2)} Ann\n`, 2, 'the name of line 1'],
      [`${textOf(1)} ${'x'.repeat(65)}\n`, 1, '65 characters, 64 at most'],
      [`${textOf(1)} a\u202eb\n`, 1, 'cannot be seen'],
      [`${textOf(1)} a\tb\n`, 1, 'cannot be seen'],
      [`${textOf(1)} ${textOf(2)}\n`, 1, 'looks like a peer ID'],
      ['\n'.repeat(KNOWN_PEERS_LINES_MAX + 1), undefined, 'more than 10000 lines'],
      ['#'.repeat(5_000_000), undefined, '4194304 at most'],
    ];
    for (const [content, line, why] of cases) {
      const problem = { name: 'KnownPeersError', code: 'ANDVARI_KNOWN_PEERS', line };
      const message = expect.stringContaining(why);
      expect(caught(() => load(content))).toMatchObject({ ...problem, message });
    }
    expect(() => load(Uint8Array.of(0x23, 0xff))).toThrow('no text in UTF-8');
    expect(load('\n'.repeat(KNOWN_PEERS_LINES_MAX)).size).toBe(0);
  });

  it('are not added to one, to a full one, nor under a name that is none', () => {
    const path = folder.at('known_peers');
    const peers = load(`${textOf(1)} Ann\n`);
    for (const name of ['', ' a', 'a ', 'a\nb', '\u200b', 'x'.repeat(65), textOf(2), '\ud800']) {
      expect(() => peers.add(idOf(2), name)).toThrow(PeerNameError);
    }
    // Capital letters, spaces and accents make no other name.
    for (const name of ['Ann', 'ANN', 'Ａnn']) {
      expect(caught(() => peers.add(idOf(2), name))).toMatchObject({ code: 'ANDVARI_REFUSED' });
    }
    expect(() => peers.add(new Uint8Array(32).fill(2, 0, 1))).toThrow(RangeError);
    expect(peers.add(idOf(2), '\u{1f600}'.repeat(64))).toBe('added');
    const full = `${textOf(1)}\n`.padEnd(KNOWN_PEERS_LINES_MAX - 1 + 56, '\n');
    expect(() => load(full).add(idOf(3))).toThrow(KnownPeersError);
    expect(readFileSync(path, 'utf8')).toBe(full);
    writeFileSync(path, 'damaged\n');
    expect(() => peers.add(idOf(3))).toThrow(':1: a peer ID has 55');
    expect(readFileSync(path, 'utf8')).toBe('damaged\n');
    expect(readdirSync(folder.path).sort()).toEqual(['known_peers', 'known_peers.lock']);
  });

  it('are not read from a file that others may write, or that is none', () => {
    const path = folder.at('known_peers');
    load('');
    chmodSync(path, 0o620);
    expect(() => KnownPeers.load(path)).toThrow('others may write it (mode 620)');
    chmodSync(path, 0o644);
    expect(KnownPeers.load(path).size).toBe(0);
    mkdirSync(folder.at('folder'), { mode: 0o700 });
    expect(() => KnownPeers.load(folder.at('folder'))).toThrow(KnownPeersError);
    expect(() => KnownPeers.load('/dev/null')).toThrow('no regular file');
    expect(() => KnownPeers.load(undefined as never)).toThrow(TypeError);
  });

  it('lose nothing of what several processes add at once', async () => {
    const path = folder.at('known_peers');
    const program = fileURLToPath(new URL('../cli/testing/trust-process.ts', import.meta.url));
    const add = (first: number) =>
      promisify(execFile)(process.execPath, [program, path, String(first), '20']);
    await Promise.all([add(1), add(21), add(41)]);
    const names = KnownPeers.load(path)
      .list()
      .map(({ name }) => name);
    expect(new Set(names)).toEqual(new Set(Array.from({ length: 60 }, (_, i) => `peer ${i + 1}`)));
  });

  it('say so when another program keeps the file', () => {
    const peers = load('');
    const lock = FileLock.take(folder.at('known_peers'), 'taken');
    try {
      expect(caught(() => peers.add(idOf(1)))).toMatchObject({ code: 'ANDVARI_FILE_LOCKED' });
    } finally {
      lock.release();
    }
    expect(peers.add(idOf(1))).toBe('added');
  });
});

function caught(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
