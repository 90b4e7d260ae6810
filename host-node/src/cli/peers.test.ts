// andvari serve with [peer], and andvari peers, as processes of their own and in this one.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askControl } from '../io/control-socket.ts';
import { openPeerKeys } from '../peer/open-peer-node.ts';
import { dataFolder, peerSocketPath } from '../transfer/data-folder.ts';
import { ChildProgram } from './child-program.ts';
import { CommandContext } from './command-context.ts';
import { runProgram } from './program.ts';

interface Described {
  peerId: string;
  key: string;
  addresses: string[];
}

const STRANGER = peerIdText(peerIdOfKey(new Uint8Array(32).fill(7)));
let directory = '';
const servers: ChildProgram[] = [];
/** As their servers say; the second keeps a connection to the first. */
const described: Described[] = [];
let keys: string[] = [];

const at = (...names: string[]) => join(directory, ...names);
const user = (name: string) => ({ XDG_DATA_HOME: at(name), HOME: directory });

/** `andvari peers` of the user of this name, in this process. */
const peers = (name: string, ...words: string[]) => command(['peers', ...words], user(name));

async function command(words: readonly string[], env: Record<string, string> = user('three')) {
  let [out, err] = ['', ''];
  const context = new CommandContext({
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env,
    signal: new AbortController().signal,
  });
  return { code: await runProgram(words, context), out, err };
}

function whitelist(name: string, ...lines: string[]): void {
  writeFileSync(at(name, 'whitelist'), `# who may take part\n\n${lines.join('\n')}\n`);
}

async function serve(name: string, connect: readonly string[] = []): Promise<void> {
  const words = ['serve', '--json', '--raida-number', '0', '--raida-listen', '127.0.0.1:0'];
  words.push('--http-listen', '127.0.0.1:0', '--io-workers', '1', '--store-url', 'memory:');
  words.push('--raida-pages-per-denomination', '1', '--log-level', 'fatal');
  words.push('--node-data-dir', at(name, 'data'), '--peer-listen', '127.0.0.1:0');
  words.push('--peer-websocket-listen', '127.0.0.1:0');
  words.push('--peer-whitelist-file', at(name, 'whitelist'), '--peer-connect', connect.join(','));
  const server = new ChildProgram(words, undefined, user(name));
  servers.push(server);
  const { peer } = await server.event('ready');
  described.push(peer as Described);
}

async function verified(name: string): Promise<string[]> {
  const { code, out } = await peers(name, 'list', '--json');
  expect(code).toBe(0);
  const list = JSON.parse(out) as { peers: { peerId: string; isVerified: boolean }[] };
  return list.peers.flatMap(({ peerId, isVerified }) => (isVerified ? [peerId] : []));
}

const [first, second] = [() => described[0]?.peerId ?? '', () => described[1]?.peerId ?? ''];
const meet = () => vi.waitFor(async () => expect(await verified('one')).toEqual([second()]));

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-peers-'));
  keys = [];
  for (const name of ['one', 'two']) {
    const { signer } = await openPeerKeys(at(name, 'data', 'peer'));
    keys.push(Buffer.from(signer.publicKey).toString('hex'));
  }
  const [one = '', two = ''] = keys;
  whitelist('one', `${two} # the other`);
  whitelist('two', one.toUpperCase());
  await serve('one');
  // TCP first, and then WebSocket, by which the other one comes.
  const webSocket = described[0]?.addresses[1] ?? '';
  expect(webSocket).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\//);
  await serve('two', [webSocket]);
  await meet();
});

afterAll(async () => {
  for (const server of servers) server.child.kill('SIGTERM');
  for (const server of servers) expect(await server.ended).toMatchObject({ code: 0 });
  rmSync(directory, { recursive: true });
});

describe('andvari peers', () => {
  it('lists who is there, by what its server has said', async () => {
    const { code, out, err } = await peers('one', 'list');
    expect(code).toBe(0);
    expect(out).toBe(`${second()}  verified  wire 3  key ${keys[1]}\n`);
    expect(err).toContain(`${first()} listens at ${described[0]?.addresses.join(' ')}\n`);
    expect(err).toContain('peers: 1, verified: 1, banned: 0\n');
    expect(described.map(({ key }) => key)).toEqual(keys);
  });

  it('pings by id and by address, as a process too', async () => {
    const { code, out } = await peers('two', 'ping', described[0]?.addresses[0] ?? '');
    expect({ code, out: out.replace(/\d+\.\d/, 'N') }).toEqual({
      code: 0,
      out: `${first()}: N ms\n`,
    });
    const program = new ChildProgram(['peers', 'ping', second(), '--json'], undefined, user('one'));
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(JSON.parse(program.out)).toMatchObject({ peerId: second(), knowsPing: true });
  });

  it('asks, and prints the answer', async () => {
    const { code, out, err } = await peers('one', 'send', second(), 'andvari/ping/1', 'eight by');
    expect({ code, out, err }).toEqual({ code: 0, out: 'eight by\n', err: 'success: 8 bytes\n' });
    writeFileSync(at('bytes'), Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a));
    const file = ['--file', at('bytes'), '--metadata', 'm'];
    const hex = await peers('one', 'send', second(), 'andvari/ping/1', ...file);
    expect(hex).toMatchObject({ code: 0, out: '1b5b324a\n' });
    const words = ['peers', 'send', second(), 'andvari/ping/1', '--file', '-'];
    const piped = ['sh', '-c', 'printf by-stdin | "$@"', 'sh'];
    const program = new ChildProgram(words, undefined, user('one'), piped);
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.out).toBe('by-stdin\n');
  });

  it('sends a file as long as a message, and says of longer ones how long that is', async () => {
    const send = ['send', second(), 'andvari/ping/1'];
    const most = 256 * 1024;
    writeFileSync(at('big'), Buffer.alloc(most, 'a'));
    const sent = await peers('one', ...send, '--file', at('big'));
    expect(sent).toMatchObject({ code: 0, out: 'aaaaaaaa\n' });
    writeFileSync(at('big'), Buffer.alloc(most + 1));
    const longMetadata = ['--metadata', 'm'.repeat(65_537)];
    // Before anybody is asked: there is no node at that socket.
    const nowhere = ['--socket', '/nowhere/peer.sock'];
    const ends = [
      [['--file', at('big')], `--file: ${at('big')} is larger than 262144 bytes`],
      [['--file', directory], `--file: ${directory} is no regular file`],
      [['a'.repeat(most + 1)], 'the text has 262145 bytes, 262144 at most are sent'],
      [longMetadata, '--metadata has 65537 bytes, 65536 at most are sent'],
    ] as const;
    for (const [words, sentence] of ends) {
      const err = `andvari: ${sentence} (ANDVARI_USAGE)\n`;
      expect(await peers('one', ...send, ...words, ...nowhere)).toEqual({ code: 1, out: '', err });
    }
    expect(await peers('one', ...send, '--file', at('none'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/none: no such file or directory \(ENOENT\)\n$/),
    });
  });

  it('takes no more than that from other programs, and says so too', async () => {
    const path = peerSocketPath(dataFolder(user('one')));
    const request = { command: 'send', peer: second(), protocol: 'andvari/ping/1' };
    const payload = Buffer.alloc(256 * 1024 + 1).toString('base64');
    const wrong = [
      [{ payload }, 'payload: wanted at most 262144 bytes'],
      [{ payload: '*' }, 'payload: wanted base64'],
    ] as const;
    for (const [more, message] of wrong) {
      await expect(askControl(path, { ...request, ...more })).rejects.toMatchObject({
        ...{ code: 'ANDVARI_CONTROL_PROTOCOL', message },
      });
    }
  });

  it('bans and unbans', async () => {
    const banned = await peers('one', 'ban', second(), '--forever');
    expect(banned).toEqual({ code: 0, out: '', err: `${second()} is banned until unban\n` });
    expect(await verified('one')).toEqual([]);
    const list = await peers('one', 'list');
    expect(list.out).toContain(`${second()}  banned until unban\n`);
    expect(await peers('one', 'ping', second())).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^andvari: .* \(ANDVARI_PEER_NOT_CONNECTED\)\n$/),
    });
    expect(await peers('one', 'ping', described[1]?.addresses[0] ?? '')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/^andvari: .*BANNED \(ANDVARI_PEER_REFUSED\)\n$/),
    });
    expect(await peers('one', 'unban', second())).toMatchObject({ code: 0 });
    await meet();
    const again = await peers('one', 'unban', second());
    expect(again.err).toMatch(/is not banned \(ANDVARI_PEER_ARGUMENT\)\n$/);
    const seconds = await peers('one', 'ban', STRANGER, '--seconds', '60', '--json');
    expect(JSON.parse(seconds.out).untilMs).toBeGreaterThan(Date.now());
    // Whoever is told of it finds it kept, though it is the third within a second.
    const kept = () => readFileSync(at('one', 'data', 'peer', 'bans.json'), 'utf8');
    expect(kept()).toContain(STRANGER);
    expect(await peers('one', 'unban', STRANGER)).toMatchObject({ code: 0 });
    expect(kept()).not.toContain(STRANGER);
  });

  it.each([
    [['ping', 'nobody'], 1, 'ANDVARI_PEER_ARGUMENT'],
    [['send', 'nobody', 'andvari/ping/1'], 1, 'ANDVARI_PEER_ARGUMENT'],
    [['unban', 'nobody'], 1, 'ANDVARI_PEER_ARGUMENT'],
    [['ping', STRANGER], 2, 'ANDVARI_PEER_NOT_CONNECTED'],
    [['send', STRANGER, 'andvari/ping/1'], 2, 'ANDVARI_PEER_NOT_CONNECTED'],
    [['send', STRANGER, 'p', 'a text', '--file', '/dev/null'], 1, 'ANDVARI_USAGE'],
    [['ping', `/ip4/127.0.0.1/tcp/1/p2p/${STRANGER}x`], 1, 'ANDVARI_PEER_ARGUMENT'],
    [['ban', 'nobody'], 1, 'ANDVARI_PEER_ARGUMENT'],
    [['ban', STRANGER, '--forever', '--seconds', '1'], 1, 'ANDVARI_USAGE'],
    [['ban', STRANGER, '--seconds', '0'], 1, 'ANDVARI_USAGE'],
    [['list', '--raida', '25'], 1, 'ANDVARI_USAGE'],
    [['list', '--socket', '/nowhere/peer.sock'], 2, 'ANDVARI_CONTROL_NOBODY'],
    [['kick', STRANGER], 1, 'ANDVARI_USAGE'],
  ])('tells what is wrong with %j', async (words, code, name) => {
    const told = await peers('one', ...words);
    expect(told).toMatchObject({ code, out: '' });
    expect(told.err).toMatch(new RegExp(`^andvari: [^\\n]* \\(${name}\\)\\n$`));
  });

  it('lets in whom the whitelist has after a hang-up, and nobody else', async () => {
    await meet();
    whitelist('one');
    servers[0]?.child.kill('SIGHUP');
    await vi.waitFor(async () => expect(await verified('one')).toEqual([]));
    expect(servers[0]?.child.exitCode).toBeNull();
  });
});

describe('andvari serve with [peer]', () => {
  it('does not start without a whitelist, and check says so before', async () => {
    const words = ['--raida-number', '0', '--raida-listen', '127.0.0.1:0', '--http-listen'];
    words.push('127.0.0.1:0', '--store-url', 'memory:', '--node-data-dir', at('data'));
    words.push('--peer-listen', '127.0.0.1:0', '--peer-whitelist-file');
    const started = await command(['serve', ...words, at('none'), '--log-level', 'fatal']);
    expect(started.code).toBe(1);
    expect(started.err).toMatch(/none: it is not there \(ANDVARI_PEER_WHITELIST\)\n$/);
    writeFileSync(at('wrong'), `\n${'0'.repeat(63)}\n`);
    const checked = await command(['config', 'check', ...words, at('wrong')]);
    expect(checked.code).toBe(1);
    expect(checked.out).toContain(': peer.whitelist_file: ');
    expect(checked.out).toContain('wrong: line 2: wanted a key of 64 hex digits');
    writeFileSync(at('right'), keys.join('\r\n'));
    const right = await command(['config', 'check', ...words, at('right')]);
    expect(right).toMatchObject({ code: 0, out: '' });
  });
});
