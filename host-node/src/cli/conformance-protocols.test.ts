/** `andvari conformance --protocol`: what it is told, and what it tells. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { splitPeerAddress } from '@andvari/host-common/transfer/peer-id-text';
import { afterEach, describe, expect, it } from 'vitest';
import { andvari } from '../conformance/testing/prepared-server.ts';
import { openPeerKeys, openPeerNode, peerFiles } from '../peer/open-peer-node.ts';
import { certificates } from '../ratatoskr/testing/certificates.ts';
import { placesForTests } from '../ratatoskr/testing/places.ts';
import { RealClock } from '../ratatoskr/testing/real-clock.ts';
import { folderForTests } from '../testing/folder.ts';
import { createIdentity } from '../transfer/identity-store.ts';
import { TransferNode } from '../transfer/node.ts';
import { newIdentity } from '../transfer/node-identity.ts';

const here = folderForTests('conformance-protocols');
const ratatoskr = ['conformance', '--protocol', 'ratatoskr'];

describe('andvari conformance --protocol ratatoskr', () => {
  const start = placesForTests();

  it('ends with 0 when all pass, and leaves out what wants a device', async () => {
    const { url } = await start({ clock: new RealClock() });
    const words = ['--case', 'ratatoskr/transport', '--case', 'ratatoskr/replay/same'];
    const { code, out, err } = await andvari([...ratatoskr, '--target', url, ...words]);
    expect(out).toBe('4 pass, 0 fail, 0 differ (SHOULD), 1 not tried\n');
    expect(err).toContain('pass ratatoskr/transport/text');
    expect(code).toBe(0);
  });

  it('ends with 3 when a MUST fails, and shows the bytes', async () => {
    const clock = new RealClock();
    const { url } = await start({ clock, skewS: 500 });
    const words = ['--target', url, '--case', 'ratatoskr/timestamp/future', '--json'];
    const junit = here.at('result.xml');
    const { code, out } = await andvari([...ratatoskr, ...words, '--junit', junit]);
    const [begin, one, end] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(begin).toMatchObject({ event: 'start', protocol: 'Ratatoskr', device: null, cases: 1 });
    expect(one).toMatchObject({
      ...{ event: 'case', id: 'ratatoskr/timestamp/future', verdict: 'fail', section: '3' },
      problem: 'wanted TIMESTAMP_INVALID, got UNAUTHENTICATED',
      request: expect.stringMatching(/^08031224/),
      received: expect.stringMatching(/^0806/),
    });
    expect(end).toEqual({ event: 'end', pass: 0, fail: 1, warn: 0, skip: 0 });
    expect(readFileSync(junit, 'utf8')).toContain('name="Ratatoskr conformance of ws://127.0.0.1');
    expect(code).toBe(3);
  });

  it('trusts over TLS whom it is told to trust, and nobody else', async () => {
    const { url } = await start({ clock: new RealClock(), tls: true });
    const ca = here.at('ca.pem');
    writeFileSync(ca, certificates[0].cert);
    const words = [...ratatoskr, '--target', url, '--case', 'ratatoskr/transport/subprotocol'];
    expect((await andvari([...words, '--ca', ca])).code).toBe(0);
    const { code, err } = await andvari(words);
    expect(err).toMatch(/does not answer \(self-signed certificate.*\) \(ANDVARI_UNREACHABLE\)\n$/);
    expect(code).toBe(2);
  });

  it('ends with 2 when nobody answers', async () => {
    const target = ['--target', 'ws://127.0.0.1:1/ratatoskr'];
    const { code, err } = await andvari([...ratatoskr, ...target]);
    expect(err).toMatch(/does not answer \(connect ECONNREFUSED .*\) \(ANDVARI_UNREACHABLE\)\n$/);
    expect(code).toBe(2);
  });

  it('lists its cases without asking anyone', async () => {
    const { out } = await andvari([...ratatoskr, '--list']);
    expect(out).toContain('ratatoskr/signature/s-plus-l  MUST  ');
    expect(out).not.toContain('raida/');
  });

  it.each([
    [['--target', 'udp://127.0.0.1:1']],
    [['--target', 'ws://127.0.0.1:1/', '--device', 'd']],
    [['--target', 'ws://127.0.0.1:1/', '--server-key', 'aa']],
    [['--target', 'ws://127.0.0.1:1/', '--case', 'raida/1']],
  ])('says what is wrong with %j (1)', async (words) => {
    const { code, err } = await andvari([...ratatoskr, ...words]);
    expect(err).toMatch(/^andvari: .* \(ANDVARI_USAGE\)\n$/);
    expect(code).toBe(1);
  });
});

describe('andvari conformance --protocol transfer', () => {
  const transfer = ['conformance', '--protocol', 'transfer'];
  const nodes: TransferNode[] = [];
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.shutdown();
  });

  it('asks a node as a peer that it trusts, and as a stranger', async () => {
    const key = here.at('identity.key');
    const seed = await createIdentity(key);
    const trusted = Buffer.from(identityOf(seed).peerId);
    const node = await TransferNode.create({
      ...{ dataFolder: here.at('node'), identity: newIdentity(), host: '127.0.0.1' },
      trust: ({ peerId }) => trusted.equals(peerId),
    });
    nodes.push(node);
    const [code = ''] = node.codes();
    const { peer, host, port } = splitPeerAddress(code);
    const words = ['--target', `udp://${host}:${port}`, '--peer', peer, '--case', 'transfer/third'];
    expect(await andvari([...transfer, ...words, '--key', key])).toMatchObject({
      out: '3 pass, 0 fail, 0 differ (SHOULD), 0 not tried\n',
      code: 0,
    });
    const stranger = await andvari([...transfer, ...words, '--case', 'transfer/version']);
    expect(stranger.out).toBe('4 pass, 0 fail, 0 differ (SHOULD), 3 not tried\n');
  });

  it.each([
    [['--target', 'tcp://127.0.0.1:1']],
    [['--target', 'udp://127.0.0.1:1']],
    [['--target', 'udp://127.0.0.1:1', '--peer', 'abc']],
  ])('says what is wrong with %j (1)', async (words) => {
    const { code, err } = await andvari([...transfer, ...words]);
    expect(err).toMatch(/^andvari: .* \(ANDVARI_USAGE\)\n$/);
    expect(code).toBe(1);
  });
});

describe('andvari conformance --protocol peer', () => {
  const peer = ['conformance', '--protocol', 'peer'];
  const nodes: PeerNode[] = [];
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.stop();
  });

  it('asks a peer with a key on its list, and as a stranger, over TCP and WebSocket', async () => {
    const { signer } = await openPeerKeys(here.at('listed'));
    const node = await openPeerNode({
      ...{ folder: here.at('peer'), networkName: 'testnet', instanceId: 'inst-1' },
      listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'],
      whitelist: [signer.publicKey],
    });
    nodes.push(node);
    await node.start();
    const [tcp = '', webSocket = ''] = node.addresses();
    expect(webSocket).toContain('/ws/p2p/');
    const words = [...peer, '--network', 'testnet/inst-1', '--case', 'peer/handshake/unlisted'];
    words.push('--case', 'peer/handshake/answered', '--case', 'peer/unverified');
    const key = ['--key', peerFiles(here.at('listed')).instanceKey];
    for (const target of [tcp, webSocket]) {
      expect(await andvari([...words, ...key, '--target', target])).toMatchObject({
        out: '5 pass, 0 fail, 0 differ (SHOULD), 0 not tried\n',
        code: 0,
      });
    }
    const stranger = await andvari([...words, '--target', tcp]);
    expect(stranger.out).toBe('4 pass, 0 fail, 0 differ (SHOULD), 1 not tried\n');
    const other = await andvari([...peer, '--target', tcp, '--case', 'peer/identify/says']);
    expect(other).toMatchObject({ code: 3, err: expect.stringContaining('/andvari/main is not') });
  });

  it('ends with 2 when nobody answers', async () => {
    const id = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN';
    const { code, err } = await andvari([...peer, '--target', `/ip4/127.0.0.1/tcp/1/p2p/${id}`]);
    expect(err).toMatch(/does not answer \(no connection: .*\) \(ANDVARI_UNREACHABLE\)\n$/);
    expect(code).toBe(2);
  });

  it.each([
    [['--target', 'tcp://127.0.0.1:1']],
    [['--target', '/ip4/127.0.0.1/tcp/1/p2p/abc']],
    [['--target', '/ip4/127.0.0.1/tcp/1', '--network', 'one']],
    [['--list', '--rate', '49']],
    [['--list', '--rate', '1e3']],
  ])('says what is wrong with %j (1)', async (words) => {
    const { code, err } = await andvari([...peer, ...words]);
    expect(err).toMatch(/^andvari: .* \(ANDVARI_USAGE\)\n$/);
    expect(code).toBe(1);
  });
});
