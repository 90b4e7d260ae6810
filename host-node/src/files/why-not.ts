/** Why a file could not be read or written, for people; who says it names the file. */
export function whyNot(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EISDIR' ? 'it is a folder' : message;
}
