import {
  type MessageEnd,
  type Method,
  type Params,
  type Progress,
  type Result,
  type ToPage,
  type ToWorker,
  WorkerFailure,
} from './messages.ts';

/** A page has a handful of requests under way; more is a loop gone wrong. */
export const REQUESTS_MAX = 64;

export interface CallOptions<M extends Method> {
  onProgress?: (progress: Progress<M>) => void;
  /** Aborting asks the worker to stop; the call then still settles with the worker's answer. */
  signal?: AbortSignal;
  transfer?: Transferable[];
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: WorkerFailure): void;
  onProgress: ((progress: unknown) => void) | undefined;
  /** Takes the cancel listener off the caller's signal. */
  forget(): void;
}

/** The page's end of the protocol: requests out, progress and one answer each back. */
export class MessageClient {
  readonly #end: MessageEnd;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #failure: WorkerFailure | undefined;

  constructor(end: MessageEnd) {
    this.#end = end;
    end.addEventListener('message', (event) => this.#receive(event.data as ToPage));
  }

  /** Ask for `method`. Rejects with WorkerFailure, also when the worker ends or is overrun. */
  call<M extends Method>(
    method: M,
    params: Params<M>,
    options: CallOptions<M> = {},
  ): Promise<Result<M>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting.size >= REQUESTS_MAX) {
      const message = 'Too much is under way at once; wait for it to finish.';
      return Promise.reject(new WorkerFailure('ANDVARI_BUSY', message));
    }
    const id = this.#nextId++;
    const { signal, transfer = [] } = options;
    const cancel = () => this.#send({ kind: 'cancel', id });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, {
      resolve,
      reject,
      onProgress: options.onProgress as ((progress: unknown) => void) | undefined,
      forget: () => signal?.removeEventListener('abort', cancel),
    });
    this.#send({ kind: 'request', id, method, params }, transfer);
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel);
    return promise as Promise<Result<M>>;
  }

  /** The worker is gone: every call under way and every later one fails with `failure`. */
  fail(failure: WorkerFailure): void {
    this.#failure = failure;
    for (const waiting of this.#waiting.values()) {
      waiting.forget();
      waiting.reject(failure);
    }
    this.#waiting.clear();
  }

  #send(message: ToWorker, transfer: Transferable[] = []): void {
    this.#end.postMessage(message, transfer);
  }

  #receive(message: ToPage): void {
    if (message.kind === 'ready') return;
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    if (message.kind === 'progress') {
      waiting.onProgress?.(message.progress);
      return;
    }
    this.#waiting.delete(message.id);
    waiting.forget();
    if (message.kind === 'result') waiting.resolve(message.value);
    else waiting.reject(new WorkerFailure(message.code, message.message));
  }
}
