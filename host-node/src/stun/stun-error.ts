export type StunErrorCode =
  /** No answer came in time. */
  | 'ANDVARI_STUN_TIMEOUT'
  /** The server refused; `errorCode` is its own. */
  | 'ANDVARI_STUN_REFUSED'
  /** Only answers came that do not have the protection of the credential. */
  | 'ANDVARI_STUN_INTEGRITY'
  /** The server answered without an address. */
  | 'ANDVARI_STUN_ANSWER'
  /** As many requests as there may be wait: ask again when one has ended. */
  | 'ANDVARI_STUN_TOO_MANY'
  | 'ANDVARI_STUN_CLOSED';

export class StunError extends Error {
  override readonly name = 'StunError';
  readonly code: StunErrorCode;
  /** Of a refusal: 300 to 699 (RFC 8489 section 14.8). */
  readonly errorCode: number | undefined;

  constructor(code: StunErrorCode, message: string, errorCode?: number) {
    super(message);
    this.code = code;
    this.errorCode = errorCode;
  }
}
