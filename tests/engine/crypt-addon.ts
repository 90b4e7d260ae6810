/** The AES part of the native addon, for tests and benches that can also do without. */
import { loadNative } from '@andvari/native-io';
import type { CryptAddon } from '@andvari/native-io/crypt';

/** Undefined when there is no addon here. */
export function cryptAddon(): CryptAddon | undefined {
  const native = loadNative();
  return 'missing' in native ? undefined : native;
}
