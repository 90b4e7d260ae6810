/**
 * A libp2p node that speaks the peer protocol by itself: libp2p's own packages, cborg, and bytes
 * put together as the reference says (peer sections 2, 3 and 7). Nothing of this project is in it.
 */
import { createHash } from 'node:crypto';
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { decode, encode } from 'cborg';
import { createLibp2p, type Libp2p } from 'libp2p';
import { bytesField, lengthPrefixed, varint } from './plain-bytes.ts';

export const PROTOCOL = '/testnet/inst-1';
const TOPIC_FIELD = Buffer.concat([Buffer.of(0x0a, PROTOCOL.length), Buffer.from(PROTOCOL)]);
export const TOPIC = createHash('sha256').update(TOPIC_FIELD).digest('base64');
const GOSSIP = '/meshsub/1.1.0';

type Connection = ReturnType<Libp2p['getConnections']>[number];
type Stream = Awaited<ReturnType<Connection['newStream']>>;
type Seed = Uint8Array;
type PlainLibp2p = Awaited<ReturnType<typeof create>>;
type Key = Awaited<ReturnType<typeof keyOf>>;

export interface PlainHandshake {
  verification_id_key: { InstancePublicKey: number[] };
  signature: number[];
  msg: { sender: Uint8Array; timestamp: number };
}
/** A document as cborg has it. */
export type PlainRequest = {
  Handshake?: PlainHandshake;
  Protocol?: { protocol: string; payload: number[]; metadata: number[] | null };
};
export type PlainResponse = {
  Handshake?: PlainHandshake;
  Success?: { protocol?: string; data: number[] | null };
  Protocol?: { data: number[] };
  Error?: { code: number; message: string };
};

export interface PlainOptions {
  /** 32 bytes each: of the libp2p key and of the instance key. */
  seed: Seed;
  instanceSeed: Seed;
  protocol?: string;
  protocolVersion?: string;
  /** [TCP on 127.0.0.1] */
  listen?: string[];
}

/** The bytes of a handshake that are signed. */
export function signedBytes(sender: Uint8Array, recipient: Uint8Array, timestamp: number): Buffer {
  const time = Buffer.alloc(16);
  time.writeBigUInt64BE(BigInt(timestamp), 8);
  return Buffer.concat([sender, recipient, time]);
}

/** Whether a handshake is signed by its own key, for `recipient`. */
export async function isSigned(shake: PlainHandshake, recipient: Uint8Array): Promise<boolean> {
  const key = publicKeyFromRaw(Uint8Array.from(shake.verification_id_key.InstancePublicKey));
  const { sender, timestamp } = shake.msg;
  return key.verify(signedBytes(sender, recipient, timestamp), Uint8Array.from(shake.signature));
}

export class PlainPeer {
  /** 38 bytes. */
  readonly id: Uint8Array;
  readonly peerId: string;
  /** What came, in its order. */
  readonly asked: PlainRequest[] = [];
  readonly heard: { from: string; data: Uint8Array }[] = [];
  /** What is answered to a request; undefined: the stream is reset. */
  answer: (request: PlainRequest) => PlainResponse | undefined = () => undefined;
  readonly #libp2p: PlainLibp2p;
  readonly #key: Key;
  readonly #instance: Key;

  private constructor(libp2p: PlainLibp2p, key: Key, instance: Key) {
    this.#libp2p = libp2p;
    this.#key = key;
    this.#instance = instance;
    this.id = key.publicKey.toMultihash().bytes;
    this.peerId = libp2p.peerId.toString();
  }

  static async start(options: PlainOptions): Promise<PlainPeer> {
    const key = await keyOf(options.seed);
    const instance = await keyOf(options.instanceSeed);
    const libp2p = await create(key, options);
    const peer = new PlainPeer(libp2p, key, instance);
    const serve = (stream: Stream) => void peer.#serve(stream);
    const streams = { maxInboundStreams: 256, maxOutboundStreams: 256 };
    await libp2p.handle(options.protocol ?? PROTOCOL, serve, streams);
    libp2p.services.gossip.addEventListener('message', ({ detail }) => {
      const { data } = detail;
      if ('from' in detail) peer.heard.push({ from: String(detail.from), data });
    });
    await libp2p.start();
    libp2p.services.gossip.subscribe(TOPIC);
    return peer;
  }

  async stop(): Promise<void> {
    await this.#libp2p.stop();
  }

  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map(String);
  }

  connections(): Connection[] {
    return this.#libp2p.getConnections();
  }

  async dial(address: string): Promise<Connection> {
    return this.#libp2p.dial(multiaddr(address));
  }

  /** Its answer to a document, of which the bytes may be given. */
  async ask(connection: Connection, document: PlainRequest | Uint8Array): Promise<PlainResponse> {
    const stream = await connection.newStream(PROTOCOL);
    const answered = readAll(stream);
    answered.catch(() => {});
    stream.send(document instanceof Uint8Array ? document : encode(document));
    void stream.close().catch(() => {});
    return decode(await answered) as PlainResponse;
  }

  /** Its handshake for `recipient`, or a false one. */
  async handshake(
    recipient: Uint8Array,
    { sender = this.id, timestamp = Date.now() } = {},
  ): Promise<{ Handshake: PlainHandshake }> {
    const signature = await this.#instance.sign(signedBytes(sender, recipient, timestamp));
    const verification_id_key = { InstancePublicKey: [...this.#instance.publicKey.raw] };
    const msg = { sender, timestamp };
    return { Handshake: { verification_id_key, signature: [...signature], msg } };
  }

  /** As a verified peer: it asks, and ignores what it is asked. */
  async verifiedTo(address: string, recipient: Uint8Array): Promise<Connection> {
    const connection = await this.dial(address);
    const { Handshake } = await this.ask(connection, await this.handshake(recipient));
    if (!Handshake) throw new Error('it was refused');
    return connection;
  }

  /** How many of its peers want broadcasts. */
  subscribers(): number {
    return this.#libp2p.services.gossip.getSubscribers(TOPIC).length;
  }

  async publish(data: Uint8Array): Promise<number> {
    return (await this.#libp2p.services.gossip.publish(TOPIC, data)).recipients.length;
  }

  /** Writes a broadcast of its own on a stream of gossipsub; `change` makes it a false one. */
  async publishRaw(
    connection: Connection,
    data: Uint8Array,
    change: (message: { from: Uint8Array; signature: Uint8Array }) => void = () => {},
  ): Promise<void> {
    const seqno = Buffer.alloc(8);
    seqno.writeBigUInt64BE(BigInt(Date.now()) * 1_000_000n + BigInt(data.length));
    const message: { from: Uint8Array; signature: Uint8Array } = {
      from: this.id,
      signature: new Uint8Array(0),
    };
    const content = () => [
      bytesField(1, message.from),
      bytesField(2, data),
      bytesField(3, seqno),
      bytesField(4, Buffer.from(TOPIC)),
    ];
    const signed = Buffer.concat([Buffer.from('libp2p-pubsub:'), ...content()]);
    message.signature = await this.#key.sign(signed);
    change(message);
    const published = Buffer.concat([...content(), bytesField(5, message.signature)]);
    const stream = await connection.newStream(GOSSIP);
    stream.send(lengthPrefixed(bytesField(2, published)));
  }

  async #serve(stream: Stream): Promise<void> {
    const document = await readAll(stream).catch(() => new Uint8Array(0));
    // The connection has ended before it.
    if (document.length === 0) return;
    const request = decode(document) as PlainRequest;
    this.asked.push(request);
    const answer = this.answer(request);
    if (!answer) return stream.abort(new Error('there is no answer'));
    stream.send(encode(answer));
    await stream.close();
  }
}

/** ProtocolMessage in bincode 1.3 with varint integers. */
export function innerMessage(message: {
  protocol: string;
  messageId?: number;
  roundId?: number;
  sender: Uint8Array;
  recipient?: Uint8Array;
  payload: Uint8Array;
}): Uint8Array {
  const { protocol, messageId = 1, roundId = 0, sender, recipient, payload } = message;
  const block = (bytes: Uint8Array) => Buffer.concat([varint(bytes.length), bytes]);
  return Buffer.concat([
    block(Buffer.from(protocol)),
    varint(messageId),
    varint(roundId),
    block(sender),
    recipient ? Buffer.concat([Buffer.of(1), block(recipient)]) : Buffer.of(0),
    block(payload),
  ]);
}

const keyOf = (seed: Seed) => generateKeyPairFromSeed('Ed25519', seed);

async function create(privateKey: Key, { protocolVersion, listen }: PlainOptions) {
  const libp2p = await createLibp2p({
    start: false,
    privateKey,
    addresses: { listen: listen ?? ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({
        allowPublishToZeroTopicPeers: true,
        globalSignaturePolicy: 'StrictSign',
      }),
    },
  });
  const service = libp2p.services.identify as unknown as { host: { protocolVersion: string } };
  service.host.protocolVersion = protocolVersion ?? 'blueprint/1.0.0';
  return libp2p;
}

async function readAll(stream: Stream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece.subarray());
  return Buffer.concat(pieces);
}
