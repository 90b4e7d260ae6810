/**
 * Between the Ratatoskr server and the business services. One implementation runs services in this
 * process (in-process-bus.ts); one over a message broker would pass the same suite
 * (service-bus.compliance.ts).
 */
import { ERROR_MESSAGE_BYTES_MAX } from './limits.ts';

/** A request that has passed every check: this device and this user have sent it, now. */
export interface ServiceCall {
  readonly deviceId: string;
  readonly userId: string;
  /** Names the call together with the device: a repetition is not executed again. */
  readonly requestId: string;
  readonly payload: Uint8Array;
}

/** What a service gets. */
export interface ServiceRequest extends ServiceCall {
  /** `request_type` of the payload, or `business_request` where that is no string or not there. */
  readonly requestType: string;
  /** The payload as JSON; undefined: it is none. Of a long one made anew at each look. */
  readonly json: unknown;
  /** Aborted at the deadline and when the bus closes; the answer is then of no use any more. */
  readonly signal: AbortSignal;
}

export interface Service {
  readonly name: string;
  /**
   * The answer's payload, at most 1 MiB. A ServiceFailure is told to the client in its own words;
   * anything else that is thrown is told as SERVICE_ERROR and nothing more.
   */
  handle(request: ServiceRequest): Promise<Uint8Array> | Uint8Array;
  /**
   * True: a request that an earlier process began and did not finish is handed over again; the
   * service knows from its own records what it has done of it. Otherwise its outcome is unknown,
   * and it is answered so.
   */
  readonly resumes?: boolean;
}

const serviceCodes = ['SERVICE_ERROR', 'SERVICE_UNAVAILABLE', 'INVALID_REQUEST'] as const;
export type ServiceCode = (typeof serviceCodes)[number];

export type ServiceOutcome =
  | { ok: true; payload: Uint8Array }
  | {
      ok: false;
      code: ServiceCode;
      /** For the client; empty: the code's own text. Never internal. */
      message: string;
    };

const textBytes = new Uint8Array(ERROR_MESSAGE_BYTES_MAX);
const textEncoder = new TextEncoder();

/**
 * A failure as an ERROR can carry it. Services are not all typed, and their texts may repeat what a
 * device has sent: half of a surrogate pair becomes U+FFFD, a long text ends with a whole
 * character, and a code that is none of a service is SERVICE_ERROR.
 */
export function failedOutcome(code: string, message: string): ServiceOutcome & { ok: false } {
  const known = serviceCodes.find((each) => each === code);
  const text = message.toWellFormed();
  const { read } = textEncoder.encodeInto(text, textBytes);
  return { ok: false, code: known ?? 'SERVICE_ERROR', message: text.slice(0, read) };
}

/** A service says no, or not now. */
export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure';
  readonly code: ServiceCode;
  /** Nothing was done: the same request_id may be sent again, and is executed then. */
  readonly again: boolean;

  /** @param message shown to the client; `cause` is for the log */
  constructor(code: ServiceCode, message: string, more: { again: boolean; cause?: unknown }) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.code = code;
    this.again = more.again;
  }
}

export interface ServiceBus {
  /**
   * The outcome of a call, once it is known; never throws nor rejects, and what is no call is
   * INVALID_REQUEST. At most once: a call with a device and
   * request_id that were here in the last 24 hours is answered as the first one, or waits for it;
   * when that answer had to make room, SERVICE_UNAVAILABLE says that it was executed. The same
   * request_id with another payload is INVALID_REQUEST, and so is JSON with more values than are
   * parsed (JSON_VALUES_MAX, JSON_DEPTH_MAX).
   *
   * `signal` ends the waiting (SERVICE_UNAVAILABLE), not the execution, which others may wait for:
   * the client can come back over another connection and have its answer.
   */
  deliver(call: ServiceCall, signal?: AbortSignal): Promise<ServiceOutcome>;
  /** Calls that services work on now. */
  readonly underWay: number;
  /** Take no more calls, abort those that are under way and wait for them, a second at the most. */
  close(): Promise<void>;
}
