/** What goes wrong on one connection. */
import { RatatoskrError } from './client-error.ts';
import { CONNECT_TIMEOUT_MS } from './limits.ts';

/** The application has a limit in time for it. */
export function noToken(): RatatoskrError {
  const problem = `authenticationToken: it gave none within ${CONNECT_TIMEOUT_MS} ms`;
  return new RatatoskrError('ANDVARI_TIMEOUT', problem);
}

/** The server, or the way to it, has a limit in time for the answer to a connection request. */
export function noSession(waitMs: number): RatatoskrError {
  const problem = `no answer to a connection request within ${waitMs} ms`;
  return new RatatoskrError('ANDVARI_UNREACHABLE', problem, { outcome: 'unknown' });
}

/** Told as a problem, and no more than that. */
export function forNobody(): RatatoskrError {
  return new RatatoskrError('ANDVARI_BAD_REPLY', 'an answer that nobody waits for');
}

/** For all that was under way. */
export function cut(outcome: 'not-executed' | 'unknown', cause?: unknown): RatatoskrError {
  return new RatatoskrError('ANDVARI_CLOSED', 'the connection was cut', { outcome, cause });
}
