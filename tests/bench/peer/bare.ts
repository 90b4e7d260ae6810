/** A node of plain libp2p: what PeerNode has below it, and streams of as many bytes, no more. */
import { topicOf } from '@andvari/host-common/peer/peer-gossip';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { type BenchEnd, LISTEN, NAMES, type Role, type Sizes, seedOf } from './end.ts';

const PROTOCOL = `/${NAMES.networkName}/${NAMES.instanceId}`;
const TOPIC = topicOf(PROTOCOL);
const STREAMS = { maxInboundStreams: 128, maxOutboundStreams: 128 };

type Stream = Awaited<ReturnType<Libp2p['dialProtocol']>>;

/** All that comes, until the other side has ended its writing. */
function lengthOf(stream: Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    let length = 0;
    stream.addEventListener('message', ({ data }) => {
      length += data.byteLength;
    });
    stream.addEventListener('remoteCloseWrite', () => resolve(length));
    stream.addEventListener('close', ({ error }) => reject(error ?? new Error('closed')));
  });
}

async function write(stream: Stream, bytes: Uint8Array): Promise<void> {
  stream.send(bytes);
  await stream.close();
}

export async function openBare(role: Role, sizes: Sizes): Promise<BenchEnd> {
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seedOf(`bare ${role}`)),
    addresses: { listen: role === 'server' ? [LISTEN] : [] },
    transports: [tcp({ outboundSocketInactivityTimeout: 0, inboundSocketInactivityTimeout: 0 })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Connects in a row come from one address.
    connectionManager: { inboundConnectionThreshold: 1_000_000, reconnectRetries: 0 },
    connectionMonitor: { pingInterval: 30_000 },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({
        allowPublishToZeroTopicPeers: true,
        ...{ D: 4, Dhi: 8, Dlazy: 3, Dlo: 2, floodPublish: true },
        globalSignaturePolicy: 'StrictSign',
        ...{ heartbeatInterval: 1000, mcacheGossip: 3, mcacheLength: 10 },
      }),
    },
  });
  const { gossip } = libp2p.services;
  const answer = new Uint8Array(sizes.answer).fill(7);
  const request = new Uint8Array(sizes.request).fill(7);
  const broadcast = new Uint8Array(sizes.broadcast).fill(7);
  const serve = async (stream: Stream) => {
    await lengthOf(stream);
    await write(stream, answer);
  };
  await libp2p.handle(PROTOCOL, (stream) => void serve(stream as Stream), STREAMS);
  gossip.subscribe(TOPIC);
  let connection: Awaited<ReturnType<Libp2p['dial']>> | undefined;
  return {
    address: () => String(libp2p.getMultiaddrs()[0]),
    connect: async (address) => {
      connection = await libp2p.dial(multiaddr(address));
    },
    disconnect: async () => connection?.close(),
    ask: async () => {
      const stream = await connection?.newStream(PROTOCOL, STREAMS);
      if (!stream) throw new Error('there is no connection');
      const answered = lengthOf(stream);
      await write(stream, request);
      if ((await answered) !== sizes.answer) throw new Error('another answer was wanted');
    },
    broadcast: async () => (await gossip.publish(TOPIC, broadcast)).recipients.length,
    onBroadcast: (heard) => gossip.addEventListener('message', heard),
  };
}
