import type { FileView } from '../worker/views.ts';

/** The browser has long taken the bytes by then; a click gives no sign when it has. */
const REVOKE_AFTER_MS = 60_000;

/** Hand `file` to the browser's download list. */
export function saveFile({ name, bytes }: FileView): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
}
