/** What others are asked for and may never give: it has a limit in time, and can be given up. */
import type { ClientClock } from './client-clock.ts';

/** What `work` gives, or the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

export interface TimeLimit {
  clock: ClientClock;
  timeoutMs: number;
  /** What the work rejects with when its time is over. */
  late: () => Error;
  /** Ends it before; its reason is what the work rejects with then. */
  signal: AbortSignal;
}

/**
 * What `work` gives in its time. Its signal is aborted when that is over or nobody wants it any
 * more; work that does not look at it is not waited for.
 */
export async function withinTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs, late, signal }: TimeLimit,
): Promise<T> {
  const limit = new AbortController();
  const cancel = clock.after(timeoutMs, () => limit.abort(late()));
  try {
    const either = AbortSignal.any([signal, limit.signal]);
    return await unlessAborted(work(either), either);
  } finally {
    cancel();
  }
}
