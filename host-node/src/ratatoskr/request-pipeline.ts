/**
 * What is asked of every message, in the order of the reference, Ratatoskr section 3.1: what makes
 * it somebody's (host-common, ratatoskr/request-checks.ts), then rate and session. The first that
 * fails answers.
 */
import { randomBytes } from 'node:crypto';
import type { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { MessageType, type RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import { type Rejection, RequestChecks } from '@andvari/host-common/ratatoskr/request-checks';
import type { ErrorCode } from './error-codes.ts';
import { NodeEd25519Signer, type NodeEd25519Verifier } from './node-ed25519.ts';
import type { DeviceRateLimit } from './rate-limit.ts';
import type { Device, DeviceRegistry } from './registry.ts';
import type { ConnectionSession } from './sessions.ts';
import type { StartLine, TwoClocks } from './set-clocks.ts';

export interface PipelineOptions {
  codec: RatatoskrCodec;
  registry: DeviceRegistry;
  rates: DeviceRateLimit;
  verifier: NodeEd25519Verifier;
  /** Seconds of the future that are accepted [0]. */
  skewS: number;
  /** What an earlier process may have taken is stale (section 3.2). */
  startLine: StartLine;
  strictShape: boolean;
  requireV2: boolean;
}

export interface Moment extends TwoClocks {
  /** Unix seconds. */
  wallS: number;
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
  readonly #checks: RequestChecks<Device>;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const strangerKey = new NodeEd25519Signer(randomBytes(32)).publicKey;
    this.#checks = new RequestChecks({ ...options, strangerKey });
  }

  /** All checks. A message that passes is recorded and counted. */
  examine(bytes: Uint8Array, session: ConnectionSession, at: Moment): Examined {
    const opened = this.#checks.open(bytes, at.wallS, this.#options.startLine.at(at));
    if (!opened.ok) return refused(opened);
    const device = this.#options.registry.entry(opened.request.deviceId);
    const claimed = this.#checks.claim(opened, device);
    // This verifier answers at once; whatever else it might give is no signature.
    const isSigned = this.#checks.isSigned(claimed) === true;
    const accepted = this.#checks.accept(claimed, isSigned, at.wallS);
    if (!accepted.ok) return refused(accepted);
    const { request } = accepted;
    const late = this.#rate(accepted.device, at) ?? checkSession(request, session, at);
    if (!late) return accepted;
    const [code, reason] = late;
    return { ...accepted, ok: false, code, reason, requestId: request.requestId };
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
  identity: 'UNAUTHENTICATED',
  signature: 'UNAUTHENTICATED',
  replay: 'REPLAY',
} as const;

function refused(rejection: Rejection<Device>): Examined {
  const { stage, reason } = rejection;
  const code = reason === 'NONCE_CACHE_FULL' ? reason : codeOfStage[stage];
  return { ...rejection, code };
}

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
