/** Byte strings of the handshake: joined, compared, named. */

const encoder = new TextEncoder();

/** The bytes of all parts, one behind the other; texts as UTF-8 (labels are ASCII). */
export function joined(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const bytes = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part));
  const all = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Equal? The time depends on the lengths alone. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** A negative number if `a` comes first as a byte string of the same length; 0 if equal. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** A key for a Map: one character a byte. */
export function nameOf(bytes: Uint8Array): string {
  // Twice for each packet while handshakes are remembered: spread takes four times as long.
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
}

export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/** Where the random bytes come from: `count` new ones at each call. */
export type RandomBytes = (count: number) => Uint8Array;

export const hostRandom: RandomBytes = (count) => crypto.getRandomValues(new Uint8Array(count));

/** A text as UTF-8, cut behind the last character that ends within `bytesMax` bytes. */
export function utf8Within(text: string, bytesMax: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(bytesMax);
  const { written } = encoder.encodeInto(text, bytes);
  return bytes.subarray(0, written);
}
