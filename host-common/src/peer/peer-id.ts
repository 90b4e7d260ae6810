/** Peer ids of Ed25519 keys: 38 bytes, and as text base58 (12D3KooW...). */

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const START = [0, 0x24, 8, 1, 0x12, 0x20];
const ID_BYTES = 38;
/** No text of 38 bytes is longer, and all begin with their one zero byte. */
const TEXT = /^1[1-9A-HJ-NP-Za-km-z]{50,52}$/;

/** The id of an Ed25519 public key (32 bytes). */
export function peerIdOfKey(publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== 32) throw new RangeError('peer id: wanted a key of 32 bytes');
  return Uint8Array.from([...START, ...publicKey]);
}

export function peerIdText(id: Uint8Array): string {
  // Digits of base 58, the last first. No BigInt: a list of bans has thousands of ids.
  const digits: number[] = [];
  for (const byte of id) {
    let carry = byte;
    for (let i = 0; i < digits.length; i++) {
      carry += (digits[i] ?? 0) << 8;
      digits[i] = carry % 58;
      carry = (carry / 58) | 0;
    }
    for (; carry > 0; carry = (carry / 58) | 0) digits.push(carry % 58);
  }
  const zeros = id.findIndex((byte) => byte !== 0);
  const text = digits.reverse().map((digit) => ALPHABET[digit]);
  return '1'.repeat(zeros < 0 ? id.length : zeros) + text.join('');
}

/** Throws RangeError for a text that is no id of an Ed25519 key. */
export function peerIdBytes(text: string): Uint8Array {
  const id = new Uint8Array(ID_BYTES);
  if (TEXT.test(text)) {
    let number = 0n;
    for (const letter of text) number = number * 58n + BigInt(ALPHABET.indexOf(letter));
    for (let i = ID_BYTES - 1; i >= 0; i--, number >>= 8n) id[i] = Number(number & 255n);
  }
  const isId = START.every((byte, i) => id[i] === byte);
  if (!isId || peerIdText(id) !== text) throw new RangeError(`no peer id of Ed25519: ${text}`);
  return id;
}
