/**
 * Nodes of the DHT that do not do as they should, right beside a key: libp2p's packages and a few
 * lines of protobuf, nothing of our own.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { sha256 } from '@noble/hashes/sha2.js';
import { createLibp2p } from 'libp2p';
import { ARRIVALS_MAX } from './dht-nodes.ts';

const KAD = '/andvari/kad/1.0.0';
const STORE = '/andvari/dht-store/1';

export interface LiarOptions {
  bootstrap: readonly string[];
  /** Its id is closer to this key than those of honest nodes. */
  key: Uint8Array;
  /** What it answers to a question about values; undefined: it says nothing at all. */
  answer(question: Uint8Array): Uint8Array | undefined;
  /** It tells everybody of so many peers beside the key that there are not [0]. */
  lures?: number;
}

export interface Liar {
  /** All that came to it: questions of Kademlia, and about values. */
  heard: Uint8Array[];
  /** libp2p's ids of those who have asked, in hex: the last 64 digits are a key. */
  askers: Set<string>;
  stop(): Promise<void>;
}

/** A seed whose peer id begins with as many of the key's bits as `bits`. */
async function seedBeside(key: Uint8Array, bits: number) {
  const goal = sha256(key);
  for (;;) {
    const privateKey = await generateKeyPairFromSeed(
      'Ed25519',
      crypto.getRandomValues(new Uint8Array(32)),
    );
    const id = privateKey.publicKey.toMultihash().bytes;
    const [first = 0] = sha256(id).map((byte, i) => byte ^ (goal[i] ?? 0));
    if (first >> (8 - bits) === 0) return { privateKey, id };
  }
}

export async function startLiar(options: LiarOptions): Promise<Liar> {
  const { privateKey } = await seedBeside(options.key, 6);
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: ARRIVALS_MAX },
    services: { identify: identify(), ping: ping() },
  });
  const heard: Uint8Array[] = [];
  const askers = new Set<string>();
  const lured = await Promise.all(
    Array.from({ length: options.lures ?? 0 }, () => seedBeside(options.key, 4)),
  );
  const nowhere = multiaddr('/ip4/127.0.0.1/tcp/9').bytes;
  const closer = lured.map(({ id }) => field(8, joined(field(1, id), field(2, nowhere))));
  // FIND_NODE, and whoever is said to be closer.
  const found = joined([0x08, 0x04], ...closer);
  await libp2p.handle(KAD, (stream, { remotePeer }) => {
    askers.add(Buffer.from(remotePeer.toMultihash().bytes).toString('hex'));
    stream.addEventListener('message', ({ data }) => {
      heard.push(data.subarray().slice());
      if (options.lures !== undefined) stream.send(joined(varint(found.length), found));
    });
  });
  await libp2p.handle(STORE, (stream, { remotePeer }) => {
    askers.add(Buffer.from(remotePeer.toMultihash().bytes).toString('hex'));
    const pieces: Uint8Array[] = [];
    stream.addEventListener('message', ({ data }) => pieces.push(data.subarray().slice()));
    stream.addEventListener('end', () => {
      const question = joined(...pieces);
      heard.push(question);
      const answer = options.answer(question);
      if (!answer) return;
      stream.send(answer);
      stream.close().catch(() => {});
    });
  });
  for (const address of options.bootstrap) await libp2p.dial(multiaddr(address));
  return { heard, askers, stop: async () => await libp2p.stop() };
}

function joined(...parts: (Uint8Array | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A field of bytes. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  return joined([(number << 3) | 2], varint(bytes.length), bytes);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}
