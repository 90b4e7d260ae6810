/**
 * What the secret of a group gives: the keys under which its members announce things in the DHT,
 * and the key that seals announcements. Without the secret a key of the DHT says nothing of the
 * file or the peer that it is for. Reference: transfer section 8; docs/decisions.md.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { checkBytes } from '../transfer/argument-checks.ts';
import { joined } from '../transfer/byte-strings.ts';

export const GROUP_SECRET_BYTES = 32;
/** Of a key of the DHT. */
export const DHT_KEY_BYTES = 20;

export class GroupKeys {
  readonly #secret: Uint8Array;
  readonly #sealKey: Uint8Array;

  /** Copies the secret, 32 random bytes. @throws TypeError, RangeError */
  constructor(secret: Uint8Array) {
    checkBytes('secret', secret, GROUP_SECRET_BYTES);
    this.#secret = Uint8Array.from(secret);
    this.#sealKey = blake3(joined('dht-announce'), { key: this.#secret });
  }

  /** Where those are announced who have a file. `hash`: BLAKE3 of it, 32 bytes. */
  fileKey(hash: Uint8Array): Uint8Array {
    checkBytes('hash', hash, 32);
    return this.#keyOf('announce', hash);
  }

  /** Where a peer says how it is reached. `peerId`: 32 bytes. */
  peerKey(peerId: Uint8Array): Uint8Array {
    checkBytes('peerId', peerId, 32);
    return this.#keyOf('peer', peerId);
  }

  /** 32 bytes, its own and not a copy: of XChaCha20-Poly1305. */
  get sealKey(): Uint8Array {
    return this.#sealKey;
  }

  #keyOf(label: string, data: Uint8Array): Uint8Array {
    return blake3(joined(label, data), { key: this.#secret, dkLen: DHT_KEY_BYTES });
  }
}
