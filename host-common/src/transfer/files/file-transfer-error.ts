/** Why a file did not come to its receiver. */
import { FailureCode, type FileRecord, RejectCode } from './file-records.ts';

export type FileTransferErrorCode =
  /** The receiver does not want it. */
  | 'ANDVARI_TRANSFER_REFUSED'
  /** The receiver has no place for it. */
  | 'ANDVARI_TRANSFER_NO_PLACE'
  /** What came is not what was offered. */
  | 'ANDVARI_TRANSFER_INTEGRITY'
  /** One side gave it up. */
  | 'ANDVARI_TRANSFER_CANCELLED'
  /** The sender's file has changed since it was offered. */
  | 'ANDVARI_FILE_CHANGED'
  /** The sender cannot read its file. */
  | 'ANDVARI_TRANSFER_UNREADABLE'
  /** The peer said nonsense. */
  | 'ANDVARI_TRANSFER_PROTOCOL'
  /** All who had it are gone before it was whole; what came is kept. */
  | 'ANDVARI_TRANSFER_CUT';

export class FileTransferError extends Error {
  override readonly name = 'FileTransferError';
  readonly code: FileTransferErrorCode;

  constructor(code: FileTransferErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** What a REJECT of the receiver says. */
export function rejection(code: number): FileTransferError {
  switch (code) {
    case RejectCode.REFUSED:
      return new FileTransferError('ANDVARI_TRANSFER_REFUSED', 'the receiver does not want it');
    case RejectCode.NO_PLACE:
      return new FileTransferError('ANDVARI_TRANSFER_NO_PLACE', 'the receiver has no place for it');
    case RejectCode.INTEGRITY: {
      const message = 'the receiver says that what came is not what was offered';
      return new FileTransferError('ANDVARI_TRANSFER_INTEGRITY', message);
    }
    case RejectCode.CANCELLED:
      return new FileTransferError('ANDVARI_TRANSFER_CANCELLED', 'the receiver has cancelled it');
    case RejectCode.ENOUGH: {
      const message = 'the receiver has read what it wanted of it';
      return new FileTransferError('ANDVARI_TRANSFER_CANCELLED', message);
    }
    default: {
      const message = `the receiver has ended it (code ${code})`;
      return new FileTransferError('ANDVARI_TRANSFER_PROTOCOL', message);
    }
  }
}

/** What a FAILED of a sender says. */
export function failure(code: number): FileTransferError {
  switch (code) {
    case FailureCode.CHANGED: {
      const message = 'the file has changed at its sender while it was sent';
      return new FileTransferError('ANDVARI_FILE_CHANGED', message);
    }
    case FailureCode.UNREADABLE: {
      const message = 'the sender cannot read its file';
      return new FileTransferError('ANDVARI_TRANSFER_UNREADABLE', message);
    }
    case FailureCode.CANCELLED:
      return new FileTransferError('ANDVARI_TRANSFER_CANCELLED', 'the sender has cancelled it');
    default: {
      const message = `the sender has ended it (code ${code})`;
      return new FileTransferError('ANDVARI_TRANSFER_PROTOCOL', message);
    }
  }
}

/** A sender has finished before its time. */
export function endedEarly(): FileTransferError {
  return new FileTransferError('ANDVARI_TRANSFER_CUT', 'the sender ended before all had come');
}

/** A sender says what it was not asked for. */
export function nonsense({ type }: Pick<FileRecord, 'type'>): FileTransferError {
  const message = `the sender said what nobody had asked for (type 0x${type.toString(16)})`;
  return new FileTransferError('ANDVARI_TRANSFER_PROTOCOL', message);
}

/** What shows that somebody has sent what is not the file: it can be no accident. */
export function isLie(error: unknown): boolean {
  return error instanceof FileTransferError && error.code === 'ANDVARI_TRANSFER_INTEGRITY';
}

/**
 * All have gone: of a single one its own error; of several one that names them all, an integrity
 * error if each has lied, else one that says that another try may go better.
 * @param lost one at the least
 */
export function noSourceLeft(lost: readonly { name: string; error: unknown }[]): unknown {
  const errors = lost.map(({ error }) => error);
  if (lost.length === 1) return errors[0];
  const each = lost.map(({ name, error }) => `${name}: ${(error as Error).message}`);
  const code = errors.every(isLie) ? 'ANDVARI_TRANSFER_INTEGRITY' : 'ANDVARI_TRANSFER_CUT';
  const message = `none of ${lost.length} sources is left: ${each.join('; ')}`;
  return new FileTransferError(code, message, new AggregateError(errors));
}
