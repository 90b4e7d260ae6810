/**
 * Peer messages as bytes, read and made by the engine: the same verdicts in every host. The codec
 * has an engine instance of its own. Ed25519 itself is the host's. Reference: peer sections 2 to 6.
 */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../engine/configuration.ts';
import { Engine } from '../engine/engine.ts';
import {
  PEER_BROADCAST_BYTES_MAX,
  PEER_REQUEST_BYTES_MAX,
  PEER_RESPONSE_BYTES_MAX,
} from '../engine/generated/limits.ts';
import {
  PeerField,
  PeerKeyKind,
  PeerKind,
  PeerVariant,
  PeerVerdict,
} from '../engine/generated/peer.ts';
import { Verdict } from '../engine/generated/ratatoskr.ts';
import type {
  PeerHandshake,
  PeerHello,
  PeerRequest,
  PeerResponse,
  ProtocolMessage,
  WireVersion,
} from './messages.ts';
import { PeerMessageBlock } from './peer-block.ts';

/** Name of a verdict; the last three are of what no Ed25519 provider is asked about. */
export type PeerReason =
  | Exclude<keyof typeof PeerVerdict, 'OK'>
  | 'SIGNATURE_S'
  | 'POINT_ENCODING'
  | 'POINT_SMALL_ORDER';

export interface PeerRefusal {
  ok: false;
  stage: 'decode' | 'schema' | 'handshake';
  reason: PeerReason;
}

/** Whom a handshake is between, and wire 3's further parts. Peer ids have 38 bytes. */
export interface SigningContext {
  wire: WireVersion;
  /** Whoever signs. */
  sender: Uint8Array;
  recipient: Uint8Array;
  /** Of the handshake; wires 2 and 3. */
  timestampMs?: bigint;
  /** Wire 3. */
  challenged?: ChallengeContext | undefined;
}

export interface ChallengeContext {
  /** Whether the side that connected is the one that signs. */
  isConnecting: boolean;
  /** 32 bytes each: of the side that connected, and of the other. */
  challenge: Uint8Array;
  answerChallenge: Uint8Array;
  /** As negotiated, with its /hs3. */
  protocolId: string;
}

type Opened<T> = ({ ok: true } & T) | PeerRefusal;

const reasons = new Map<number, PeerReason>(
  Object.entries(PeerVerdict).flatMap(([name, n]) => (n ? [[n, name as PeerReason]] : [])),
);
const keyReasons = new Map<number, PeerReason>([
  [Verdict.SIGNATURE_S, 'SIGNATURE_S'],
  [Verdict.POINT_ENCODING, 'POINT_ENCODING'],
  [Verdict.POINT_SMALL_ORDER, 'POINT_SMALL_ORDER'],
]);
const tooLarge: PeerRefusal = { ok: false, stage: 'decode', reason: 'MESSAGE_TOO_LARGE' };
const TWO_32 = 4294967296;
/** Where a number of the list begins to be of the next stage. */
const SCHEMA_FROM = PeerVerdict.FIELD_TOO_LONG;
const HANDSHAKE_FROM = PeerVerdict.SENDER;

export class PeerCodec {
  private readonly engine: Engine;
  private readonly block: PeerMessageBlock;

  private constructor(engine: Engine) {
    this.engine = engine;
    this.block = new PeerMessageBlock(engine);
  }

  /** `module`: the compiled engine, plain build. */
  static create({ module }: { module: WebAssembly.Module }): PeerCodec {
    const sizes = { ...CLIENT_SIZES, peer: true };
    return new PeerCodec(Engine.create({ module, sizes, identity: CLIENT_IDENTITY }));
  }

  /** Size (1 MiB), strict decode, bounds. Everything handed out is a copy. */
  openRequest(message: Uint8Array, wire: WireVersion = 2): Opened<{ request: PeerRequest }> {
    return this.open(message, PeerKind.REQUEST, wire, () => ({ request: this.request() }));
  }

  /** Size (10 MiB), strict decode, bounds. */
  openResponse(message: Uint8Array, wire: WireVersion = 2): Opened<{ response: PeerResponse }> {
    return this.open(message, PeerKind.RESPONSE, wire, () => ({ response: this.response() }));
  }

  /**
   * The payload of a Protocol request, or the data of a broadcast (64 KiB). Whether the sender is
   * who sent it is for the node to say (section 5.7).
   */
  openMessage(
    message: Uint8Array,
    kind: 'direct' | 'broadcast',
  ): Opened<{ message: ProtocolMessage }> {
    return this.open(message, kindOf(kind), 2, () => ({ message: this.message() }));
  }

  /** Throws RangeError for what openRequest would refuse, and within 256 bytes of the bound. */
  encodeRequest(request: PeerRequest, wire: WireVersion = 2): Uint8Array {
    return this.encode(PeerKind.REQUEST, wire, () => {
      const { block } = this;
      if (request.type !== 'protocol') {
        this.layOutOpening(request, wire);
        return;
      }
      block.begin(PeerVariant.PROTOCOL);
      block.setText(PeerField.PROTOCOL, request.protocol);
      block.setBytes(PeerField.PAYLOAD, request.payload);
      if (request.metadata) block.setBytes(PeerField.METADATA, request.metadata);
    });
  }

  /** Throws RangeError for what openResponse would refuse, and within 256 bytes of the bound. */
  encodeResponse(response: PeerResponse, wire: WireVersion = 2): Uint8Array {
    return this.encode(PeerKind.RESPONSE, wire, () => this.layOutResponse(response, wire));
  }

  /** Throws RangeError for what openMessage would refuse. */
  encodeMessage(message: ProtocolMessage, kind: 'direct' | 'broadcast'): Uint8Array {
    return this.encode(kindOf(kind), 2, () => {
      const { block } = this;
      block.begin();
      block.setText(PeerField.PROTOCOL, message.protocol);
      block.setNumber(PeerField.MESSAGE_ID, message.messageId);
      block.setNumber(PeerField.ROUND_ID, BigInt(message.roundId));
      block.setBytes(PeerField.SENDER, message.sender);
      if (message.recipient) block.setBytes(PeerField.RECIPIENT, message.recipient);
      block.setBytes(PeerField.PAYLOAD, message.payload);
    });
  }

  /** What is to be signed with the instance key (not the libp2p key). Throws RangeError. */
  signingBytes(context: SigningContext): Uint8Array {
    return this.laidOut(() => {
      this.block.begin();
      this.layOutContext(context);
      this.want(this.engine.exports.peerSigningBytes(context.wire));
      return this.block.written();
    });
  }

  /**
   * All that is checked of a handshake before its signature: key and lengths, that `remote` (the
   * peer id that the connection has proved) is its sender (wire 1: that the key is its own), that
   * it is fresh, and that the signature is one that every provider judges alike. Then the host
   * verifies the signature over `signed`; `digest` is what a cache of seen handshakes keeps.
   * Throws RangeError for ids and challenges of our own that are none.
   */
  checkHandshake(
    handshake: PeerHandshake,
    between: {
      wire: WireVersion;
      local: Uint8Array;
      remote: Uint8Array;
      nowMs: number;
      challenged?: ChallengeContext | undefined;
    },
  ): Opened<{ signed: Uint8Array; digest: Uint8Array }> {
    const { wire, local, remote, nowMs, challenged } = between;
    if (!(nowMs >= 0 && nowMs <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`nowMs: wanted milliseconds since the epoch, got ${nowMs}`);
    }
    return this.laidOut(() => {
      const { block } = this;
      const { exports } = this.engine;
      // What it would have to be signed over is made first: faults of ours are no refusals.
      block.begin();
      this.layOutContext({ wire, sender: remote, recipient: local, challenged });
      this.want(exports.peerSigningBytes(wire));
      this.layOutProof(handshake, wire);
      block.setBytes(PeerField.CONNECTION, remote);
      const refused =
        this.refusal(exports.peerCheckHandshake(wire, nowMs >>> 0, (nowMs / TWO_32) >>> 0)) ??
        this.refusedSignature();
      return refused ?? { ok: true, signed: block.written(), digest: block.digest() };
    });
  }

  private open<T>(message: Uint8Array, kind: number, wire: WireVersion, read: () => T): Opened<T> {
    if (message.length > mostOf(kind)) return tooLarge;
    return this.laidOut(() => {
      this.block.put(message);
      const refused = this.refusal(this.engine.exports.peerOpen(kind, wire, message.length));
      return refused ?? { ok: true, ...read() };
    });
  }

  private refusal(verdict: number): PeerRefusal | undefined {
    if (verdict === PeerVerdict.OK) return undefined;
    const reason = reasons.get(verdict);
    if (!reason) throw new Error(`the engine gave a verdict that nobody knows: ${verdict}`);
    const isDecode = verdict < SCHEMA_FROM;
    const stage = isDecode ? 'decode' : verdict < HANDSHAKE_FROM ? 'schema' : 'handshake';
    return { ok: false, stage, reason };
  }

  private refusedSignature(): PeerRefusal | undefined {
    const { block } = this;
    const [key, signature] = [block.address(PeerField.KEY), block.address(PeerField.SIGNATURE)];
    const reason = keyReasons.get(this.engine.exports.ed25519Check(key, signature));
    return reason && { ok: false, stage: 'handshake', reason };
  }

  private request(): PeerRequest {
    const { block } = this;
    const variant = block.variant();
    if (variant !== PeerVariant.PROTOCOL) return this.opening(variant);
    return {
      type: 'protocol',
      protocol: block.text(PeerField.PROTOCOL),
      payload: block.bytes(PeerField.PAYLOAD),
      metadata: this.optional(PeerField.METADATA),
    };
  }

  private response(): PeerResponse {
    const { block } = this;
    const variant = block.variant();
    switch (variant) {
      case PeerVariant.PROTOCOL:
        return { type: 'protocol', data: block.bytes(PeerField.PAYLOAD) };
      case PeerVariant.ERROR:
        return {
          type: 'error',
          code: Number(block.number(PeerField.CODE)),
          message: block.text(PeerField.TEXT),
        };
      case PeerVariant.SUCCESS: {
        const data = this.optional(PeerField.PAYLOAD);
        if (!block.has(PeerField.PROTOCOL)) return { type: 'success', data };
        return { type: 'success', protocol: block.text(PeerField.PROTOCOL), data };
      }
    }
    return this.opening(variant);
  }

  /** What requests and responses share. */
  private opening(variant: number): PeerHandshake | PeerHello {
    const { block } = this;
    if (variant === PeerVariant.HELLO) {
      return { type: 'hello', challenge: block.bytes(PeerField.CHALLENGE) };
    }
    const publicKey = block.bytes(PeerField.KEY);
    const signature = block.bytes(PeerField.SIGNATURE);
    if (!block.has(PeerField.SENDER)) return { type: 'handshake', publicKey, signature };
    const msg = { sender: block.bytes(PeerField.SENDER), timestampMs: block.timestamp() };
    return { type: 'handshake', publicKey, signature, msg };
  }

  private message(): ProtocolMessage {
    const { block } = this;
    const message = {
      protocol: block.text(PeerField.PROTOCOL),
      messageId: block.number(PeerField.MESSAGE_ID),
      roundId: Number(block.number(PeerField.ROUND_ID)),
      sender: block.bytes(PeerField.SENDER),
      payload: block.bytes(PeerField.PAYLOAD),
    };
    if (!block.has(PeerField.RECIPIENT)) return message;
    return { ...message, recipient: block.bytes(PeerField.RECIPIENT) };
  }

  private optional(field: number): Uint8Array | null {
    return this.block.has(field) ? this.block.bytes(field) : null;
  }

  private layOutResponse(response: PeerResponse, wire: WireVersion): void {
    const { block } = this;
    switch (response.type) {
      case 'protocol':
        block.begin(PeerVariant.PROTOCOL);
        block.setBytes(PeerField.PAYLOAD, response.data);
        return;
      case 'error':
        block.begin(PeerVariant.ERROR);
        block.setNumber(PeerField.CODE, BigInt(response.code));
        block.setText(PeerField.TEXT, response.message);
        return;
      case 'success':
        block.begin(PeerVariant.SUCCESS);
        if (response.protocol !== undefined) block.setText(PeerField.PROTOCOL, response.protocol);
        if (response.data) block.setBytes(PeerField.PAYLOAD, response.data);
        return;
    }
    this.layOutOpening(response, wire);
  }

  private layOutOpening(opening: PeerHandshake | PeerHello, wire: WireVersion): void {
    if (opening.type === 'hello') {
      this.block.begin(PeerVariant.HELLO);
      this.block.setBytes(PeerField.CHALLENGE, opening.challenge);
    } else {
      this.block.begin(PeerVariant.HANDSHAKE);
      this.layOutProof(opening, wire);
    }
  }

  private layOutProof({ publicKey, signature, msg }: PeerHandshake, wire: WireVersion): void {
    const { block } = this;
    block.setBytes(PeerField.KEY, publicKey);
    block.setBytes(PeerField.SIGNATURE, signature);
    if (wire === 1) return;
    block.setNumber(PeerField.KEY_KIND, BigInt(PeerKeyKind.INSTANCE_PUBLIC_KEY));
    block.setBytes(PeerField.SENDER, msg?.sender ?? new Uint8Array(0));
    block.setTimestamp(msg?.timestampMs ?? 0n);
  }

  private layOutContext(context: SigningContext): void {
    const { block } = this;
    const { sender, recipient, timestampMs = 0n, challenged } = context;
    block.setBytes(PeerField.SENDER, sender);
    block.setBytes(PeerField.RECIPIENT, recipient);
    block.setTimestamp(timestampMs);
    if (!challenged) return;
    block.setNumber(PeerField.ROLE, challenged.isConnecting ? 0n : 1n);
    block.setBytes(PeerField.CHALLENGE, challenged.challenge);
    block.setBytes(PeerField.ANSWER_CHALLENGE, challenged.answerChallenge);
    block.setText(PeerField.PROTOCOL, challenged.protocolId);
  }

  private encode(kind: number, wire: WireVersion, layOut: () => void): Uint8Array {
    return this.laidOut(() => {
      layOut();
      this.want(this.engine.exports.peerEncode(kind, wire));
      return this.block.written();
    });
  }

  /** Throws RangeError: what we wanted to send, or whom to, is wrong. */
  private want(verdict: number): void {
    const refused = this.refusal(verdict);
    if (refused) throw new RangeError(`message: ${refused.reason}`);
  }

  private laidOut<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.block.wipe();
    }
  }
}

function kindOf(kind: 'direct' | 'broadcast'): number {
  return kind === 'direct' ? PeerKind.DIRECT : PeerKind.BROADCAST;
}

function mostOf(kind: number): number {
  if (kind === PeerKind.RESPONSE) return PEER_RESPONSE_BYTES_MAX;
  return kind === PeerKind.BROADCAST ? PEER_BROADCAST_BYTES_MAX : PEER_REQUEST_BYTES_MAX;
}
