/** Why a file that comes cannot be kept, for its user. */

/** Another process, or another transfer of this one, writes to the same file. */
export class TransferInUseError extends Error {
  override readonly name = 'TransferInUseError';
  readonly code = 'ANDVARI_TRANSFER_IN_USE';
  readonly path: string;

  constructor(path: string, cause?: unknown) {
    super(`${path} is being received already`, { cause });
    this.path = path;
  }
}

/** What is there has the name, and is a part of a file of another hash or size. */
export class PartOfAnotherFileError extends Error {
  override readonly name = 'PartOfAnotherFileError';
  readonly code = 'ANDVARI_PART_OF_ANOTHER_FILE';
  readonly path: string;

  constructor(path: string) {
    super(`${path} is a part of another file of that name: it can be removed if nobody wants it`);
    this.path = path;
  }
}

/** Something that no transfer has made stands where a part should be; it is left as it is. */
export class PartInTheWayError extends Error {
  override readonly name = 'PartInTheWayError';
  readonly code = 'ANDVARI_PART_IN_THE_WAY';
  readonly path: string;

  constructor(path: string, what: string) {
    super(`${path} ${what}: nothing is written to it`);
    this.path = path;
  }
}

/** The file was to get its name before all of it was there. */
export class FileIncompleteError extends Error {
  override readonly name = 'FileIncompleteError';
  readonly code = 'ANDVARI_FILE_INCOMPLETE';

  constructor(path: string, missing: number) {
    super(`${path}: ${missing} chunks have not come yet`);
  }
}

/** The name, and those with a number behind it, are all taken. */
export class NoNameLeftError extends Error {
  override readonly name = 'NoNameLeftError';
  readonly code = 'ANDVARI_NO_NAME_LEFT';
  readonly path: string;

  constructor(path: string) {
    super(`${path} exists already, and so do those with a number behind it`);
    this.path = path;
  }
}
