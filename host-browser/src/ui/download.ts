import type { FileView } from '../worker/views.ts';

/** The browser has long taken the bytes by then; a click gives no sign when it has. */
const REVOKE_AFTER_MS = 60_000;
/** A large file is copied from this browser's storage: the address has to last as long. */
const REVOKE_LARGE_AFTER_MS = 3_600_000;

/** Hand `file` to the browser's download list. */
export function saveFile({ name, bytes }: FileView): void {
  save(name, new Blob([bytes], { type: 'application/octet-stream' }), REVOKE_AFTER_MS);
}

/** The same of bytes that lie on the disk. */
export function saveBlob(name: string, blob: Blob): void {
  // By its own type the browser might show it.
  const plain = blob.slice(0, blob.size, 'application/octet-stream');
  save(name, plain, REVOKE_LARGE_AFTER_MS);
}

function save(name: string, blob: Blob, revokeAfterMs: number): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), revokeAfterMs);
}
