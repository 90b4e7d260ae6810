/**
 * What two people read to each other to know that nobody sits between them: 80 bits of the
 * handshake hash, as 16 letters and digits. A shorter one could be ground by varying message 3
 * (transfer, section 15: at least 64 bits).
 */

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const HASH_BYTES = 10;

/** `h`: the final handshake hash. Base32 of its first 10 bytes (RFC 4648, lower case), 4 by 4. */
export function authenticationString(h: Uint8Array): string {
  let bits = 0n;
  for (const byte of h.subarray(0, HASH_BYTES)) bits = (bits << 8n) | BigInt(byte);
  const groups: string[] = [];
  for (let shift = 60n; shift >= 0n; shift -= 20n) {
    let group = '';
    for (let part = 15n; part >= 0n; part -= 5n) {
      group += ALPHABET[Number((bits >> (shift + part)) & 31n)];
    }
    groups.push(group);
  }
  return groups.join('-');
}
