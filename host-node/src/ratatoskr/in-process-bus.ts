/** Services of this process: who gets which request, for how long, and never twice. */
import { hash } from 'node:crypto';
import { NOT_EXECUTED } from '@andvari/host-common/ratatoskr/messages';
import type { Logger } from '../log/logger.ts';
import {
  type AnswerKey,
  type AnswerRecord,
  type AnswerStore,
  AnswerStoreError,
  nameOf,
} from './answer-store.ts';
import { FleetingMap } from './fleeting-map.ts';
import {
  CALLS_MAX,
  CALLS_PER_DEVICE_MAX,
  JSON_DEPTH_MAX,
  JSON_KEPT_BYTES_MAX,
  JSON_VALUES_MAX,
  PAYLOAD_BYTES_MAX,
  SERVICE_DEADLINE_MS,
} from './limits.ts';
import { OutcomeWaiters } from './outcome-waiters.ts';
import { JsonLimitError, parsePayload } from './payload-json.ts';
import {
  failedOutcome,
  type Service,
  type ServiceBus,
  type ServiceCall,
  ServiceFailure,
  type ServiceOutcome,
  type ServiceRequest,
} from './service-bus.ts';

/** What a payload without a request_type is called (reference: Ratatoskr section 6). */
export const DEFAULT_REQUEST_TYPE = 'business_request';
const CLOSE_WAIT_MS = 1_000;
/** Between two lines of the log about answers that cannot be written or read. */
const TELL_MS = 60_000;

export interface InProcessBusOptions {
  /** By request_type. */
  routes: ReadonlyMap<string, Service>;
  /** Gets what no route names; without it that is SERVICE_UNAVAILABLE. */
  fallback?: Service;
  answers: AnswerStore;
  deadlineMs?: number;
  callsMax?: number;
  callsPerDeviceMax?: number;
  logger: Logger;
  /** Unix seconds. */
  nowS?: () => number;
}

/** A call that a service works on, or that waits to be written down. */
class Running {
  readonly digest: Uint8Array;
  outcome: Promise<ServiceOutcome> = NEVER;
  #abort: AbortController | undefined;
  #stopped: { reason: Error } | undefined;

  constructor(digest: Uint8Array) {
    this.digest = digest;
  }

  /** Made for the service that looks at it: most do not, and it costs 2 KB. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#stopped) this.#abort.abort(this.#stopped.reason);
    return this.#abort.signal;
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  stop(reason: Error): void {
    this.#stopped ??= { reason };
    this.#abort?.abort(this.#stopped.reason);
  }
}

export class InProcessBus implements ServiceBus {
  readonly #options: InProcessBusOptions;
  readonly #running = new FleetingMap<string, Running>();
  readonly #byDevice = new FleetingMap<string, number>();
  readonly #waiters = new OutcomeWaiters();
  #closing = false;
  /** Requests that the answers could not take, since that was told last. */
  #untaken = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: InProcessBusOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#running.size;
  }

  deliver(call: ServiceCall, signal?: AbortSignal): Promise<ServiceOutcome> {
    const digest = digestOf(call);
    const name = nameOf(call);
    const running = this.#running.get(name);
    if (running) {
      const other = sameCall(running.digest, digest);
      return other ? Promise.resolve(other) : this.#waiters.wait(running.outcome, signal);
    }
    if (this.#closing) return Promise.resolve(STOPPING);
    const record = this.#find(call);
    if (record === null) return Promise.resolve(CANNOT_TAKE);
    const other = record && sameCall(record.digest, digest);
    if (other) return Promise.resolve(other);
    if (record?.outcome) return Promise.resolve(record.outcome);
    const route = this.#routeOf(call.payload);
    if (!route) return Promise.resolve(record ? UNKNOWN : TOO_COMPLEX);
    const { service, type, json } = route;
    if (!service) {
      const text = 'no service has this name';
      return Promise.resolve(unavailable(record ? text : `${NOT_EXECUTED}${text}`));
    }
    if (record && !service.resumes) {
      return Promise.resolve(UNKNOWN);
    }
    const { callsMax = CALLS_MAX, callsPerDeviceMax = CALLS_PER_DEVICE_MAX } = this.#options;
    const ofDevice = this.#byDevice.get(call.deviceId) ?? 0;
    if (this.underWay >= callsMax || ofDevice >= callsPerDeviceMax) {
      const text = 'too many requests are under way';
      return Promise.resolve(unavailable(record ? text : `${NOT_EXECUTED}${text}`));
    }
    const known = record !== undefined;
    const mine = new Running(digest);
    this.#running.set(name, mine);
    this.#byDevice.set(call.deviceId, ofDevice + 1);
    mine.outcome = this.#begin(call, { service, type, json, known }, mine);
    return this.#waiters.wait(mine.outcome, signal);
  }

  async close(): Promise<void> {
    this.#closing = true;
    const reason = new Error('the server stops');
    for (const running of this.#running.values()) running.stop(reason);
    const all = Promise.allSettled([...this.#running.values()].map(({ outcome }) => outcome));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WAIT_MS);
    });
    await Promise.race([all, late]);
    clearTimeout(timer);
  }

  /** Null: the store cannot say. */
  #find(call: ServiceCall): AnswerRecord | undefined | null {
    try {
      return this.#options.answers.find(call);
    } catch (error) {
      this.#tell(error);
      return null;
    }
  }

  /** Undefined: nobody looks into a payload as this. */
  #routeOf(
    payload: Uint8Array,
  ): { service?: Service; type: string; json: () => unknown } | undefined {
    let json: unknown;
    try {
      json = parsePayload(payload);
    } catch (error) {
      if (error instanceof JsonLimitError) return undefined;
      throw error;
    }
    const given = (json as { request_type?: unknown } | null | undefined)?.request_type;
    const type = typeof given === 'string' ? given : DEFAULT_REQUEST_TYPE;
    const { routes, fallback } = this.#options;
    const service = routes.get(type) ?? (given === undefined ? fallback : undefined);
    const kept = payload.length <= JSON_KEPT_BYTES_MAX;
    const again = kept ? () => json : () => parsePayload(payload);
    return { ...(service ? { service } : {}), type, json: again };
  }

  /**
   * The outcome, at the deadline at the latest. What the service does after it is still written
   * down for whoever asks again; it keeps its place until it has ended, or as long once more.
   */
  async #begin(call: ServiceCall, work: Work, running: Running): Promise<ServiceOutcome> {
    const { answers } = this.#options;
    const nowS = this.#options.nowS ?? (() => Math.floor(Date.now() / 1000));
    try {
      if (!work.known) await answers.begin(call, running.digest, nowS());
    } catch (error) {
      this.#end(call, running);
      if (error instanceof AnswerStoreError && error.deviceFull) return DEVICE_FULL;
      this.#tell(error);
      return CANNOT_TAKE;
    }
    if (this.#closing) {
      if (!work.known) answers.forget(call);
      this.#end(call, running);
      return STOPPING;
    }
    return this.#hand(call, work, running);
  }

  /** Why requests are not taken: devices can ask as often as they like while a disk is full. */
  #tell(error: unknown): void {
    this.#untaken++;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#options.logger.error({ err: error, requests: this.#untaken }, 'requests are not taken');
    this.#toldMs = nowMs;
    this.#untaken = 0;
  }

  /** To the service; the first of its end and the deadline is the outcome. */
  #hand(call: ServiceCall, work: Work, running: Running): Promise<ServiceOutcome> {
    const { answers, deadlineMs = SERVICE_DEADLINE_MS, logger } = this.#options;
    const { service } = work;
    const request = new HandedRequest(call, work, running);
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => {
        logger.warn({ service: service.name, deadlineMs }, 'a service did not answer in time');
        timer = setTimeout(() => this.#end(call, running), deadlineMs);
        running.stop(new Error('the deadline has passed'));
        resolve(TOO_LATE);
      }, deadlineMs);
      const ended = async () => {
        const { outcome, again } = await run(service, request, { running, logger });
        // The next process goes on with it.
        const left = this.#closing && service.resumes && !outcome.ok;
        if (again) answers.forget(call);
        else if (!left) await answers.finish(call, outcome);
        clearTimeout(timer);
        this.#end(call, running);
        return outcome;
      };
      ended().then(resolve, reject);
    });
  }

  /** Its place is free; a later run of the same call keeps its own. */
  #end(call: AnswerKey, running: Running): void {
    const name = nameOf(call);
    if (this.#running.get(name) !== running) return;
    this.#running.delete(name);
    const left = (this.#byDevice.get(call.deviceId) ?? 1) - 1;
    if (left === 0) this.#byDevice.delete(call.deviceId);
    else this.#byDevice.set(call.deviceId, left);
  }
}

/**
 * A call as its service sees it: what costs something is made when it is looked at, by properties
 * of its own, so that a copy of it has them too. They are the same two for all: an accessor that is
 * written in an object literal makes a hidden class for each object, in V8's old space, and that
 * holds on to all that the accessor can see until the old space is collected.
 */
class HandedRequest implements ServiceRequest {
  static readonly #json = {
    enumerable: true,
    get(this: HandedRequest): unknown {
      return this.#work.json();
    },
  };
  static readonly #signal = {
    enumerable: true,
    get(this: HandedRequest): AbortSignal {
      return this.#running.signal;
    },
  };
  readonly deviceId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly requestType: string;
  declare readonly json: unknown;
  declare readonly signal: AbortSignal;
  readonly #work: Work;
  readonly #running: Running;

  constructor({ deviceId, userId, requestId, payload }: ServiceCall, work: Work, running: Running) {
    this.deviceId = deviceId;
    this.userId = userId;
    this.requestId = requestId;
    this.payload = payload;
    this.requestType = work.type;
    this.#work = work;
    this.#running = running;
    Object.defineProperty(this, 'json', HandedRequest.#json);
    Object.defineProperty(this, 'signal', HandedRequest.#signal);
  }
}

interface Work {
  service: Service;
  type: string;
  json: () => unknown;
  /** An earlier process began it. */
  known: boolean;
}

async function run(
  service: Service,
  request: ServiceRequest,
  { running, logger }: { running: Running; logger: Logger },
): Promise<{ outcome: ServiceOutcome; again: boolean }> {
  try {
    const payload = await service.handle(request);
    if (payload instanceof Uint8Array && payload.length <= PAYLOAD_BYTES_MAX) {
      return { outcome: { ok: true, payload: new Uint8Array(payload) }, again: false };
    }
    throw new TypeError(`${service.name}: wanted an answer of at most ${PAYLOAD_BYTES_MAX} bytes`);
  } catch (error) {
    if (error instanceof ServiceFailure) {
      const { code, message, again, cause } = error;
      if (cause) logger.error({ err: cause, service: service.name }, 'a service failed');
      return { outcome: failedOutcome(code, message), again };
    }
    if (running.isStopped) return { outcome: TOO_LATE, again: false };
    logger.error({ err: error, service: service.name }, 'a service failed');
    return { outcome: { ok: false, code: 'SERVICE_ERROR', message: '' }, again: false };
  }
}

/** Until the call has begun, in the same turn. */
const NEVER = new Promise<ServiceOutcome>(() => {});
const STOPPING = unavailable('the server stops');
const CANNOT_TAKE = unavailable('requests cannot be taken now');
const DEVICE_FULL = unavailable(
  `${NOT_EXECUTED}the device has too many requests of the last 24 hours`,
);
const UNKNOWN = unavailable('the request was taken before; its outcome is unknown');
const TOO_COMPLEX = failedOutcome(
  'INVALID_REQUEST',
  `wanted JSON of at most ${JSON_VALUES_MAX} values, ${JSON_DEPTH_MAX} deep`,
);
const TOO_LATE = unavailable('the service did not answer in time');

function unavailable(message: string): ServiceOutcome {
  return { ok: false, code: 'SERVICE_UNAVAILABLE', message };
}

/** What a request_id stands for: whose request, and what it says. */
function digestOf({ userId, payload }: ServiceCall): Uint8Array {
  const userBytes = Buffer.byteLength(userId);
  const input = Buffer.allocUnsafe(4 + userBytes + payload.length);
  input.writeUInt32BE(userBytes);
  input.write(userId, 4);
  input.set(payload, 4 + userBytes);
  return hash('sha256', input, 'buffer');
}

function sameCall(first: Uint8Array, second: Uint8Array): ServiceOutcome | undefined {
  if (Buffer.compare(first, second) === 0) return undefined;
  const message = 'the request_id was used for another request';
  return { ok: false, code: 'INVALID_REQUEST', message };
}
