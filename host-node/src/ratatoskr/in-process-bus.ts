/** Services of this process: who gets which request, for how long, and never twice. */
import { hash } from 'node:crypto';
import type { Logger } from '../log/logger.ts';
import {
  type AnswerKey,
  type AnswerRecord,
  type AnswerStore,
  AnswerStoreError,
  nameOf,
  within,
} from './answers/answer-store.ts';
import { processSeconds } from './answers/kept-time.ts';
import {
  CANNOT_TAKE,
  DEVICE_FULL,
  Delivered,
  NO_CALL,
  type Refusal,
  refused,
  STOPPING,
  sameCall,
  settled,
  TOO_COMPLEX,
  TOO_LATE,
  UNKNOWN,
} from './bus-outcomes.ts';
import { FleetingMap } from './fleeting-map.ts';
import {
  CALLS_MAX,
  CALLS_PER_DEVICE_MAX,
  JSON_KEPT_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  SERVICE_DEADLINE_MS,
  TIMER_MS_MAX,
} from './limits.ts';
import { OutcomeWaiters } from './outcome-waiters.ts';
import { JsonLimitError, parsePayload } from './payload-json.ts';
import { HandedRequest, Running, type Work } from './running-call.ts';
import {
  failedOutcome,
  type Service,
  type ServiceBus,
  type ServiceCall,
  ServiceFailure,
  type ServiceOutcome,
  type ServiceRequest,
} from './service-bus.ts';

/**
 * What a payload is called whose JSON has no request_type that is a string, or that is no JSON
 * (reference: Ratatoskr section 6).
 */
export const DEFAULT_REQUEST_TYPE = 'business_request';
const CLOSE_WAIT_MS = 1_000;
const LATE_MAX = 4 * CALLS_MAX;
/** Between two lines of the log about answers that cannot be written or read. */
const TELL_MS = 60_000;

export interface InProcessBusOptions {
  /** By request_type. */
  routes: ReadonlyMap<string, Service>;
  /** Gets every `business_request`; without it that is SERVICE_UNAVAILABLE, as all unknown is. */
  fallback?: Service;
  answers: AnswerStore;
  /** From 1 to TIMER_MS_MAX [30 s]. */
  deadlineMs?: number;
  callsMax?: number;
  callsPerDeviceMax?: number;
  logger: Logger;
  /** Seconds of a clock that nobody sets, of any origin [since the start of the process]. */
  steadyS?: () => number;
}

export class InProcessBus implements ServiceBus {
  readonly #options: InProcessBusOptions;
  readonly #running = new FleetingMap<string, Running>();
  readonly #byDevice = new FleetingMap<string, number>();
  readonly #waiters = new OutcomeWaiters();
  /**
   * Calls without a place that a service which resumes still works on: it would get them again.
   * When there are too many, calls keep their places.
   */
  readonly #late = new Set<string>();
  #closing = false;
  /** Requests that the answers could not take, since that was told last. */
  #untaken = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  /** Throws TypeError for options of another kind, RangeError for numbers beyond their bounds. */
  constructor(options: InProcessBusOptions) {
    checkOptions(options);
    this.#options = options;
  }

  get underWay(): number {
    return this.#running.size;
  }

  deliver(call: ServiceCall, signal?: AbortSignal): Promise<ServiceOutcome> {
    if (!isCall(call)) return Promise.resolve(NO_CALL);
    const digest = digestOf(call);
    const name = nameOf(call);
    const running = this.#running.get(name);
    if (running) {
      const other = sameCall(running.digest, digest);
      return other ? Promise.resolve(other) : this.#waiters.wait(running.outcome, signal);
    }
    if (this.#closing) return Promise.resolve(STOPPING);
    const route = this.#routeOf(call.payload);
    if (!route) return this.#refuse(call, digest, { known: UNKNOWN, unknown: TOO_COMPLEX });
    const { service, type, json } = route;
    if (!service) return this.#refuse(call, digest, refused('no service has this name'));
    const { callsMax = CALLS_MAX, callsPerDeviceMax = CALLS_PER_DEVICE_MAX } = this.#options;
    const ofDevice = this.#byDevice.get(call.deviceId) ?? 0;
    if (this.underWay >= callsMax || ofDevice >= callsPerDeviceMax) {
      return this.#refuse(call, digest, refused('too many requests are under way'));
    }
    const mine = new Running(digest);
    this.#running.set(name, mine);
    this.#byDevice.set(call.deviceId, ofDevice + 1);
    mine.outcome = this.#start(call, { service, type, json }, mine);
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

  /** It does not begin; if it has before, its outcome is told, or what says that it began. */
  async #refuse(call: ServiceCall, digest: Uint8Array, refusal: Refusal): Promise<ServiceOutcome> {
    try {
      const { answers, deadlineMs = SERVICE_DEADLINE_MS } = this.#options;
      const record = await within(deadlineMs, answers.find(call));
      return record ? (settled(record, digest) ?? refusal.known) : refusal.unknown;
    } catch (error) {
      this.#tell(error);
      return CANNOT_TAKE;
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
    const service = routes.get(type) ?? (type === DEFAULT_REQUEST_TYPE ? fallback : undefined);
    const kept = payload.length <= JSON_KEPT_BYTES_MAX;
    const again = kept ? () => json : () => parsePayload(payload);
    return { ...(service ? { service } : {}), type, json: again };
  }

  /**
   * The outcome, at the deadline at the latest, whatever disk and service do. What the service does
   * after it is still written down for whoever asks again; it keeps its place until it has ended,
   * or as long once more.
   */
  #start(call: ServiceCall, work: Work, running: Running): Promise<ServiceOutcome> {
    const { deadlineMs = SERVICE_DEADLINE_MS, logger } = this.#options;
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => {
        const what = running.handed ? 'a service did not answer' : 'a request was not written down';
        logger.warn({ service: work.service.name, deadlineMs }, `${what} in time`);
        timer = setTimeout(() => this.#abandon(call, work.service, running), deadlineMs);
        running.stop(new Error('the deadline has passed'));
        resolve(TOO_LATE);
      }, deadlineMs);
      const ended = async () => {
        try {
          return await this.#execute(call, work, running);
        } finally {
          clearTimeout(timer);
          this.#late.delete(nameOf(call));
          this.#end(call, running);
        }
      };
      ended().then(resolve, reject);
    });
  }

  async #execute(call: ServiceCall, work: Work, running: Running): Promise<ServiceOutcome> {
    const { answers, logger } = this.#options;
    const { service } = work;
    const { steadyS = processSeconds } = this.#options;
    let record: AnswerRecord | undefined;
    try {
      record = await answers.begin(call, running.digest, steadyS());
    } catch (error) {
      if (error instanceof AnswerStoreError && error.deviceFull) return DEVICE_FULL;
      this.#tell(error);
      return CANNOT_TAKE;
    }
    const known = record && (settled(record, running.digest) ?? this.#unknown(call, service));
    if (known || running.isStopped) {
      if (!record) answers.forget(call);
      return known ?? (this.#closing ? STOPPING : TOO_LATE);
    }
    running.handed = true;
    const request = new HandedRequest(call, work, running);
    const outcome = await run(service, request, { running, logger });
    // The next process goes on with it.
    const left = this.#closing && service.resumes && !outcome.ok;
    if (running.again) answers.forget(call);
    else if (!left) await answers.finish(call, outcome, running.digest);
    return outcome;
  }

  /** Of a call that began and has not ended; undefined: its service goes on with it. */
  #unknown(call: ServiceCall, { resumes = false }: Service): ServiceOutcome | undefined {
    return resumes && !this.#late.has(nameOf(call)) ? undefined : UNKNOWN;
  }

  /** Nobody waits for it any more. Its place is another's, though its service may still work. */
  #abandon(call: ServiceCall, { resumes = false }: Service, running: Running): void {
    if (!running.handed || this.#late.size >= LATE_MAX) return;
    if (resumes) this.#late.add(nameOf(call));
    this.#end(call, running);
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

function checkOptions({ routes, fallback, answers, logger, ...more }: InProcessBusOptions): void {
  if (typeof routes?.get !== 'function') {
    throw new TypeError('routes: wanted a Map of services by request_type');
  }
  const services = [...routes.values(), ...(fallback === undefined ? [] : [fallback])];
  if (services.some((service) => typeof service?.handle !== 'function')) {
    throw new TypeError('routes, fallback: wanted services, each with a function handle()');
  }
  if (typeof answers?.begin !== 'function') throw new TypeError('answers: wanted an AnswerStore');
  if (typeof logger?.error !== 'function') throw new TypeError('logger: wanted a Logger');
  const { deadlineMs = 1, callsMax = 1, callsPerDeviceMax = 1 } = more;
  // A timer for longer than it can hold ends at once.
  if (!(deadlineMs >= 1 && deadlineMs <= TIMER_MS_MAX)) {
    throw new RangeError(`deadlineMs: wanted 1 to ${TIMER_MS_MAX}, got ${deadlineMs}`);
  }
  for (const [name, value] of Object.entries({ callsMax, callsPerDeviceMax })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name}: wanted an integer from 1, got ${value}`);
    }
  }
}

/** What has come through the server is one; programs that use the bus alone may be wrong. */
function isCall(call: ServiceCall): boolean {
  const { deviceId, userId, requestId, payload } = call ?? {};
  const ids: unknown[] = [deviceId, userId, requestId];
  return ids.every((id) => typeof id === 'string') && payload instanceof Uint8Array;
}

/** What the service says; sets `running.again` if nothing was done. */
async function run(
  service: Service,
  request: ServiceRequest,
  { running, logger }: { running: Running; logger: Logger },
): Promise<ServiceOutcome> {
  try {
    const payload = await service.handle(request);
    if (payload instanceof Uint8Array && payload.length <= PAYLOAD_BYTES_MAX) {
      return new Delivered(new Uint8Array(payload));
    }
    throw new TypeError(`${service.name}: wanted an answer of at most ${PAYLOAD_BYTES_MAX} bytes`);
  } catch (error) {
    if (error instanceof ServiceFailure) {
      const { code, message, again, cause } = error;
      if (cause) logger.error({ err: cause, service: service.name }, 'a service failed');
      running.again = again;
      return failedOutcome(code, message);
    }
    if (running.isStopped) return TOO_LATE;
    logger.error({ err: error, service: service.name }, 'a service failed');
    return { ok: false, code: 'SERVICE_ERROR', message: '' };
  }
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
