/** The connection is over. */
export class QuicClosedError extends Error {
  readonly code = 'ANDVARI_QUIC_CLOSED';
  readonly by: 'peer' | 'us' | 'time-out';
  /** Whether the number is HTTP/3's or QUIC's (RFC 9000 section 20). */
  readonly application: boolean;
  readonly errorCode: number;

  constructor(by: 'peer' | 'us' | 'time-out', application: boolean, errorCode: number) {
    super(`the connection was closed by ${by} with code 0x${errorCode.toString(16)}`);
    this.name = 'QuicClosedError';
    this.by = by;
    this.application = application;
    this.errorCode = errorCode;
  }
}
