/** Peer nodes of this process over real sockets, each with keys made of its number. */
import { createHash } from 'node:crypto';
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import { PeerNode, type PeerNodeOptions } from '@andvari/host-common/peer/peer-node';
import { type NodeNetwork, nodeNetwork } from '@andvari/host-node/peer/libp2p-network';
import { NodeEd25519Signer, NodeEd25519Verifier } from '@andvari/host-node/ratatoskr/node-ed25519';
import { afterEach } from 'vitest';
import { type PlainOptions, PlainPeer } from './plain-peer.ts';

export type Transport = 'tcp' | 'quic' | 'ws';

export const LISTEN: Record<Transport, string> = {
  tcp: '/ip4/127.0.0.1/tcp/0',
  quic: '/ip4/127.0.0.1/udp/0/quic-v1',
  ws: '/ip4/127.0.0.1/tcp/0/ws',
};
const ADDRESS: Record<Transport, RegExp> = {
  tcp: /\/tcp\/\d+\/p2p\//,
  quic: /\/quic-v1\/p2p\//,
  ws: /\/ws\/p2p\//,
};

export const NETWORK = { networkName: 'testnet', instanceId: 'inst-1' };
const running: { stop(): Promise<void> }[] = [];
let codec: PeerCodec | undefined;

/** 32 bytes that a name stands for. */
export function seedOf(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(name).digest());
}

/** Of instance `n`. */
export function instanceSigner(n: number): NodeEd25519Signer {
  return new NodeEd25519Signer(seedOf(`instance ${n}`));
}

export function instanceKeys(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, n) => instanceSigner(n).publicKey);
}

/** Node `n`, started; the test's end stops it. */
export async function startNode(
  n: number,
  {
    listen = ['tcp'],
    ...options
  }: Partial<PeerNodeOptions> & { listen?: readonly Transport[] } = {},
): Promise<PeerNode> {
  const module = await plainEngine();
  codec ??= PeerCodec.create({ module });
  const seed = seedOf(`libp2p ${n}`);
  const node = new PeerNode({
    module,
    codec,
    network: await nodeNetwork({ seed, listen: listen.map((transport) => LISTEN[transport]) }),
    ...NETWORK,
    signer: instanceSigner(n),
    verifier: new NodeEd25519Verifier(),
    whitelist: instanceKeys(12),
    ...options,
  });
  await node.start();
  running.push(node);
  return node;
}

/** A plain libp2p node with instance key `instance`, started; the test's end stops it. */
export async function startPlain(
  instance: number,
  options: Partial<PlainOptions> = {},
): Promise<PlainPeer> {
  const seeds = { seed: seedOf(`plain ${instance}`), instanceSeed: seedOf(`instance ${instance}`) };
  return stopAfterTest(await PlainPeer.start({ ...seeds, ...options }));
}

/** Node `n` as startNode() makes it, and what its libp2p remembers. */
export async function startWatchedNode(n: number, options: Partial<PeerNodeOptions> = {}) {
  const modules = await nodeNetwork({ seed: seedOf(`libp2p ${n}`), listen: [LISTEN.tcp] });
  const opened: NodeNetwork[] = [];
  const open: typeof modules.open = async (setup) => {
    const network = await modules.open(setup);
    opened.push(network);
    return network;
  };
  const node = await startNode(n, { ...options, network: { ...modules, open } });
  return { node, rememberedPeers: async () => opened[0]?.rememberedPeers() };
}

/** Where a node is reached by a transport. */
export function addressOf(node: { addresses(): string[] }, transport: Transport): string {
  const found = node.addresses().find((address) => ADDRESS[transport].test(address));
  if (!found) throw new Error(`no ${transport} among ${node.addresses().join(' ')}`);
  return found;
}

/** Stopped at the end of the test. */
export function stopAfterTest<T extends { stop(): Promise<void> | void }>(it: T): T {
  running.push({ stop: async () => it.stop() });
  return it;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});
