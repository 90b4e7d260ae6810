/** Why this browser cannot keep a file. */
export class PlaceError extends Error {
  override readonly name = 'PlaceError';
  readonly code: 'ANDVARI_PLACE_FULL' | 'ANDVARI_PLACE_IN_USE' | 'ANDVARI_PLACE';

  constructor(code: PlaceError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What the browser's storage throws, by its name; an error that has a code stays. */
export function placeError(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error;
  const { name = '' } = error as { name?: string };
  if (name === 'QuotaExceededError') {
    return new PlaceError('ANDVARI_PLACE_FULL', 'this browser has no room left', error);
  }
  if (name === 'NoModificationAllowedError') {
    return new PlaceError('ANDVARI_PLACE_IN_USE', 'this file is being received already', error);
  }
  return new PlaceError('ANDVARI_PLACE', `this browser cannot keep the file (${name})`, error);
}
