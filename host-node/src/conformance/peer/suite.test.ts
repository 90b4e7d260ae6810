/** The suite of the peer protocol against nodes of ours, whole and wrong in one way. */
import { randomBytes } from 'node:crypto';
import { plainEngine } from '@andvari/host-common/engine/module';
import { hostPeerClock } from '@andvari/host-common/peer/peer-clock';
import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import { PeerNode, type PeerNodeOptions } from '@andvari/host-common/peer/peer-node';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeNetwork } from '../../peer/libp2p-network.ts';
import { NodeEd25519Signer, NodeEd25519Verifier } from '../../ratatoskr/node-ed25519.ts';
import { runProtocol } from '../protocol-suite.ts';
import type { CaseResult } from '../verdict.ts';
import { peerSuite } from './suite.ts';

const signer = new NodeEd25519Signer(new Uint8Array(32).fill(3));
const nodes: PeerNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function place(options: Partial<PeerNodeOptions> = {}): Promise<PeerNode> {
  const node = new PeerNode({
    module: await plainEngine(),
    network: await nodeNetwork({ seed: randomBytes(32), listen: ['/ip4/127.0.0.1/tcp/0'] }),
    ...{ networkName: 'testnet', instanceId: 'inst-1', verifier: new NodeEd25519Verifier() },
    signer: new NodeEd25519Signer(randomBytes(32)),
    whitelist: [signer.publicKey],
    ...options,
  });
  await node.start();
  nodes.push(node);
  return node;
}

/** What does not pass of these parts, in words. */
async function odd(
  node: PeerNode,
  parts: readonly string[] = ['peer/'],
  { isKnown = true, rate = 100 } = {},
) {
  const results: CaseResult[] = [];
  const [address = ''] = node.addresses();
  const suite = peerSuite({
    ...{ address, peerId: Buffer.from(peerIdBytes(node.peerId)), protocolId: '/testnet/inst-1' },
    ...{ rate, replyMs: 5000, silenceMs: 60, ...(isKnown && { signer }) },
  });
  const { signal } = new AbortController();
  const cases = suite.cases.filter(({ id }) => parts.some((part) => id.startsWith(part)));
  await runProtocol(suite, cases, {
    ...{ target: address, signal },
    onResult: (result) => void results.push(result),
  });
  expect(results).toHaveLength(cases.length);
  return results
    .filter(({ verdict }) => verdict !== 'pass')
    .map((result) => `${result.verdict} ${result.case.id}: ${result.problem}`);
}

describe('the suite of the peer protocol', () => {
  it('passes a node of ours', { timeout: 60_000 }, async () => {
    // So many that no case has to wait for those before it.
    const rate = 300;
    const node = await place({ limits: { requests: rate } });
    expect(await odd(node, ['peer/'], { rate })).toEqual([]);
  });

  it('tries without a key what a stranger can see', { timeout: 60_000 }, async () => {
    const skipped = await odd(await place(), ['peer/'], { isKnown: false });
    expect(skipped.length).toBeGreaterThan(30);
    for (const text of skipped) expect(text).toMatch(/^skip peer\/.*\(--key\)$/);
  });

  it('finds a node that verifies no signature', async () => {
    const blind = { verify: async () => true };
    const parts = ['signature', 'recipient', 'stale'].map((name) => `peer/handshake/${name}`);
    expect(await odd(await place({ verifier: blind }), parts)).toEqual([
      'fail peer/handshake/signature: wanted Error 400, got handshake',
      'fail peer/handshake/recipient: wanted Error 400, got handshake',
    ]);
  });

  it('finds a node whose clock is late', async () => {
    const clock = { ...hostPeerClock, nowMs: () => Date.now() - 15_000 };
    const parts = ['aged', 'stale', 'ahead', 'future'].map((name) => `peer/handshake/${name}`);
    expect(await odd(await place({ clock }), parts)).toEqual([
      'fail peer/handshake/stale: wanted Error 400, got handshake',
      'fail peer/handshake/ahead: wanted a handshake, got Error 400',
      // It refuses that one, but the right one behind it too.
      'fail peer/handshake/future: wanted a handshake, got Error 400',
    ]);
  });

  it('finds challenges that repeat', async () => {
    const random = (count: number) => new Uint8Array(count).fill(9);
    expect(await odd(await place({ random }), ['peer/challenge/hello'])).toEqual([
      'warn peer/challenge/hello: the same challenge twice',
    ]);
  });

  it('finds another version, and a limit that is not there', async () => {
    const node = await place({ limits: { requests: 1000 } });
    expect(await odd(node, ['peer/direct/rate'])).toEqual([
      'warn peer/direct/rate: 200 requests drew no 429',
    ]);
    const other = await place({ protocolVersion: 'other/1.0.0' });
    expect(await odd(other, ['peer/identify/says'])).toEqual([
      'fail peer/identify/says: it says other/1.0.0',
    ]);
  });
});
