import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { createIdentity } from '../transfer/identity-store.ts';
import { KnownPeers } from '../transfer/known-peers.ts';
import {
  type NodeEndpoint,
  type NodeEndpointOptions,
  openNodeEndpoint,
} from '../transfer/open-endpoint.ts';
import { type CliSurroundings, runCli } from './testing/cli-network.ts';

/** Of calls that nobody answers. */
const SHORT = ['--timeout', '1000'];
const folder = folderForTests('ping');
const opened: NodeEndpoint[] = [];
const own = () => folder.at('data/andvari/identity.key');

beforeEach(async () => {
  mkdirSync(folder.at('data/andvari'), { recursive: true, mode: 0o700 });
  await createIdentity(own());
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ endpoint }) => endpoint.close()));
});

async function openPeer(options: Partial<NodeEndpointOptions> = {}) {
  const identityFile = folder.at('peer.key');
  await createIdentity(identityFile).catch(() => {});
  const listen = { host: '127.0.0.1', port: 0 };
  const peer = await openNodeEndpoint({ identityFile, listen, trust: () => true, ...options });
  opened.push(peer);
  return peer;
}

async function nextSession({ endpoint }: NodeEndpoint): Promise<TransferSession> {
  const { value } = await endpoint.incoming.getReader().read();
  if (!value) throw new Error('the endpoint is closed');
  return value;
}

const addressOf = ({ peerId, bound }: NodeEndpoint, port = bound.port) =>
  `${peerIdText(peerId)}@127.0.0.1:${port}`;
const run = (words: string[], { env, ...around }: CliSurroundings = {}) =>
  runCli(['ping', ...words], { env: { XDG_DATA_HOME: folder.at('data'), ...env }, ...around });
const eventsOf = ({ lines }: { lines: string[] }) => lines.map((line) => JSON.parse(line));

describe('andvari ping', () => {
  it('tells each answer and what they come to', async () => {
    const peer = await openPeer();
    const { code, err, lines } = await run([addressOf(peer), '-c', '3', '-i', '0.01']);
    expect([code, lines.length]).toEqual([0, 4]);
    expect(err).toBe(`${peerIdText(peer.peerId)} at 127.0.0.1:${peer.bound.port}: connected\n`);
    for (const [i, line] of lines.slice(0, 3).entries()) {
      expect(line).toMatch(new RegExp(`^${i + 1}: \\d+\\.\\d{3} ms$`));
    }
    expect(lines[3]).toMatch(/^3 sent, 3 answered, 0 lost; min [\d.]+, avg [\d.]+, max [\d.]+ ms$/);
  });

  it('is let in as who it is, and tells machines', async () => {
    const asked: Uint8Array[] = [];
    const peer = await openPeer({ trust: ({ peerId }) => asked.push(peerId) > 0 });
    const said = await run([addressOf(peer), '-c', '2', '-i', '0', '--json']);
    expect(said).toMatchObject({ code: 0, err: '' });
    const [connected, one, two, summary] = eventsOf(said);
    const address = `127.0.0.1:${peer.bound.port}`;
    expect(connected).toEqual({
      event: 'connected',
      way: 'direct',
      peer: peerIdText(peer.peerId),
      address,
    });
    expect([one, two].map(({ event, number }) => [event, number])).toEqual([
      ['ping', 1],
      ['ping', 2],
    ]);
    expect(summary).toMatchObject({ event: 'summary', sent: 2, answered: 2, lost: 0 });
    expect(summary.minMs).toBeLessThanOrEqual(summary.avgMs);
    expect(summary.avgMs).toBeLessThanOrEqual(summary.maxMs);
    const shown = await runCli(['keygen', own(), '--show']);
    expect(asked.map(peerIdText)).toEqual(shown.lines);
  });

  it('calls a peer by its name, at the name of a host, also by IPv6', async () => {
    const peer = await openPeer();
    KnownPeers.load(folder.at('data/andvari/known_peers')).add(peer.peerId, 'Ann of ours');
    const direct = await run([`ANN OF OURS@127.0.0.1:${peer.bound.port}`, '-c', '1', '--json']);
    expect(eventsOf(direct)[0]).toMatchObject({ name: 'Ann of ours' });
    const unknown = { code: 1, out: '', err: expect.stringContaining('(ANDVARI_PEER_UNKNOWN)') };
    expect(await run(['Bob@127.0.0.1:1'])).toMatchObject(unknown);
    const here = await openPeer({ listen: { host: (await lookup('localhost')).address, port: 0 } });
    const atName = `${peerIdText(here.peerId)}@localhost:${here.bound.port}`;
    expect(await run([atName, '-c', '1'])).toMatchObject({ code: 0 });
    const six = await openPeer({ listen: { host: '::1', port: 0 } });
    const address = `${peerIdText(six.peerId)}@[::1]:${six.bound.port}`;
    expect(await run([address, '-c', '1'])).toMatchObject({ code: 0 });
  });

  it('ends with the summary when the user wants no more', async () => {
    const peer = await openPeer();
    const stop = new AbortController();
    const onOut = (text: string) => text.includes('"ping"') && stop.abort();
    const words = [addressOf(peer), '-c', '9', '-i', '3600', '--json'];
    const said = await run(words, { signal: stop.signal, onOut });
    expect(said.code).toBe(0);
    expect(eventsOf(said).at(-1)).toMatchObject({ event: 'summary', sent: 1, answered: 1 });
  });

  it('is interrupted while nobody answers its call (2)', async () => {
    const peer = await openPeer({ trust: () => false });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const said = await run([addressOf(peer)], { signal: stop.signal });
    expect(said).toMatchObject({ code: 2, out: '' });
    expect(said.err).toContain('(ANDVARI_INTERRUPTED)');
  });

  it('tells that the peer has ended the session', async () => {
    const peer = await openPeer();
    const closing = nextSession(peer).then(async (session) => {
      await session.ping(); // its first word is heard
      await session.close(0, 'good\u001b[31m night');
    });
    const said = await run([addressOf(peer), '-c', '5', '-i', '600', '--json']);
    await closing;
    const events = eventsOf(said);
    const lost = events.filter(({ event }) => event === 'lost');
    const why = expect.stringMatching(/by the peer .* good \[31m night$/);
    expect(lost).toMatchObject([{ code: 'ANDVARI_SESSION_CLOSED', why }]);
    const { answered } = events.at(-1);
    const counts = { sent: answered + 1, lost: 1 };
    expect(events.at(-1)).toMatchObject({ event: 'summary', ...counts });
    expect(said.code).toBe(answered > 0 ? 0 : 2);
  });

  it('tells what was lost when no answer comes any more (2)', async () => {
    const peer = await openPeer();
    const relay = await Relay.open(peer.bound.port);
    try {
      const onOut = (text: string) => {
        if (text.includes('"connected"')) relay.isOff = true;
      };
      const words = [addressOf(peer, relay.port), '-c', '2', '-i', '0', '--timeout', '1000'];
      const said = await run([...words, '--json'], { onOut });
      expect(said.code).toBe(2);
      const [, one, two, summary] = eventsOf(said);
      expect([one, two]).toMatchObject(Array(2).fill({ code: 'ANDVARI_PING_TIMEOUT' }));
      expect(summary).toEqual({ event: 'summary', sent: 2, answered: 0, lost: 2 });
    } finally {
      relay.close();
    }
  });

  it('finds nobody: a wrong port, another key, one that does not trust us (2)', async () => {
    const peer = await openPeer();
    const stranger = await openPeer({ trust: () => false });
    await createIdentity(folder.at('other.key'));
    const { lines } = await runCli(['keygen', folder.at('other.key'), '--show']);
    const cases = [
      `${lines[0]}@127.0.0.1:${peer.bound.port}`,
      addressOf(stranger),
      // Port 9 of UDP: nobody that speaks this protocol.
      addressOf(peer, 9),
    ];
    const runs = await Promise.all(cases.map((address) => run([address, ...SHORT])));
    for (const { code, out, err } of runs) {
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^andvari: 127\.0\.0\.1:\d+: no answer .* \(ANDVARI_UNREACHABLE\)\n$/);
    }
    const host = await run([`${lines[0]}@no-such-host.invalid:1`, ...SHORT]);
    expect(host).toMatchObject({ code: 2, err: expect.stringContaining('(ANDVARI_UNREACHABLE)') });
  });

  it('takes nothing for a peer that is none (1)', async () => {
    const peer = await openPeer();
    const text = peerIdText(peer.peerId);
    const at = `127.0.0.1:${peer.bound.port}`;
    const cases: [string, string][] = [
      [text, 'ANDVARI_PEER_ADDRESS'],
      [`${text}@127.0.0.1`, 'ANDVARI_PEER_ADDRESS'],
      [`${text}@::1:8420`, 'ANDVARI_PEER_ADDRESS'],
      [`${text.slice(1)}@${at}`, 'ANDVARI_PEER_ID'],
      [`${text[0] === 'a' ? 'b' : 'a'}${text.slice(1)}@${at}`, 'ANDVARI_PEER_ID'],
    ];
    for (const [address, code] of cases) {
      expect((await run([address])).err).toMatch(new RegExp(`^andvari: .*\\(${code}\\)\n$`));
    }
    for (const words of [
      ['-c', '0'],
      ['-c', 'x'],
      ['-i', '-1'],
      ['-i', '3601'],
      ['--timeout', '0'],
    ]) {
      const usage = { code: 1, out: '', err: expect.stringContaining('(ANDVARI_USAGE)') };
      expect(await run([`${text}@${at}`, ...words])).toMatchObject(usage);
    }
    const { lines } = await runCli(['keygen', own(), '--show']);
    const ourselves = await run([`${lines[0]}@${at}`]);
    expect(ourselves).toMatchObject({ code: 1, err: expect.stringContaining('is our own') });
  });

  it('uses a sealed identity with its passphrase alone (4)', async () => {
    const peer = await openPeer();
    const sealed = folder.at('sealed.key');
    await createIdentity(sealed, 'correct horse');
    writeFileSync(folder.at('word'), 'correct horse\n');
    const words = [addressOf(peer), '-c', '1', '--identity', sealed];
    const open = await run([...words, '--passphrase-file', folder.at('word')]);
    expect(open).toMatchObject({ code: 0 });
    const env = { ANDVARI_PASSPHRASE: 'correct horse' };
    expect(await run(words, { env })).toMatchObject({ code: 0 });
    const refused = (code: string) => ({ code: 4, out: '', err: expect.stringContaining(code) });
    expect(await run(words)).toMatchObject(refused('(ANDVARI_IDENTITY_SEALED)'));
    const wrong = await run(words, { env: { ANDVARI_PASSPHRASE: 'wrong' } });
    expect(wrong).toMatchObject(refused('(ANDVARI_IDENTITY_PASSPHRASE)'));
    expect(wrong.err.split('\n')).toHaveLength(2);
  });

  it('uses no identity that is open to others (4), missing (1) or none (1)', async () => {
    const peer = await openPeer();
    const words = [addressOf(peer), '-c', '1', '--identity'];
    const missing = { code: 1, err: expect.stringContaining('andvari keygen makes one') };
    expect(await run([...words, folder.at('none.key')])).toMatchObject(missing);
    writeFileSync(folder.at('text.key'), 'a text', { mode: 0o600 });
    const none = { code: 1, err: expect.stringContaining('(ANDVARI_IDENTITY_FORMAT)') };
    expect(await run([...words, folder.at('text.key')])).toMatchObject(none);
    chmodSync(own(), 0o640);
    const open = { code: 4, out: '', err: expect.stringContaining('(ANDVARI_IDENTITY_MODE)') };
    expect(await run([addressOf(peer)])).toMatchObject(open);
  });

  it('needs no whole list of peers for a peer ID, and names its line for a name', async () => {
    const peer = await openPeer();
    writeFileSync(folder.at('data/andvari/known_peers'), '\nrubbish\n', { mode: 0o600 });
    expect(await run([addressOf(peer), '-c', '1'])).toMatchObject({ code: 0 });
    const named = { code: 1, err: expect.stringContaining('known_peers:2: ') };
    expect(await run([`ann@127.0.0.1:${peer.bound.port}`])).toMatchObject(named);
  });
});

/** Between a caller and a port of this machine: nothing comes or goes while it is off. */
class Relay {
  isOff = false;
  readonly port: number;
  private readonly socket: Socket;

  private constructor(socket: Socket, to: number) {
    this.socket = socket;
    this.port = socket.address().port;
    let caller = 0;
    socket.on('message', (bytes, { port }) => {
      if (port !== to) caller = port;
      if (!this.isOff) socket.send(bytes, port === to ? caller : to, '127.0.0.1');
    });
  }

  static async open(to: number): Promise<Relay> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Relay(socket, to);
  }

  close(): void {
    this.socket.close();
  }
}
