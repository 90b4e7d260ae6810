/**
 * The component in a program of your own; in a browser the same lines work, nothing is fetched:
 *
 *   npm run example:component
 */
import { cipher, hash } from '@andvari/host-common/component';

const none = new Uint8Array(0);
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What a changed message is refused with. */
export function refusalOf(message: Uint8Array): string | undefined {
  const key = hash.blake3Derive(bytesOf('andvari example'), message, 32);
  const sealed = cipher.seal(key, new Uint8Array(12), none, message);
  sealed[0] = (sealed[0] ?? 0) ^ 1;
  try {
    cipher.open(key, new Uint8Array(12), none, sealed);
    return undefined;
  } catch (error) {
    // The fault that the WIT names is the payload of the error.
    return (error as { payload?: string }).payload;
  }
}

if (import.meta.main) {
  const message = bytesOf('the same bytes everywhere');
  console.log(`CRC-32 ${hash.crc32(message).toString(16)}`);
  console.log(`one bit changed: ${refusalOf(message)}`);
}
