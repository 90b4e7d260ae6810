/**
 * All that a server checks of a request before it is somebody's: size, decode, schema, timestamp,
 * identity, signature, replay, in this order (reference: Ratatoskr section 3.1). Rate limits,
 * sessions and dispatch are the server's. Public API for whoever writes a server of his own:
 *
 * ```ts
 * const codec = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 65536 });
 * const validator = new MessageValidator({
 *   codec, verifier: await hostEd25519(), device: (id) => devices.get(id),
 * });
 * const verdict = await validator.validate(bytes, Date.now() / 1000);
 * ```
 */
import type { RatatoskrCodec, Reason, Refusal } from './codec.ts';
import { MessageType, type RatatoskrRequest, type RatatoskrResponse } from './messages.ts';
import {
  type Ed25519Verifier,
  NO_REQUEST_DIGEST,
  RESPONSE_SIGNATURE_KEY,
  verifyDigest,
  verifyRequestV2,
  verifyResponse,
} from './signing.ts';

/** What a registry knows of a device. */
export interface RegisteredDevice {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** Users that may speak through the device. */
  userIds: { has(userId: string): boolean };
  /** Its key is not good any more [false]. */
  revoked?: boolean;
}

export interface MessageValidatorOptions {
  /** With a replay cache, unless somebody else keeps one. */
  codec: RatatoskrCodec;
  verifier: Ed25519Verifier;
  /** The device of exactly this id. */
  device(deviceId: string): RegisteredDevice | undefined | Promise<RegisteredDevice | undefined>;
  /** Seconds that a device's clock may be ahead [0]. */
  skewS?: number;
  /**
   * Requests dated before this second are refused: after a start with an empty replay cache, that
   * of the start [all are judged by their age alone].
   */
  notBeforeS?: number;
  /** Demand what our own clients send: a nonce of 16 bytes, a UUID, ids of printing characters. */
  strictShape?: boolean;
  /** Demand the second signature, which covers the type and the borders of the fields. */
  requireV2?: boolean;
}

/** Names of the vectors, and ours. A stranger is told less (reference: Ratatoskr section 7). */
export type RejectionReason =
  | Reason
  | 'NOT_STRICT_SHAPE'
  | 'BEFORE_START'
  | 'UNKNOWN_DEVICE'
  | 'REVOKED_DEVICE'
  | 'WRONG_USER'
  | 'BAD_SIGNATURE';

export interface Rejection {
  ok: false;
  stage: Refusal['stage'] | 'identity' | 'signature' | 'replay';
  reason: RejectionReason;
  /** '' if decoding did not get that far. */
  requestId: string;
  /** The request, once it has been read: nobody has proved that it is this device's. */
  request?: RatatoskrRequest;
}

export interface Accepted {
  ok: true;
  request: RatatoskrRequest;
  /** To which the response's signature is bound. */
  digest: Uint8Array;
  device: RegisteredDevice;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const STRICT_NONCE_BYTES = 16;

export class MessageValidator {
  private readonly options: MessageValidatorOptions;

  constructor(options: MessageValidatorOptions) {
    this.options = options;
  }

  /** `nowS`: seconds since the epoch. Never rejects, unless the registry or the verifier does. */
  async validate(message: Uint8Array, nowS: number): Promise<Accepted | Rejection> {
    const { codec, skewS = 0, notBeforeS } = this.options;
    const opened = codec.openRequest(message, nowS, skewS);
    if (!opened.ok) return opened;
    const { request, digest } = opened;
    if (this.options.strictShape && !hasStrictShape(request)) {
      return rejection('schema', 'NOT_STRICT_SHAPE', request);
    }
    if (notBeforeS !== undefined && request.timestamp < BigInt(Math.floor(notBeforeS))) {
      return rejection('timestamp', 'BEFORE_START', request);
    }
    const device = await this.options.device(request.deviceId);
    if (!device) return rejection('identity', 'UNKNOWN_DEVICE', request);
    if (device.revoked) return rejection('identity', 'REVOKED_DEVICE', request);
    if (!device.userIds.has(request.userId)) return rejection('identity', 'WRONG_USER', request);
    if (!(await this.isSigned(device, request, digest))) {
      return rejection('signature', 'BAD_SIGNATURE', request);
    }
    // Only now: before, anybody could use up the nonces of a device.
    const recorded = codec.recordReplay(request, digest, nowS, skewS);
    if (recorded !== 'ok') return rejection('replay', recorded, request);
    return { ok: true, request, digest, device };
  }

  private async isSigned(
    { publicKey }: RegisteredDevice,
    request: RatatoskrRequest,
    digest: Uint8Array,
  ): Promise<boolean> {
    const judge = { ...this.options, publicKey };
    if (!(await verifyDigest(judge, digest, request.signature))) return false;
    return !this.options.requireV2 || (await verifyRequestV2(judge, request));
  }
}

function rejection(
  stage: Rejection['stage'],
  reason: RejectionReason,
  request: RatatoskrRequest,
): Rejection {
  return { ok: false, stage, reason, requestId: request.requestId, request };
}

/** The shape of section 9 rule 3, with which there is only one way to split a signing input. */
function hasStrictShape({ requestId, deviceId, userId, nonce }: RatatoskrRequest): boolean {
  if (nonce.length !== STRICT_NONCE_BYTES || !UUID.test(requestId)) return false;
  return !UNPRINTABLE.test(deviceId) && !UNPRINTABLE.test(userId);
}

export interface ResponseValidatorOptions {
  codec: RatatoskrCodec;
  verifier: Ed25519Verifier;
  /** The server's, 32 bytes; without it signatures are not looked at. */
  serverPublicKey?: Uint8Array;
  /** Refuse a response without a signature [true when there is a key]. */
  requireSignedResponses?: boolean;
}

export interface ResponseAccepted {
  ok: true;
  response: RatatoskrResponse;
  /** By the server's key. */
  signed: boolean;
  /** And for the request that waits. False: it may have been given to a damaged copy of it. */
  bound: boolean;
}

export interface ResponseRejection {
  ok: false;
  stage: Refusal['stage'] | 'response';
  reason: Reason | 'BAD_RESPONSE_SIGNATURE';
  requestId: string;
}

/** A client's side: decode, schema, signature (reference: Ratatoskr section 8). */
export class ResponseValidator {
  private readonly options: ResponseValidatorOptions;

  constructor(options: ResponseValidatorOptions) {
    this.options = options;
  }

  /**
   * `digestOf`: the digest of the request with this id, if one waits for its answer. The signature
   * must be for that request; for none (NO_REQUEST_DIGEST) if no request waits, or in an ERROR.
   */
  async validate(
    message: Uint8Array,
    digestOf: (requestId: string) => Uint8Array | undefined,
  ): Promise<ResponseAccepted | ResponseRejection> {
    const { codec, serverPublicKey: publicKey } = this.options;
    const { requireSignedResponses = publicKey !== undefined } = this.options;
    const opened = codec.openResponse(message);
    if (!opened.ok) return opened;
    const { response } = opened;
    const isPresent = response.metadata.has(RESPONSE_SIGNATURE_KEY);
    if (!requireSignedResponses && !(isPresent && publicKey)) {
      return { ok: true, response, signed: false, bound: false };
    }
    const { requestId } = response;
    const signedFor = publicKey && (await this.signedFor(publicKey, response, digestOf(requestId)));
    if (signedFor) return { ok: true, response, signed: true, bound: signedFor === 'request' };
    return { ok: false, stage: 'response', reason: 'BAD_RESPONSE_SIGNATURE', requestId };
  }

  private async signedFor(
    publicKey: Uint8Array,
    response: RatatoskrResponse,
    digest: Uint8Array | undefined,
  ): Promise<'request' | 'none' | undefined> {
    const judge = { ...this.options, publicKey };
    if (digest && (await verifyResponse(judge, response, digest))) return 'request';
    // A server that refuses a request before it has its digest signs for none.
    if (digest && response.messageType !== MessageType.ERROR) return undefined;
    return (await verifyResponse(judge, response, NO_REQUEST_DIGEST)) ? 'none' : undefined;
  }
}
