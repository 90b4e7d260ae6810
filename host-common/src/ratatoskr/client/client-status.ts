/** What can be seen of a client from outside. */

import type { QueueView } from './call-queue.ts';
import type { TransportName } from './client-channel.ts';
import type { RatatoskrError } from './client-error.ts';
import type { Session } from './session.ts';

export type ClientState =
  /** Nobody wants a connection. Calls wait. */
  | 'offline'
  /** A transport, or a session on it, is being asked for. */
  | 'connecting'
  | 'online'
  /** The last try has failed; the next one comes by itself. */
  | 'waiting'
  /** The server does not want us, or is not the one that is meant: connect() tries again. */
  | 'failed'
  /** For good. */
  | 'closed';

export interface ClientStatus {
  readonly state: ClientState;
  readonly transport: TransportName | undefined;
  readonly session: Session | undefined;
  /** False: online, but the server does not answer the question whether it lives. */
  readonly answering: boolean;
  /** Since the last heartbeat of this connection; undefined: there was none yet. */
  readonly heartbeatAgoMs: number | undefined;
  /** Of the last answer. */
  readonly roundTripMs: number | undefined;
  /** Tries that have failed in a row, without a session. */
  readonly failures: number;
  /**
   * Five of them, or more: time to tell the user. The client goes on by itself, 15 to 30 s apart,
   * and at once when it is asked (reconnectNow), as if it began anew.
   */
  readonly unreachable: boolean;
  /** Until the next try; in state `waiting` alone. */
  readonly retryInMs: number | undefined;
  /** Why the last connection ended or did not come about. */
  readonly fault: RatatoskrError | undefined;
  readonly queue: QueueView;
}

export type ClientEvent =
  | { readonly kind: 'state'; readonly state: ClientState }
  | { readonly kind: 'transport'; readonly transport: TransportName | undefined }
  /** A session, also one in the place of another; undefined: there is none any more. */
  | { readonly kind: 'session'; readonly session: Session | undefined }
  | { readonly kind: 'answering'; readonly answering: boolean }
  | { readonly kind: 'unreachable'; readonly unreachable: boolean }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'roundTrip'; readonly elapsedMs: number }
  | { readonly kind: 'queue' }
  /** Something that ended neither connection nor call, such as an answer that nobody waits for. */
  | { readonly kind: 'problem'; readonly error: RatatoskrError };
