/** AES-CTR of the native addon, as the engine takes it. */
import { NATIVE_CTR_BYTES_MIN } from '@andvari/host-common/engine/generated/limits';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import type { CryptAddon } from '@andvari/native-io/crypt';

/** Undefined without an addon, and without AES instructions. */
export function nativeCtrOf(addon: CryptAddon | { missing: string }): NativeCtr | undefined {
  if ('missing' in addon || addon.cryptImplementations.length === 0) return undefined;
  return { over: (memory) => addon.cryptCtr(memory), least: NATIVE_CTR_BYTES_MIN };
}
