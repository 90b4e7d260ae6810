/** A PeerNode as the bench drives it, and how long its documents are. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import { PeerNode } from '@andvari/host-common/peer/peer-node';
import { nodeNetwork } from '@andvari/host-node/peer/libp2p-network';
import { NodeEd25519Signer, NodeEd25519Verifier } from '@andvari/host-node/ratatoskr/node-ed25519';
import { type BenchEnd, LISTEN, NAMES, PAYLOAD, type Role, type Sizes, seedOf } from './end.ts';

const LIMIT = 1_000_000;
const signerOf = (role: Role) => new NodeEd25519Signer(seedOf(`instance ${role}`));

export async function openOurs(role: Role): Promise<BenchEnd> {
  const module = await plainEngine();
  const listen = role === 'server' ? [LISTEN] : [];
  const node = new PeerNode({
    module,
    network: await nodeNetwork({ seed: seedOf(`ours ${role}`), listen }),
    ...NAMES,
    signer: signerOf(role),
    verifier: new NodeEd25519Verifier(),
    whitelist: [signerOf('server').publicKey, signerOf('client').publicKey],
    limits: { requests: LIMIT, broadcasts: LIMIT },
  });
  node.handle('echo', ({ payload }) => payload);
  await node.start();
  let peerId = '';
  return {
    address: () => node.addresses()[0] ?? '',
    connect: async (address) => {
      peerId = await node.connect(address);
    },
    disconnect: async () => {
      node.ban(peerId);
      node.unban(peerId);
    },
    ask: async () => {
      const answer = await node.send(peerId, 'echo', PAYLOAD);
      if (answer.kind !== 'success') throw new Error(`another answer was wanted: ${answer.kind}`);
    },
    broadcast: async () => (await node.broadcast('news', PAYLOAD)).peers,
    onBroadcast: (heard) => {
      node.on('message', ({ kind }) => kind === 'broadcast' && heard());
    },
  };
}

export async function sizesOfOurs(): Promise<Sizes> {
  const codec = PeerCodec.create({ module: await plainEngine() });
  const id = (await nodeNetwork({ seed: seedOf('ours client'), listen: [] })).peerId;
  const messageId = BigInt(Date.now()) * 2n ** 20n;
  const inner = { messageId, roundId: 0, sender: id, payload: PAYLOAD };
  const direct = codec.encodeMessage({ ...inner, protocol: 'echo', recipient: id }, 'direct');
  const request = { type: 'protocol', protocol: 'echo', payload: direct, metadata: null } as const;
  const answer = { type: 'success', protocol: 'echo', data: PAYLOAD } as const;
  return {
    request: codec.encodeRequest(request).length,
    answer: codec.encodeResponse(answer, 3).length,
    broadcast: codec.encodeMessage({ ...inner, protocol: 'news' }, 'broadcast').length,
  };
}
