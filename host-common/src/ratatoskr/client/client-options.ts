/** What a client is made of. */

import type { RatatoskrCodec } from '../codec.ts';
import type { Ed25519Signer, Ed25519Verifier } from '../signing.ts';
import type { QueueLimits } from './call-queue.ts';
import type { ClientTransport } from './client-channel.ts';
import type { ClientClock } from './client-clock.ts';

export interface RatatoskrClientOptions {
  /** The preferred one first: WebTransport, then WebSocket. */
  transports: readonly ClientTransport[];
  /** The device's key. */
  signer: Ed25519Signer;
  /** As registered with the server: 1 to 256 bytes, no control characters. */
  deviceId: string;
  userId: string;
  /** The server's public key, 32 bytes; without it only TLS tells who answers. */
  serverKey?: Uint8Array | undefined;
  /** Whether an answer must be signed by the server [true when its key is given]. */
  requireSignedResponses?: boolean | undefined;
  /** Also sign by section 9, rule 4: for servers that ask for it [false]. */
  signV2?: boolean;
  /** For the server's authenticator, as the token: at most 256 bytes ['']. */
  deviceIdentity?: string;
  /**
   * Asked for each connection request: at most 4096 bytes ['']. It has 5 s, then that try has
   * failed with ANDVARI_TIMEOUT; `signal` is aborted then, and when the client is closed.
   */
  authenticationToken?: (signal: AbortSignal) => Promise<string>;
  /**
   * Connect again when the connection has ended [true]. False: one try, in which a transport that
   * connects but carries nothing is followed by the next.
   */
  reconnect?: boolean;
  /**
   * Time for a transport to connect, and again for an answer to a connection request, while there
   * is another one to try: more than 0, at most 10,000 [10,000; to connect has 5 s anyway].
   */
  fallbackAfterMs?: number;
  /** Of the queue. */
  limits?: Partial<QueueLimits>;
}

/** What a program may leave out and a test brings. */
export interface ClientParts {
  codec: RatatoskrCodec;
  verifier: Ed25519Verifier;
  clock?: ClientClock;
  /** From 0 to below 1, for the waits between tries. */
  random?: () => number;
  randomBytes?: (count: number) => Uint8Array;
  /** A UUID. */
  newId?: () => string;
}

export interface CallOptions {
  /** From the call to its answer, with the wait in the queue [30 s]. */
  timeoutMs?: number;
  /** Gives up at once, with its reason; the server may still execute the call. */
  signal?: AbortSignal;
  /** A UUID. To ask again about a call whose outcome is unknown: the one it had [a new one]. */
  requestId?: string;
  /** At most 32 entries, keys of 64 bytes and values of 1024; copied. Not signed [none]. */
  metadata?: ReadonlyMap<string, string>;
}
