/**
 * Ratatoskr messages as bytes, read and made by the engine: the same verdicts in every host. The
 * codec has an engine instance of its own, so RAIDA and Ratatoskr never wait for each other.
 * Reference: Ratatoskr sections 1-3, 10.
 */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../engine/configuration.ts';
import { Engine } from '../engine/engine.ts';
import {
  MESSAGE_BYTES_MAX,
  MESSAGE_SKEW_S_MAX,
  REPLAY_ENTRIES_MAX,
} from '../engine/generated/limits.ts';
import {
  ConnectionRequestField,
  ConnectionResponseField,
  MessageKind,
  RequestField,
  ResponseField,
  Verdict,
} from '../engine/generated/ratatoskr.ts';
import { MessageBlock } from './message-block.ts';
import type {
  ConnectionRequestPayload,
  ConnectionResponsePayload,
  RatatoskrRequest,
  RatatoskrResponse,
} from './messages.ts';

/** Name of a verdict, as the vectors have it. */
export type Reason = Exclude<keyof typeof Verdict, 'OK'>;

export interface Refusal {
  ok: false;
  stage: 'decode' | 'schema' | 'timestamp';
  reason: Reason;
  /** '' if decoding did not get that far. */
  requestId: string;
}

export interface CodecOptions {
  /** The compiled engine, plain build. */
  module: WebAssembly.Module;
  /** Requests that the replay cache remembers, of all devices, 112 bytes each [0: a client]. */
  replayEntries?: number;
}

const reasons = new Map<number, Reason>(
  Object.entries(Verdict).flatMap(([name, n]) => (n ? [[n, name as Reason]] : [])),
);
const TWO_32 = 4294967296;

export class RatatoskrCodec {
  private readonly engine: Engine;
  private readonly block: MessageBlock;

  private constructor(engine: Engine) {
    this.engine = engine;
    this.block = new MessageBlock(engine);
  }

  /** Throws RangeError for more entries than there may be. */
  static create({ module, replayEntries = 0 }: CodecOptions): RatatoskrCodec {
    if (!(replayEntries >= 0 && replayEntries <= REPLAY_ENTRIES_MAX)) {
      throw new RangeError(`replayEntries: wanted 0 to ${REPLAY_ENTRIES_MAX}`);
    }
    const sizes = { ...CLIENT_SIZES, ratatoskr: true, replayEntries };
    return new RatatoskrCodec(Engine.create({ module, sizes, identity: CLIENT_IDENTITY }));
  }

  /**
   * Size, strict decode, schema, timestamp, in this order; then the digest that the signature must
   * be over. `nowS`: seconds since the epoch; `skewS`: seconds of the future that are accepted.
   * Everything handed out is a copy. Throws RangeError for a skew beyond an hour.
   */
  openRequest(
    message: Uint8Array,
    nowS: number,
    skewS = 0,
  ): { ok: true; request: RatatoskrRequest; digest: Uint8Array } | Refusal {
    const { block } = this;
    if (message.length > MESSAGE_BYTES_MAX) return tooLarge();
    const [low, high] = words(nowS);
    const skew = checkSkew(skewS);
    block.put(message);
    const verdict = this.engine.exports.ratatoskrOpenRequest(message.length, low, high, skew);
    if (verdict !== Verdict.OK) return this.refusal(verdict, RequestField.REQUEST_ID);
    const request = {
      messageType: Number(block.number(RequestField.MESSAGE_TYPE)),
      requestId: block.text(RequestField.REQUEST_ID),
      deviceId: block.text(RequestField.DEVICE_ID),
      userId: block.text(RequestField.USER_ID),
      timestamp: block.number(RequestField.TIMESTAMP),
      nonce: block.bytes(RequestField.NONCE),
      signature: block.bytes(RequestField.SIGNATURE),
      payload: block.bytes(RequestField.PAYLOAD),
      metadata: block.metadata(),
    };
    const digest = block.digest();
    block.wipe();
    return { ok: true, request, digest };
  }

  /** Size, strict decode, schema. Whether it answers a request, and is signed, is the client's. */
  openResponse(message: Uint8Array): { ok: true; response: RatatoskrResponse } | Refusal {
    const refused = this.open(MessageKind.RESPONSE, message);
    if (refused) return refused;
    const { block } = this;
    const response = {
      messageType: Number(block.number(ResponseField.MESSAGE_TYPE)),
      requestId: block.text(ResponseField.REQUEST_ID),
      timestamp: block.number(ResponseField.TIMESTAMP),
      success: block.number(ResponseField.SUCCESS) === 1n,
      errorCode: block.text(ResponseField.ERROR_CODE),
      errorMessage: block.text(ResponseField.ERROR_MESSAGE),
      payload: block.bytes(ResponseField.PAYLOAD),
      metadata: block.metadata(),
    };
    block.wipe();
    return { ok: true, response };
  }

  /** The payload of a CONNECTION_REQUEST. */
  openConnectionRequest(
    payload: Uint8Array,
  ): { ok: true; payload: ConnectionRequestPayload } | Refusal {
    const refused = this.open(MessageKind.CONNECTION_REQUEST, payload);
    if (refused) return refused;
    const { block } = this;
    const opened = {
      deviceIdentity: block.text(ConnectionRequestField.DEVICE_IDENTITY),
      authenticationToken: block.text(ConnectionRequestField.AUTHENTICATION_TOKEN),
      version: block.text(ConnectionRequestField.VERSION),
    };
    block.wipe();
    return { ok: true, payload: opened };
  }

  /** The payload of a CONNECTION_RESPONSE. */
  openConnectionResponse(
    payload: Uint8Array,
  ): { ok: true; payload: ConnectionResponsePayload } | Refusal {
    const refused = this.open(MessageKind.CONNECTION_RESPONSE, payload);
    if (refused) return refused;
    const { block } = this;
    const opened = {
      accepted: block.number(ConnectionResponseField.ACCEPTED) === 1n,
      sessionId: block.text(ConnectionResponseField.SESSION_ID),
      expiresAt: block.number(ConnectionResponseField.EXPIRES_AT),
      serverVersion: block.text(ConnectionResponseField.SERVER_VERSION),
    };
    block.wipe();
    return { ok: true, payload: opened };
  }

  /** Canonical. Throws RangeError for what openRequest would refuse whatever the time is. */
  encodeRequest(request: RatatoskrRequest): Uint8Array {
    return this.encode(MessageKind.REQUEST, () => {
      this.layOut(request);
      this.block.setNumber(RequestField.MESSAGE_TYPE, BigInt(request.messageType));
      this.block.setBytes(RequestField.SIGNATURE, request.signature);
      this.block.setMetadata(request.metadata);
    });
  }

  /** Canonical. Throws RangeError for what openResponse would refuse. */
  encodeResponse(response: RatatoskrResponse): Uint8Array {
    const { block } = this;
    return this.encode(MessageKind.RESPONSE, () => {
      block.setNumber(ResponseField.MESSAGE_TYPE, BigInt(response.messageType));
      block.setText(ResponseField.REQUEST_ID, response.requestId);
      block.setNumber(ResponseField.TIMESTAMP, response.timestamp);
      block.setNumber(ResponseField.SUCCESS, response.success ? 1n : 0n);
      block.setText(ResponseField.ERROR_CODE, response.errorCode);
      block.setText(ResponseField.ERROR_MESSAGE, response.errorMessage);
      block.setBytes(ResponseField.PAYLOAD, response.payload);
      block.setMetadata(response.metadata);
    });
  }

  /** Throws RangeError beyond the bounds of section 10. */
  encodeConnectionRequest(payload: ConnectionRequestPayload): Uint8Array {
    const { block } = this;
    return this.encode(MessageKind.CONNECTION_REQUEST, () => {
      block.setText(ConnectionRequestField.DEVICE_IDENTITY, payload.deviceIdentity);
      block.setText(ConnectionRequestField.AUTHENTICATION_TOKEN, payload.authenticationToken);
      block.setText(ConnectionRequestField.VERSION, payload.version);
    });
  }

  /** Throws RangeError beyond the bounds of section 10. */
  encodeConnectionResponse(payload: ConnectionResponsePayload): Uint8Array {
    const { block } = this;
    return this.encode(MessageKind.CONNECTION_RESPONSE, () => {
      block.setNumber(ConnectionResponseField.ACCEPTED, payload.accepted ? 1n : 0n);
      block.setText(ConnectionResponseField.SESSION_ID, payload.sessionId);
      block.setNumber(ConnectionResponseField.EXPIRES_AT, payload.expiresAt);
      block.setText(ConnectionResponseField.SERVER_VERSION, payload.serverVersion);
    });
  }

  /**
   * The 32 bytes that a request's signature is over (section 2). Throws RangeError when the fields
   * together outgrow a message.
   */
  requestDigest(request: Omit<RatatoskrRequest, 'signature'>): Uint8Array {
    return this.laidOut(() => {
      this.layOut(request);
      this.engine.exports.ratatoskrDigest();
      return this.block.digest();
    });
  }

  /**
   * The replay cache (sections 3.2 and 9.2): asks for nonce and digest, and remembers both, in one
   * step. Only for a request whose signature is good and that openRequest found fresh.
   */
  recordReplay(
    request: RatatoskrRequest,
    digest: Uint8Array,
    nowS: number,
    skewS = 0,
  ): 'ok' | 'NONCE_REPLAYED' | 'NONCE_CACHE_FULL' {
    const [low, high] = words(nowS);
    const skew = checkSkew(skewS);
    if (digest.length !== 32) throw new RangeError(`digest: wanted 32 bytes, got ${digest.length}`);
    const verdict = this.laidOut(() => {
      const { block } = this;
      block.setText(RequestField.DEVICE_ID, request.deviceId);
      block.setNumber(RequestField.TIMESTAMP, request.timestamp);
      block.setBytes(RequestField.NONCE, request.nonce);
      block.setDigest(digest);
      return this.engine.exports.ratatoskrRecord(low, high, skew);
    });
    if (verdict === Verdict.OK) return 'ok';
    if (verdict === Verdict.NONCE_REPLAYED) return 'NONCE_REPLAYED';
    if (verdict === Verdict.NONCE_CACHE_FULL) return 'NONCE_CACHE_FULL';
    throw new RangeError('deviceId or nonce: longer than a request has them');
  }

  /** SHA-256 of at most MESSAGE_BYTES_MAX bytes, else RangeError: 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array {
    return this.laidOut(() => this.block.sha256(bytes));
  }

  /** Why no provider may be asked about this public key (32 bytes); undefined: it may. */
  refusedKey(publicKey: Uint8Array): Reason | undefined {
    if (publicKey.length !== 32) return 'POINT_ENCODING';
    this.block.put(publicKey);
    return reasons.get(this.engine.exports.ed25519CheckKey(this.block.in));
  }

  /** Why no provider may be asked about this signature (64 bytes) of the key; undefined: it may. */
  refusedSignature(publicKey: Uint8Array, signature: Uint8Array): Reason | undefined {
    if (publicKey.length !== 32) return 'POINT_ENCODING';
    if (signature.length !== 64) return 'SIGNATURE_LENGTH';
    const { block } = this;
    this.engine.u8.set(signature, block.in + 32);
    block.put(publicKey);
    return reasons.get(this.engine.exports.ed25519Check(block.in, block.in + 32));
  }

  private open(kind: number, message: Uint8Array): Refusal | undefined {
    if (message.length > MESSAGE_BYTES_MAX) return tooLarge();
    this.block.put(message);
    const verdict = this.engine.exports.ratatoskrOpen(kind, message.length);
    if (verdict === Verdict.OK) return undefined;
    return this.refusal(verdict, kind === MessageKind.RESPONSE ? ResponseField.REQUEST_ID : 0);
  }

  /** `idField`: the number of the request_id; 0 (which no field has): there is none. */
  private refusal(verdict: number, idField: number): Refusal {
    const requestId = this.block.shortText(idField);
    this.block.wipe();
    const reason = reasons.get(verdict);
    if (!reason) throw new Error(`the engine gave a verdict that nobody knows: ${verdict}`);
    return { ok: false, stage: stageOf(verdict), reason, requestId };
  }

  /** What request and digest share. */
  private layOut(request: Omit<RatatoskrRequest, 'signature'>): void {
    const { block } = this;
    block.setText(RequestField.REQUEST_ID, request.requestId);
    block.setText(RequestField.DEVICE_ID, request.deviceId);
    block.setText(RequestField.USER_ID, request.userId);
    block.setNumber(RequestField.TIMESTAMP, request.timestamp);
    block.setBytes(RequestField.NONCE, request.nonce);
    block.setBytes(RequestField.PAYLOAD, request.payload);
  }

  private encode(kind: number, layOut: () => void): Uint8Array {
    return this.laidOut(() => {
      layOut();
      const verdict = this.engine.exports.ratatoskrEncode(kind);
      if (verdict !== Verdict.OK) throw new RangeError(`message: ${reasons.get(verdict)}`);
      return this.block.encoded();
    });
  }

  private laidOut<T>(work: () => T): T {
    this.block.begin();
    try {
      return work();
    } finally {
      this.block.wipe();
    }
  }
}

function tooLarge(): Refusal {
  return { ok: false, stage: 'decode', reason: 'MESSAGE_TOO_LARGE', requestId: '' };
}

function stageOf(verdict: number): Refusal['stage'] {
  if (verdict < Verdict.MESSAGE_TYPE) return 'decode';
  return verdict < Verdict.TIMESTAMP_FUTURE ? 'schema' : 'timestamp';
}

/** Seconds since the epoch as two words; fractions are cut. */
function words(nowS: number): [number, number] {
  if (!(nowS >= 0 && nowS <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`nowS: wanted seconds since the epoch, got ${nowS}`);
  }
  return [nowS >>> 0, (nowS / TWO_32) >>> 0];
}

/** @throws RangeError for a skew that the engine does not take */
export function checkSkew(skewS: number): number {
  if (Number.isInteger(skewS) && skewS >= 0 && skewS <= MESSAGE_SKEW_S_MAX) return skewS;
  throw new RangeError(`skewS: wanted 0 to ${MESSAGE_SKEW_S_MAX} seconds, got ${skewS}`);
}
