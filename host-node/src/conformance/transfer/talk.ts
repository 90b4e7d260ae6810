/** A conversation with a transfer node: handshakes over UDP (reference: transfer, section 2). */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { ConformanceFailure, Inapplicable } from '../finding.ts';
import type { Talk } from '../protocol-suite.ts';
import type { Target } from '../target.ts';
import { decodeRepresentative, drawEphemeral, type Ephemeral, NoiseInitiator } from './noise.ts';

export const FIRST_BYTES = 96;
export const SECOND_BYTES = 144;
const MAC_BYTES = 16;
const SUITE = 1;
/** Datagrams of one socket that are kept. */
const RECEIVED_MAX = 64;

export interface TransferSubject {
  target: Pick<Target, 'host' | 'port'>;
  /** 32 bytes. */
  peerId: Buffer;
  /** The seed of an identity that the node lets in. */
  seed?: Buffer;
  replyMs: number;
  silenceMs: number;
}

export function bytesOf(value: bigint | number, count: 4 | 8): Buffer {
  const bytes = Buffer.alloc(count);
  if (count === 4) bytes.writeUInt32BE(Number(value));
  else bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** One local port. */
export class TransferLink {
  readonly #socket: Socket;
  readonly #subject: TransferSubject;
  readonly #received: Buffer[] = [];
  #wake: () => void = () => {};
  #step = 0;
  #sent: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, subject: TransferSubject) {
    this.#socket = socket;
    this.#subject = subject;
    socket.on('message', (message) => {
      if (this.#received.length < RECEIVED_MAX) this.#received.push(message);
      this.#wake();
    });
    // A port that is closed is told so; that is silence too.
    socket.on('error', () => {});
  }

  send(bytes: Buffer): void {
    this.#step++;
    this.#sent = bytes;
    this.#socket.send(bytes, () => {});
  }

  /** The next datagram. */
  async next(): Promise<Buffer> {
    return (await this.#within(this.#subject.replyMs)) ?? this.fail('no answer');
  }

  async ask(bytes: Buffer): Promise<Buffer> {
    this.send(bytes);
    return await this.next();
  }

  /** Nothing comes for a while. */
  async silence(): Promise<void> {
    const received = await this.#within(this.#subject.silenceMs);
    if (received) this.fail('wanted silence', { received });
  }

  /** All that comes until it is quiet for a while. */
  async untilQuiet(): Promise<Buffer[]> {
    const all: Buffer[] = [];
    for (;;) {
      const received = await this.#within(this.#subject.silenceMs);
      if (!received || all.length > RECEIVED_MAX) return all;
      all.push(received);
    }
  }

  async #within(ms: number): Promise<Buffer | undefined> {
    if (this.#received.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    return this.#received.shift();
  }

  fail(problem: string, more: { received?: Buffer; expected?: Buffer } = {}): never {
    const evidence = { step: this.#step, request: this.#sent, received: Buffer.alloc(0), ...more };
    throw new ConformanceFailure(problem, evidence);
  }

  close(): void {
    this.#socket.close();
  }
}

export interface First {
  bytes: Buffer;
  ephemeral: Ephemeral;
  timestampUs: bigint;
  noise: NoiseInitiator;
}

export interface FirstParts {
  cid?: Buffer;
  version?: number;
  /** Besides now. */
  aheadUs?: bigint;
  representative?: Buffer;
  isMasked?: boolean;
  /** Of whom it is meant for [the node]. */
  theirs?: Buffer;
}

export class TransferTalk implements Talk {
  readonly subject: TransferSubject;
  /** The node's X25519 key, which its peer ID tells. */
  readonly theirs: Buffer;
  readonly #signal: AbortSignal;
  readonly #links: TransferLink[] = [];

  constructor(subject: TransferSubject, signal: AbortSignal) {
    this.subject = subject;
    this.theirs = Buffer.from(ed25519.utils.toMontgomery(subject.peerId));
    this.#signal = signal;
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.close();
  }

  async open(): Promise<TransferLink> {
    this.#signal.throwIfAborted();
    const { host, port } = this.subject.target;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const link = new TransferLink(socket, this.subject);
    this.#links.push(link);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.connect(port, host, (error?: Error) => {
      if (error) reject(new ConformanceFailure(error.message));
      else resolve();
    });
    await promise;
    return link;
  }

  mac(digit: string, bytes: Buffer, theirs = this.theirs): Buffer {
    const key = blake3(Buffer.concat([theirs, Buffer.from(`wraith-v1-hs-mac-${digit}`)]));
    return Buffer.from(blake3(bytes, { key, dkLen: MAC_BYTES }));
  }

  first(parts: FirstParts = {}): First {
    const { version = 1, aheadUs = 0n, isMasked = false, theirs = this.theirs } = parts;
    const ephemeral = drawEphemeral(() => randomBytes(32));
    const timestampUs = BigInt(Date.now()) * 1000n + aheadUs;
    const cid = parts.cid ?? (isMasked ? randomBytes(8) : Buffer.alloc(8, 0xff));
    const representative = parts.representative ?? ephemeral.representative;
    let hidden: Buffer = Buffer.concat([bytesOf(version, 4), bytesOf(timestampUs, 8)]);
    if (isMasked) {
      // A CID that begins with a marker's bytes would be one.
      cid[0] = 0x5a;
      const key = blake3(Buffer.concat([theirs, Buffer.from('wraith-v1-hs-mask')]));
      const iv = Buffer.concat([Buffer.alloc(4), representative.subarray(0, 12)]);
      hidden = createCipheriv('chacha20', key, iv).update(hidden);
    }
    const random = randomBytes(28);
    const bytes = Buffer.concat([cid, hidden, representative, random]);
    const noise = new NoiseInitiator(bytes.subarray(0, 20), ephemeral);
    noise.writeFirst(random);
    const whole = Buffer.concat([bytes, this.mac('1', bytes, theirs)]);
    return { bytes: whole, ephemeral, timestampUs, noise };
  }

  /** Message 2 is right in every byte that is not the node's to choose. Gives its CID. */
  checkSecond(link: TransferLink, { ephemeral, timestampUs, noise }: First, second: Buffer) {
    const wrong: (problem: string, expected?: Buffer) => never = (problem, expected) =>
      link.fail(problem, { received: second, ...(expected ? { expected } : {}) });
    const macAt = SECOND_BYTES - MAC_BYTES;
    if (second.length < SECOND_BYTES) wrong(`message 2 has ${second.length} bytes`);
    const cid = second.subarray(0, 8);
    const representative = second.subarray(8, 40);
    const input = [this.theirs, ephemeral.representative, representative];
    const wanted = blake3(Buffer.concat([...input, Buffer.from('connection-id')]), { dkLen: 8 });
    const mac = this.mac('2', second.subarray(0, macAt));
    const expected = Buffer.concat([wanted, second.subarray(8, macAt), mac]);
    if (!cid.equals(wanted)) wrong('another CID', Buffer.concat([expected, second.subarray(144)]));
    if (!mac.equals(second.subarray(macAt, SECOND_BYTES))) {
      wrong('another MAC', Buffer.concat([expected, second.subarray(SECOND_BYTES)]));
    }
    const opened = noise.readSecond(decodeRepresentative(representative), second.subarray(40, 128));
    if (!opened) wrong('a tag of Noise is wrong');
    const { theirStatic, payload } = opened;
    if (!theirStatic.equals(this.theirs)) wrong('another static key than that of the peer ID');
    if (payload.readBigUInt64BE(0) !== timestampUs)
      wrong('another timestamp than that of message 1');
    if (payload.readUInt32BE(8) !== SUITE) wrong(`suite ${payload.readUInt32BE(8)}`);
    const signBit = this.subject.peerId[31]! >> 7;
    if ((payload.readUInt16BE(14) & 1) !== signBit)
      wrong('the sign bit is not that of the peer ID');
    return cid;
  }

  /** A message 1 that is answered as it should be, and what it takes for message 3. */
  async second(link: TransferLink, parts: FirstParts = {}) {
    const first = this.first(parts);
    const second = await link.ask(first.bytes);
    const cid = this.checkSecond(link, first, second);
    return { first, second, cid };
  }

  /** Message 3 of the identity that the node lets in. */
  third(cid: Buffer, { noise }: First): Buffer {
    const { seed } = this.subject;
    if (!seed) throw new Inapplicable('it wants an identity that the node trusts (--key)');
    const secret = createHash('sha512').update(seed).digest().subarray(0, 32);
    const flags = ed25519.getPublicKey(seed)[31]! >> 7;
    const params = Buffer.concat([Buffer.of(0, 16, 0, flags), bytesOf(0, 4)]);
    const bytes = Buffer.concat([cid, noise.writeThird(secret, params)]);
    return Buffer.concat([bytes, this.mac('3', bytes)]);
  }
}
