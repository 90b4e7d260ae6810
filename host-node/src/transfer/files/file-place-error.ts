/** What the system says of a file that is sent or comes, in words for people. */

const WHY: Readonly<Record<string, string>> = {
  EACCES: 'it is not permitted',
  EBADF: 'it has been closed',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'the file system takes no file so large',
  EIO: 'the disk reports an error',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'too many files are open',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a file stands where a folder should be',
  EPERM: 'it is not permitted',
  EROFS: 'the file system can only be read',
};

export type Doing = 'read' | 'write';

/** A file cannot be read or written; `cause` is what the system said. What is there stays. */
export class FilePlaceError extends Error {
  override readonly name = 'FilePlaceError';
  readonly code: 'ANDVARI_FILE_PLACE' | 'ANDVARI_FILE_UNREADABLE';
  readonly path: string;

  constructor(doing: Doing, path: string, cause: unknown) {
    const { message } = cause as Error;
    const code = codeOf(cause);
    super(`cannot ${doing} ${path}: ${WHY[code ?? ''] ?? code ?? message}`, { cause });
    this.code = doing === 'read' ? 'ANDVARI_FILE_UNREADABLE' : 'ANDVARI_FILE_PLACE';
    this.path = path;
  }
}

/**
 * What `work` resolves with.
 * @throws FilePlaceError for what the system says; other errors as they are
 */
export async function atPlace<T>(doing: Doing, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new FilePlaceError(doing, path, error);
  }
}

/** The system's code, such as ENOENT; undefined: it is no error of the system. */
export function codeOf(error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof syscall === 'string' ? code : undefined;
}
