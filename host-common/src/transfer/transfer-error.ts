export type TransferErrorCode =
  /** The session has come to an end; `error` is a CloseError. */
  | 'ANDVARI_SESSION_CLOSED'
  /** GOAWAY was sent or came: no new streams. */
  | 'ANDVARI_SESSION_GOING_AWAY'
  /** No PONG came in time. */
  | 'ANDVARI_PING_TIMEOUT'
  /** As many pings of a session as there may be wait: ask again when one has ended. */
  | 'ANDVARI_TOO_MANY_PINGS'
  /** As many calls as there may be wait to open a stream of a session: likewise. */
  | 'ANDVARI_TOO_MANY_OPENS'
  /** The peer gave up sending; `error` is a StreamResetError. */
  | 'ANDVARI_STREAM_RESET'
  /** The peer wants no more of what we send; `error` is a StreamCloseError. */
  | 'ANDVARI_STREAM_STOPPED'
  /** More was written than an expedited stream holds. */
  | 'ANDVARI_STREAM_FULL'
  /** The stream takes no such call any more. */
  | 'ANDVARI_STREAM_STATE'
  /** The engine has no room for another session. */
  | 'ANDVARI_TRANSFER_FULL'
  /** As many calls of ours as there may be have not ended: ask again when one has. */
  | 'ANDVARI_TOO_MANY_CALLS'
  | 'ANDVARI_ENDPOINT_CLOSED';

export class TransferError extends Error {
  override readonly name = 'TransferError';
  readonly code: TransferErrorCode;
  /** A number of the protocol, of the list that the code names. */
  readonly error: number;

  constructor(code: TransferErrorCode, message: string, error = 0) {
    super(message);
    this.code = code;
    this.error = error;
  }
}
