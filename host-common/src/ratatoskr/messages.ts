/** The messages of Ratatoskr as values. Reference: Ratatoskr section 1. */

export { MessageType } from '../engine/generated/ratatoskr.ts';

/** What a client sends. */
export interface RatatoskrRequest {
  /** A MessageType. */
  messageType: number;
  requestId: string;
  deviceId: string;
  userId: string;
  /** Seconds since the epoch, int64. */
  timestamp: bigint;
  /** 8 to 64 bytes; our clients send 16. */
  nonce: Uint8Array;
  /** Ed25519 over the digest of the signing input, 64 bytes: R | S. */
  signature: Uint8Array;
  /** At most 1 MiB. */
  payload: Uint8Array;
  /** At most 32 entries. Not signed: nothing may be decided by it. */
  metadata: ReadonlyMap<string, string>;
}

/** What a server sends. */
export interface RatatoskrResponse {
  /** A MessageType. */
  messageType: number;
  /** That of the request which is answered. */
  requestId: string;
  /** Seconds since the epoch, int64. */
  timestamp: bigint;
  success: boolean;
  errorCode: string;
  errorMessage: string;
  payload: Uint8Array;
  /** Carries the response's signature (signing.ts); nothing else of it is covered. */
  metadata: ReadonlyMap<string, string>;
}

/** Payload of a CONNECTION_REQUEST. */
export interface ConnectionRequestPayload {
  /** Opaque, for the authenticator: at most 256 bytes. */
  deviceIdentity: string;
  /** Opaque, for the authenticator, and secret: at most 4096 bytes. */
  authenticationToken: string;
  /** At most 32 bytes. */
  version: string;
}

/** Payload of a CONNECTION_RESPONSE. */
export interface ConnectionResponsePayload {
  accepted: boolean;
  sessionId: string;
  /** Seconds since the epoch, int64. */
  expiresAt: bigint;
  serverVersion: string;
}

/**
 * Begins the error_message of a refusal by which nothing was executed, where its code leaves that
 * open (SERVICE_UNAVAILABLE). In the message and not in the metadata, as that is not signed.
 */
export const NOT_EXECUTED = 'not executed: ';
