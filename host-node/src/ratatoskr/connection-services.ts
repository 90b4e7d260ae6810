/** What all connections of a server share, and how its answers are made. */
import type { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { MessageType, type RatatoskrResponse } from '@andvari/host-common/ratatoskr/messages';
import { NO_REQUEST_DIGEST } from '@andvari/host-common/ratatoskr/signing';
import type { FirstConnection } from './answers/connection-records.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { Authenticator, Credentials } from './authenticator.ts';
import { classOf, type ErrorCode, textOf } from './error-codes.ts';
import { AUTHENTICATION_TIMEOUT_MS } from './limits.ts';
import type { NodeEd25519Signer } from './node-ed25519.ts';
import type { RequestPipeline } from './request-pipeline.ts';
import { signResponse } from './response-signer.ts';
import type { ServiceBus, ServiceCall } from './service-bus.ts';
import type { Session } from './sessions.ts';
import { StrangerTime } from './stranger-time.ts';
import { Turnstile } from './turnstile.ts';

export const SERVER_VERSION = '1.0';
/** Versions of clients (section 11): major 1. */
const CLIENT_VERSION = /^1(\.[0-9]+){0,2}$/;
/** Where a request had no id that could be read: the schema wants one that is not empty. */
const NO_REQUEST_ID = '-';
/** Of answers without payload, or whose metadata is their signature alone. */
const NOTHING = new Uint8Array();
const NO_METADATA = new Map<string, string>();

export interface Clock {
  /** Unix milliseconds. */
  wallMs(): number;
  /** Milliseconds of a clock that nobody sets. */
  steadyMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
};

/** Unix seconds, as messages have them. */
export function wallSOf(clock: Clock): number {
  return Math.floor(clock.wallMs() / 1000);
}

/** What is counted: the verdict on a message, or the outcome of a delivered one. */
export type CountedResult = ErrorCode | 'ok' | 'delivered';

export interface ConnectionRate {
  /** Messages at once, before any signature is looked at [200]. */
  burst?: number;
  /** And a second [20]. */
  perSecond?: number;
}

export interface ConnectionServicesOptions {
  codec: RatatoskrCodec;
  pipeline: RequestPipeline;
  bus: ServiceBus;
  audit: AuditLog;
  clock: Clock;
  authenticator: Authenticator;
  firstConnection: FirstConnection;
  signer: NodeEd25519Signer | undefined;
  connectionRate: ConnectionRate;
  count: (result: CountedResult) => void;
  /** A business request was answered, so long after it came. */
  routed: (ms: number) => void;
  left: (connection: unknown) => void;
  /** This registered device has spoken on it. */
  known: (connection: unknown, deviceId: string) => void;
  /** A defect of ours, or of a service bus. */
  failed: (error: unknown) => void;
}

/** Of a request that services were asked for. */
export interface Served {
  code: 'delivered' | ErrorCode;
  message: Uint8Array;
}

interface ErrorOptions {
  requestId: string;
  digest?: Uint8Array | undefined;
  /** In place of the code's own text; empty: that. */
  text?: string;
}

export class ConnectionServices {
  readonly pipeline: RequestPipeline;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly connectionRate: ConnectionRate;
  readonly count: (result: CountedResult) => void;
  readonly routed: (ms: number) => void;
  readonly left: (connection: unknown) => void;
  readonly known: (connection: unknown, deviceId: string) => void;
  /** Time of this thread, whatever the clock of messages is. */
  readonly strangers = new StrangerTime(() => performance.now());
  readonly turnstile = new Turnstile();
  readonly #options: ConnectionServicesOptions;

  constructor(options: ConnectionServicesOptions) {
    const { pipeline, audit, clock, connectionRate, count, routed, left, known } = options;
    this.#options = options;
    this.pipeline = pipeline;
    this.audit = audit;
    this.clock = clock;
    this.connectionRate = connectionRate;
    this.count = count;
    this.routed = routed;
    this.left = left;
    this.known = known;
  }

  /** The id of a message that nobody looks at further. */
  requestIdOf(bytes: Uint8Array, wallS: number): string {
    const opened = this.#options.codec.openRequest(bytes, wallS);
    return opened.ok ? opened.request.requestId : opened.requestId;
  }

  /** The payload of a connection request, or why it is none. */
  readonly openPayload = (
    payload: Uint8Array,
  ): { deviceIdentity: string; authenticationToken: string; version: string } | string => {
    const opened = this.#options.codec.openConnectionRequest(payload);
    return opened.ok ? opened.payload : opened.reason;
  };

  /** Whether no process before this one has opened a session for it. */
  readonly isFirst = (deviceId: string, digest: Uint8Array): Promise<boolean> =>
    this.#options.firstConnection(deviceId, digest);

  /** Undefined: they may; else why not, for the audit log. */
  readonly authenticate = async (
    { version, ...credentials }: Credentials & { version: string },
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    if (!CLIENT_VERSION.test(version)) return 'VERSION';
    const limit = AbortSignal.any([signal, AbortSignal.timeout(AUTHENTICATION_TIMEOUT_MS)]);
    const late = new Promise<string>((resolve) => {
      limit.addEventListener('abort', () => resolve('AUTHENTICATOR_TIMEOUT'), { once: true });
    });
    const asked = (async () => {
      try {
        const admitted = await this.#options.authenticator.admit(credentials, limit);
        return admitted ? undefined : 'AUTHENTICATOR';
      } catch {
        return 'AUTHENTICATOR_FAILED';
      }
    })();
    return Promise.race([asked, late]);
  };

  accepted(requestId: string, session: Session, digest: Uint8Array): Uint8Array {
    const payload = this.#options.codec.encodeConnectionResponse({
      accepted: true,
      sessionId: session.id,
      expiresAt: BigInt(session.expiresAtS),
      serverVersion: SERVER_VERSION,
    });
    const messageType = MessageType.CONNECTION_RESPONSE;
    return this.#sealed({ messageType, requestId, success: true, payload }, digest);
  }

  rejected(requestId: string, digest?: Uint8Array): Uint8Array {
    const payload = this.#options.codec.encodeConnectionResponse({
      accepted: false,
      sessionId: '',
      expiresAt: 0n,
      serverVersion: SERVER_VERSION,
    });
    const messageType = MessageType.CONNECTION_RESPONSE;
    const told = described('CONNECTION_REJECTED');
    return this.#sealed({ messageType, requestId, success: false, payload, ...told }, digest);
  }

  /** What a call led to, and the message that says so. Never rejects, whatever the bus does. */
  async serve(call: ServiceCall, digest: Uint8Array, signal: AbortSignal): Promise<Served> {
    const { requestId } = call;
    try {
      const outcome = await this.#options.bus.deliver(call, signal);
      if (outcome.ok) {
        return { code: 'delivered', message: this.#answer(requestId, outcome.payload, digest) };
      }
      const { code, message: text } = outcome;
      return { code, message: this.error(code, { requestId, digest, text }) };
    } catch (error) {
      this.#options.failed(error);
      const code = 'SERVICE_ERROR';
      return { code, message: this.error(code, { requestId, digest }) };
    }
  }

  error(code: ErrorCode, { requestId, digest, text }: ErrorOptions): Uint8Array {
    const messageType = MessageType.ERROR;
    const told = described(code, text);
    return this.#sealed({ messageType, requestId, success: false, ...told }, digest);
  }

  #answer(requestId: string, payload: Uint8Array, digest: Uint8Array): Uint8Array {
    const messageType = MessageType.BUSINESS_REQUEST;
    return this.#sealed({ messageType, requestId, success: true, payload }, digest);
  }

  #sealed(
    response: Pick<RatatoskrResponse, 'messageType' | 'requestId' | 'success'> &
      Partial<RatatoskrResponse>,
    digest: Uint8Array = NO_REQUEST_DIGEST,
  ): Uint8Array {
    const whole: RatatoskrResponse = {
      timestamp: BigInt(wallSOf(this.clock)),
      errorCode: '',
      errorMessage: '',
      payload: NOTHING,
      metadata: NO_METADATA,
      ...response,
      requestId: response.requestId || NO_REQUEST_ID,
    };
    const { codec, signer } = this.#options;
    return codec.encodeResponse(signResponse(whole, digest, signer));
  }
}

function described(code: ErrorCode, text?: string) {
  return {
    errorCode: code,
    errorMessage: text || textOf(code),
    metadata: new Map([['class', classOf(code)]]),
  };
}
