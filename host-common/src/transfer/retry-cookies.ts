/**
 * Cookies that show that a caller reads what is sent to its address, without a state of its own.
 * Reference: transfer, section 2 (retry).
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { equalBytes, joined, type RandomBytes } from './byte-strings.ts';
import { COOKIE_BYTES } from './handshake-messages.ts';

const SECRET_US = 120_000_000;

export class RetryCookies {
  private readonly random: RandomBytes;
  private secrets: { bytes: Uint8Array; period: number }[] = [];

  constructor(random: RandomBytes) {
    this.random = random;
  }

  /** `address`: 16 bytes, the port and the like; `first`: the 96 bytes of message 1. */
  make(address: Uint8Array, first: Uint8Array, us: number): Uint8Array {
    return this.cookie(this.current(us), address, first);
  }

  /** Made in this period or the one before. */
  accepts(cookie: Uint8Array, address: Uint8Array, first: Uint8Array, us: number): boolean {
    this.current(us);
    return this.secrets.some(({ bytes }) => equalBytes(this.cookie(bytes, address, first), cookie));
  }

  private cookie(secret: Uint8Array, address: Uint8Array, first: Uint8Array): Uint8Array {
    return blake3(joined(address, first), { key: secret, dkLen: COOKIE_BYTES });
  }

  private current(us: number): Uint8Array {
    const period = Math.floor(us / SECRET_US);
    const [newest] = this.secrets;
    if (newest?.period === period) return newest.bytes;
    const fresh = { bytes: this.random(32), period };
    const kept = newest && newest.period === period - 1 ? [newest] : [];
    this.secrets = [fresh, ...kept];
    return fresh.bytes;
  }
}
