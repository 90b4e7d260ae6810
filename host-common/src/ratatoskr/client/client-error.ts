/** What can go wrong with a call or a connection; every error has a stable `code`. */

/** Whether the server has executed the call: only after the first may it be made anew. */
export type CallOutcome = 'not-executed' | 'unknown';

export type RatatoskrErrorCode =
  /** No answer within the time of the call, or no token within that of a try to connect. */
  | 'ANDVARI_TIMEOUT'
  /** The server cannot be reached. */
  | 'ANDVARI_UNREACHABLE'
  /** The connection was cut, or the client closed. */
  | 'ANDVARI_CLOSED'
  /** The server answered with an error; `serverCode` says which. */
  | 'ANDVARI_REFUSED'
  /** An answer that the server's key has not signed for this request. */
  | 'ANDVARI_UNTRUSTED'
  /** An answer that is none. */
  | 'ANDVARI_BAD_REPLY'
  /** Too many calls, or bytes of calls, have not ended. */
  | 'ANDVARI_QUEUE_FULL'
  /** Cannot be put on the wire. */
  | 'ANDVARI_BAD_REQUEST';

export interface RatatoskrErrorOptions extends ErrorOptions {
  outcome?: CallOutcome;
}

export class RatatoskrError extends Error {
  override readonly name: string = 'RatatoskrError';
  readonly code: RatatoskrErrorCode;
  readonly outcome: CallOutcome;

  constructor(code: RatatoskrErrorCode, message: string, options: RatatoskrErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.outcome = options.outcome ?? 'not-executed';
  }
}

/** The server answered, and said no. */
export class RefusedByServerError extends RatatoskrError {
  override readonly name = 'RefusedByServerError';
  /** As in section 7 of the reference, such as SERVICE_UNAVAILABLE. */
  readonly serverCode: string;
  /** SerializationError, ValidationError, ConnectionError or SecurityError; '' elsewhere. */
  readonly serverClass: string;
  /** The server's clock then: unix seconds. */
  readonly serverS: bigint;

  constructor(
    { errorCode, errorMessage, metadata, timestamp }: ServerRefusal,
    outcome: CallOutcome = 'not-executed',
  ) {
    super('ANDVARI_REFUSED', `${shown(errorCode)}: ${shown(errorMessage)}`, { outcome });
    this.serverCode = errorCode;
    this.serverClass = metadata.get('class') ?? '';
    this.serverS = timestamp;
  }
}

interface ServerRefusal {
  errorCode: string;
  errorMessage: string;
  metadata: ReadonlyMap<string, string>;
  timestamp: bigint;
}

/** A server's words may reach a terminal: no control characters, nor any that turn the text. */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

export function asRatatoskrError(error: unknown): RatatoskrError {
  if (error instanceof RatatoskrError) return error;
  const problem = error instanceof Error ? error.message : String(error);
  return new RatatoskrError('ANDVARI_UNREACHABLE', problem, { cause: error });
}
