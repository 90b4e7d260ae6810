/** Calls of an endpoint that somebody waits for: bounded, and each comes to one end. */
import { checkBytes, checkMethods, checkObject } from './argument-checks.ts';
import { checkFarEnd } from './far-end.ts';
import type { Call } from './handshakes.ts';
import { TransferError } from './transfer-error.ts';
import { TransferSession } from './transfer-session.ts';

/**
 * Pending connections (reference: transfer, section 5): each has keys, and repeats its messages. A
 * datagram that comes is held against all of them.
 */
export const PENDING_MAX = 1024;
/** Of an AbortSignal, whoever made it. */
const SIGNAL_METHODS = ['throwIfAborted', 'addEventListener', 'removeEventListener'];

export interface ConnectOptions {
  signal?: AbortSignal;
}

/** @throws TypeError, RangeError; the reason of a signal that is aborted already */
export function checkCall(peerId: Uint8Array, farEnd: Uint8Array, options: ConnectOptions): void {
  checkBytes('peerId', peerId);
  checkFarEnd(farEnd);
  checkObject('options', options);
  const { signal } = options;
  if (signal === undefined) return;
  checkMethods('signal', signal, SIGNAL_METHODS);
  signal.throwIfAborted();
}

export class PendingCalls {
  private readonly waiting = new Map<Call, PromiseWithResolvers<TransferSession>>();

  [Symbol.iterator](): Iterator<Call> {
    return [...this.waiting.keys()][Symbol.iterator]();
  }

  /** @throws TransferError: one more has no room */
  checkRoom(): void {
    if (this.waiting.size < PENDING_MAX) return;
    const message = `${PENDING_MAX} calls are pending: one has to end before the next`;
    throw new TransferError('ANDVARI_TOO_MANY_CALLS', message);
  }

  has(call: Call): boolean {
    return this.waiting.has(call);
  }

  /** Its end; `abort` is called if the signal comes first. */
  async add(
    call: Call,
    signal: AbortSignal | undefined,
    abort: (reason: unknown) => void,
  ): Promise<TransferSession> {
    const waiting = Promise.withResolvers<TransferSession>();
    this.waiting.set(call, waiting);
    const aborted = () => abort(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      return await waiting.promise;
    } finally {
      signal?.removeEventListener('abort', aborted);
    }
  }

  /** Ends one: with a session, or with why there is none. */
  settle(call: Call, outcome: unknown): void {
    const waiting = this.waiting.get(call);
    this.waiting.delete(call);
    if (outcome instanceof TransferSession) waiting?.resolve(outcome);
    else waiting?.reject(outcome);
  }
}
