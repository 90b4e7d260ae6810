/** How requests reach a server. Implementations: WebSocket (here), UDP and TCP (host-node). */

export type TransportErrorCode = 'ANDVARI_TIMEOUT' | 'ANDVARI_UNREACHABLE' | 'ANDVARI_CLOSED';

/**
 * No reply came. Whatever the code: the server may or may not have executed the request, and may
 * still do so later.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: TransportErrorCode;
  readonly raidaId: number;

  constructor(code: TransportErrorCode, raidaId: number, message: string, options?: ErrorOptions) {
    super(`RAIDA ${raidaId}: ${message}`, options);
    this.code = code;
    this.raidaId = raidaId;
  }
}

export interface ExchangeOptions {
  /** From the call to the whole reply, with the wait for its turn and for the connection. */
  timeoutMs: number;
  /** Gives up at once with ANDVARI_CLOSED; the server may still execute the request. */
  signal?: AbortSignal;
}

export interface RaidaTransport {
  /**
   * One request, one reply. `request` is the sealed message and is not kept; the reply is the
   * caller's own copy. Rejects with TransportError.
   */
  exchange(raidaId: number, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array>;
  /** Ends every connection; exchanges under way reject with ANDVARI_CLOSED. */
  close(): Promise<void>;
}
