export type RelayErrorCode =
  /** No connection, or one that was lost. */
  | 'ANDVARI_RELAY_UNREACHABLE'
  /** It does not take our subscription. */
  | 'ANDVARI_RELAY_REFUSED'
  /** Another connection has our key now. */
  | 'ANDVARI_RELAY_REPLACED'
  /** What it says is no relay's. */
  | 'ANDVARI_RELAY_PROTOCOL'
  /** We have left. */
  | 'ANDVARI_RELAY_CLOSED';

/** There is no relay for us, for now or for good. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: RelayErrorCode;

  constructor(code: RelayErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
