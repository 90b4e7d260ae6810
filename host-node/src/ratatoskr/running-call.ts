/** A call from its beginning to its end, and what its service sees of it. */
import type { Service, ServiceCall, ServiceOutcome, ServiceRequest } from './service-bus.ts';

/** Until the call has begun, in the same turn. */
const NEVER = new Promise<ServiceOutcome>(() => {});

/** A call that a service works on, or that waits to be written down. */
export class Running {
  readonly digest: Uint8Array;
  outcome: Promise<ServiceOutcome> = NEVER;
  /** It is written down, and with its service. */
  handed = false;
  /** Its service did nothing: it is as if it had not begun. */
  again = false;
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

/**
 * A call as its service sees it: what costs something is made when it is looked at, by properties
 * of its own, so that a copy of it has them too. They are the same two for all: an accessor that is
 * written in an object literal makes a hidden class for each object, in V8's old space, and that
 * holds on to all that the accessor can see until the old space is collected.
 */
export class HandedRequest implements ServiceRequest {
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

/** Who works on a call. */
export interface Work {
  service: Service;
  type: string;
  json: () => unknown;
}
