/** ChaCha20-Poly1305 and BLAKE3 of the native addon, as the engine takes them. */
import { NATIVE_CHACHA_BYTES_MIN } from '@andvari/host-common/engine/generated/limits';
import {
  type NativeTransfer,
  NO_NATIVE_TRANSFER,
} from '@andvari/host-common/engine/native-transfer';
import type { TransferCryptAddon } from '@andvari/native-io/transfer-crypt';

/** Undefined without an addon, and where it has neither. */
export function nativeTransferOf(
  addon: TransferCryptAddon | { missing: string },
): NativeTransfer | undefined {
  if ('missing' in addon) return undefined;
  const { hasChacha, blake3Implementations } = addon;
  const hasBlake3 = blake3Implementations.length > 0;
  if (!hasChacha && !hasBlake3) return undefined;
  const none = NO_NATIVE_TRANSFER;
  return {
    over(memory) {
      return {
        ...none.over(memory),
        ...(hasChacha && {
          chachaSeal: addon.chachaSeal(memory),
          chachaOpen: addon.chachaOpen(memory),
        }),
        ...(hasBlake3 && { blake3Chunks: addon.blake3Chunks(memory) }),
      };
    },
    chachaLeast: hasChacha ? NATIVE_CHACHA_BYTES_MIN : none.chachaLeast,
    hasBlake3,
  };
}
