/**
 * The key schedule of profile R1 by @noble alone (reference: transfer sections 4.1, 4.2, 4.5): what
 * the engine's is held against.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake3 } from '@noble/hashes/blake3.js';

const ascii = (text: string) => new TextEncoder().encode(text);

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** `salt`: "protocol-v1" for a handshake's 96 bytes, "ratchet" for a rekey's. */
export function extract(salt: string, material: Uint8Array): Uint8Array {
  return blake3(material, { key: blake3(ascii(salt)) });
}

export function expand(prk: Uint8Array, label: string, length: number): Uint8Array {
  return blake3(ascii(label), { key: prk, dkLen: length });
}

export interface DirectionKeys {
  /** ck_0 to ck_count. */
  chains: Uint8Array[];
  /** mk_0 to mk_(count - 1). */
  keys: Uint8Array[];
}

/** Keys of a direction from its first chain key on. */
export function directionKeys(chain: Uint8Array, count: number): DirectionKeys {
  const chains = [chain];
  const keys: Uint8Array[] = [];
  for (let n = 0; n < count; n++) {
    const last = chains[n] ?? chain;
    keys.push(blake3(joinBytes(last, Uint8Array.of(2))));
    chains.push(blake3(joinBytes(last, Uint8Array.of(1))));
  }
  return { chains, keys };
}

/** What opens a direction of an epoch, by numbers. */
export interface Way {
  cid: Uint8Array;
  salt: Uint8Array;
  keys: readonly (Uint8Array | undefined)[];
}

/**
 * The frame in a packet without header protection, under the first CID of its epoch.
 * @throws Error: it is another direction's or epoch's
 */
export function openR1(packet: Uint8Array, { cid, salt, keys }: Way): Uint8Array {
  const counter = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
  const n = (counter(packet) ^ counter(cid)) >>> 0;
  const key = keys[n];
  if (!key) throw new Error(`no key of number ${n}`);
  const nonce = new Uint8Array(24);
  nonce.set(salt, 16);
  new DataView(nonce.buffer).setUint32(20, n);
  return xchacha20poly1305(key, nonce, packet.subarray(0, 8)).decrypt(packet.subarray(8));
}
