/**
 * What is asked of every message, in the order of the reference, Ratatoskr section 3.1: size,
 * decode, schema, timestamp, identity, signature, replay, rate, session. The first that fails
 * answers. Nothing is remembered of a message before its signature is good, so nobody can use up
 * what belongs to a device without its key.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { MessageType, type RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import {
  fromBase64Url,
  REQUEST_SIGNATURE_KEY,
  requestSigningInputV2,
} from '@andvari/host-common/ratatoskr/signing';
import type { ErrorCode } from './error-codes.ts';
import { NodeEd25519Signer, type NodeEd25519Verifier } from './node-ed25519.ts';
import type { DeviceRateLimit } from './rate-limit.ts';
import { type Device, type DeviceRegistry, idProblem } from './registry.ts';
import type { ConnectionSession } from './sessions.ts';

/** Of our own clients, with strictShape (section 9, rule 3). */
const STRICT_NONCE_BYTES = 16;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export interface PipelineOptions {
  codec: RatatoskrCodec;
  registry: DeviceRegistry;
  rates: DeviceRateLimit;
  verifier: NodeEd25519Verifier;
  /** Seconds of the future that are accepted [0]. */
  skewS: number;
  /** Messages dated before it are stale: an earlier process may have taken them (section 3.2). */
  refuseBeforeS: number;
  strictShape: boolean;
  requireV2: boolean;
}

export interface Moment {
  /** Unix seconds. */
  wallS: number;
  /** Milliseconds of a clock that nobody sets. */
  steadyMs: number;
}

export type Examined =
  | { ok: true; request: RatatoskrRequest; digest: Uint8Array; device: Device }
  | {
      ok: false;
      code: ErrorCode;
      /** For the audit log alone. */
      reason: string;
      requestId: string;
      /** Undefined: the message did not get so far. */
      digest?: Uint8Array;
      /** Once it is known who has sent it. */
      device?: Device;
      request?: RatatoskrRequest;
    };

type Problem = readonly [ErrorCode, string];

export class RequestPipeline {
  readonly #options: PipelineOptions;
  /** Key of nobody, for messages of nobody: their refusal takes as long as any other. */
  readonly #strangerKey = new NodeEd25519Signer(randomBytes(32)).publicKey;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** All checks. A message that passes is recorded and counted. */
  examine(bytes: Uint8Array, session: ConnectionSession, at: Moment): Examined {
    const { codec, skewS } = this.#options;
    const opened = codec.openRequest(bytes, at.wallS, skewS);
    if (!opened.ok) {
      const { reason, requestId, stage } = opened;
      return { ok: false, code: codeOfStage[stage], reason, requestId };
    }
    const { request, digest } = opened;
    const requestId = request.requestId;
    const early = this.#shape(request) ?? this.#restart(request);
    // No digest: other splits of the same bytes have it too, and those may be good.
    if (early) return { ok: false, code: early[0], reason: early[1], requestId, request };
    const device = this.#identity(request);
    const publicKey = typeof device === 'string' ? this.#strangerKey : device.publicKey;
    const isSigned = this.#isSigned(request, digest, publicKey);
    if (typeof device === 'string' || !isSigned) {
      const reason = typeof device === 'string' ? device : 'BAD_SIGNATURE';
      return { ok: false, code: 'UNAUTHENTICATED', reason, requestId, digest, request };
    }
    const late =
      this.#replay(request, digest, at) ??
      this.#rate(device, at) ??
      checkSession(request, session, at);
    if (!late) return { ok: true, request, digest, device };
    const [code, reason] = late;
    return { ok: false, code, reason, requestId, digest, device, request };
  }

  #shape({ requestId, nonce, deviceId, userId }: RatatoskrRequest): Problem | undefined {
    if (!this.#options.strictShape) return undefined;
    const strict =
      nonce.length === STRICT_NONCE_BYTES &&
      UUID.test(requestId) &&
      idProblem(deviceId) === undefined &&
      idProblem(userId) === undefined;
    return strict ? undefined : ['INVALID_REQUEST', 'NOT_STRICT_SHAPE'];
  }

  #restart({ timestamp }: RatatoskrRequest): Problem | undefined {
    if (timestamp >= BigInt(this.#options.refuseBeforeS)) return undefined;
    return ['TIMESTAMP_INVALID', 'BEFORE_START'];
  }

  /** The device, or why it is none. */
  #identity({ deviceId, userId }: RatatoskrRequest): Device | string {
    const device = this.#options.registry.find(deviceId);
    if (!device) return 'UNKNOWN_DEVICE';
    return device.userIds.includes(userId) ? device : 'WRONG_USER';
  }

  #isSigned(request: RatatoskrRequest, digest: Uint8Array, publicKey: Uint8Array): boolean {
    if (!this.#verifies(publicKey, digest, request.signature)) return false;
    if (!this.#options.requireV2) return true;
    const signature = fromBase64Url(request.metadata.get(REQUEST_SIGNATURE_KEY) ?? '');
    if (!signature) return false;
    const input = createHash('sha256').update(requestSigningInputV2(request)).digest();
    return this.#verifies(publicKey, input, signature);
  }

  /** The engine first: providers differ at the edges (design.md, section 3, "Signatures"). */
  #verifies(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const { codec, verifier } = this.#options;
    if (codec.refusedSignature(publicKey, signature) !== undefined) return false;
    return verifier.verify(publicKey, message, signature);
  }

  #replay(request: RatatoskrRequest, digest: Uint8Array, at: Moment): Problem | undefined {
    const { codec, skewS } = this.#options;
    const verdict = codec.recordReplay(request, digest, at.wallS, skewS);
    if (verdict === 'ok') return undefined;
    return [verdict === 'NONCE_REPLAYED' ? 'REPLAY' : 'NONCE_CACHE_FULL', verdict];
  }

  #rate({ deviceId }: Device, { steadyMs }: Moment): Problem | undefined {
    const admitted = this.#options.rates.admit(deviceId, steadyMs);
    return admitted ? undefined : ['RATE_LIMITED', 'DEVICE_RATE'];
  }
}

const codeOfStage = {
  decode: 'MALFORMED',
  schema: 'INVALID_REQUEST',
  timestamp: 'TIMESTAMP_INVALID',
} as const;

/** A connection request opens or replaces a session; everything else needs one. */
function checkSession(
  request: RatatoskrRequest,
  session: ConnectionSession,
  { wallS }: Moment,
): Problem | undefined {
  if (request.messageType === MessageType.CONNECTION_REQUEST) {
    return session.admits(request.deviceId) ? undefined : ['CONNECTION_REJECTED', 'OTHER_DEVICE'];
  }
  const verdict = session.check(request, wallS);
  if (verdict === 'ok') return undefined;
  // Of another device or user than the session's: it is told no more than a stranger is.
  return [verdict === 'OTHER_DEVICE' ? 'UNAUTHENTICATED' : verdict, verdict];
}
