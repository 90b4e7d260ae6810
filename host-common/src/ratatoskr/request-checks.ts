/**
 * The checks that decide whether a request is somebody's, in the order of the reference, Ratatoskr
 * section 3.1: size, decode, schema, timestamp, identity, signature, replay. Each step takes what
 * the one before gave, so none can be left out or come too early: nothing is remembered of a
 * message before its signature is good, and nobody can use up what belongs to a device without its
 * key. A server drives them (host-node, ratatoskr/request-pipeline.ts), or MessageValidator does.
 */
import type { RatatoskrCodec, Reason, Refusal } from './codec.ts';
import type { RatatoskrRequest } from './messages.ts';
import { type Ed25519Verifier, verifyDigest, verifyRequestV2 } from './signing.ts';
import { isUuid } from './uuid.ts';

/** What a registry knows of a device. */
export interface RegisteredDevice {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** Users that may speak through the device. */
  userIds: { has(userId: string): boolean };
  /** Its key is not good any more [false]. */
  revoked?: boolean;
}

export interface RequestRules {
  /** With a replay cache, unless somebody else keeps one. */
  codec: RatatoskrCodec;
  verifier: Ed25519Verifier;
  /** Seconds that a device's clock may be ahead [0]. */
  skewS?: number;
  /**
   * Requests dated before this second are refused: after a start with an empty replay cache, that
   * of the start [all are judged by their age alone].
   */
  notBeforeS?: number;
  /**
   * Demand what our own clients send: a nonce of 16 bytes, a UUID, ids without control characters
   * (section 9, rule 3). Then there is only one way to split a signing input.
   */
  strictShape?: boolean;
  /** Demand the second signature, which covers the type and the borders of the fields. */
  requireV2?: boolean;
  /**
   * Key of nobody, 32 bytes: messages of nobody are verified under it, so that their refusal takes
   * as long as any other [they are refused at once].
   */
  strangerKey?: Uint8Array;
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

export interface Rejection<Device = unknown> {
  ok: false;
  stage: Refusal['stage'] | 'identity' | 'signature' | 'replay';
  reason: RejectionReason;
  /** '' if decoding did not get that far. */
  requestId: string;
  /** The request, once it has been read; it is proved to be the device's from 'replay' on. */
  request?: RatatoskrRequest;
  /** From 'identity' on. Before, other splits of the same bytes have it too, and may be good. */
  digest?: Uint8Array;
  /** Whose it is, from 'replay' on. */
  device?: Device;
}

/** A request that has been read and is fresh. */
export interface Fresh {
  ok: true;
  request: RatatoskrRequest;
  /** To which the response's signature is bound. */
  digest: Uint8Array;
}

/** A request beside the device that it names; `problem`: why it is not its, whoever has signed. */
export interface Claimed<Device> extends Fresh {
  device: Device | undefined;
  problem: RejectionReason | undefined;
}

export interface Accepted<Device = RegisteredDevice> extends Fresh {
  device: Device;
}

/** Control characters, those of format and direction among them, and breaks of lines. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const STRICT_NONCE_BYTES = 16;

export class RequestChecks<Device extends RegisteredDevice> {
  private readonly rules: RequestRules;

  constructor(rules: RequestRules) {
    this.rules = rules;
  }

  /**
   * Size, decode, schema, timestamp. `nowS`: seconds since the epoch; `notBeforeS`: in place of the
   * rule, where the clock was set since the start.
   */
  open(
    message: Uint8Array,
    nowS: number,
    notBeforeS = this.rules.notBeforeS,
  ): Fresh | Rejection<Device> {
    const { codec, skewS = 0, strictShape } = this.rules;
    const opened = codec.openRequest(message, nowS, skewS);
    if (!opened.ok) return opened;
    const { request } = opened;
    if (strictShape && !hasStrictShape(request)) {
      return rejection('schema', 'NOT_STRICT_SHAPE', request);
    }
    if (notBeforeS !== undefined && request.timestamp < BigInt(Math.floor(notBeforeS))) {
      return rejection('timestamp', 'BEFORE_START', request);
    }
    return opened;
  }

  /** Identity. `device`: what the registry has under exactly the request's device_id. */
  claim({ request, digest }: Fresh, device: Device | undefined): Claimed<Device> {
    return { ok: true, request, digest, device, problem: identityProblem(device, request) };
  }

  /** Signature. A promise only where the verifier gives one. */
  isSigned({ request, digest, device, problem }: Claimed<Device>): Promise<boolean> | boolean {
    const publicKey = problem ? this.rules.strangerKey : device?.publicKey;
    if (!publicKey) return false;
    const judge = { ...this.rules, publicKey };
    const first = verifyDigest(judge, digest, request.signature);
    if (!this.rules.requireV2 || first === false) return first;
    if (first === true) return verifyRequestV2(judge, request);
    return first.then((good) => good && verifyRequestV2(judge, request));
  }

  /** The refusals of the two steps before; then replay, which records the request. */
  accept(
    claimed: Claimed<Device>,
    isSigned: boolean,
    nowS: number,
  ): Accepted<Device> | Rejection<Device> {
    const { request, digest, device, problem } = claimed;
    if (problem || !device) {
      return { ...rejection('identity', problem ?? 'UNKNOWN_DEVICE', request), digest };
    }
    if (isSigned !== true) return { ...rejection('signature', 'BAD_SIGNATURE', request), digest };
    const { codec, skewS = 0 } = this.rules;
    const recorded = codec.recordReplay(request, digest, nowS, skewS);
    if (recorded !== 'ok') return { ...rejection('replay', recorded, request), digest, device };
    return { ok: true, request, digest, device };
  }
}

function rejection(
  stage: Rejection['stage'],
  reason: RejectionReason,
  request: RatatoskrRequest,
): Rejection<never> {
  return { ok: false, stage, reason, requestId: request.requestId, request };
}

function identityProblem(
  device: RegisteredDevice | undefined,
  { userId }: RatatoskrRequest,
): RejectionReason | undefined {
  if (!device) return 'UNKNOWN_DEVICE';
  if (device.revoked) return 'REVOKED_DEVICE';
  // Whatever else a set of users might say, a promise above all, is no yes.
  return device.userIds.has(userId) === true ? undefined : 'WRONG_USER';
}

function hasStrictShape({ requestId, deviceId, userId, nonce }: RatatoskrRequest): boolean {
  if (nonce.length !== STRICT_NONCE_BYTES || !isUuid(requestId)) return false;
  return !CONTROL.test(deviceId) && !CONTROL.test(userId);
}
