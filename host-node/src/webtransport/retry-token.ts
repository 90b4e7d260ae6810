/**
 * Address validation (RFC 9000 section 8.1.2): a client that has not shown that it receives at its
 * address gets a Retry packet with a token, and nothing is kept for it. The token comes back with
 * the next Initial and holds what must be known then.
 *
 * | offset | size | name |
 * |---|---|---|
 * | 0 | 6 | time of issue, ms of a clock that nobody sets, BE |
 * | 6 | n | original destination connection id, 8 to 20 bytes |
 * | 6 + n | 32 | HMAC-SHA-256 of these, the address and the id that the Retry gave |
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { RETRY_TOKEN_MS } from './limits.ts';
import type { HostPort } from './quic-binding.ts';

const TIME_BYTES = 6;
const MAC_BYTES = 32;
/** RFC 9000 section 7.2 and 17.2. */
const ODCID_BYTES_MIN = 8;
const ODCID_BYTES_MAX = 20;

export class RetryTokens {
  /** Tokens are good for seconds, so a key of this process is enough. */
  readonly #key: Uint8Array = randomBytes(32);

  /**
   * @param scid the id that the Retry packet gives the client to use from now on
   * @param nowMs whole
   */
  issue(remote: HostPort, ids: { odcid: Uint8Array; scid: Uint8Array }, nowMs: number): Uint8Array {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUIntBE(nowMs, 0, TIME_BYTES);
    const open = Buffer.concat([time, ids.odcid]);
    return Buffer.concat([open, this.#mac(open, remote, ids.scid)]);
  }

  /**
   * The original destination connection id.
   * @param dcid the id that the client uses now
   * @returns undefined: not ours, of another address or connection, too old, or from the future
   */
  open(token: Uint8Array, remote: HostPort, { dcid, nowMs }: { dcid: Uint8Array; nowMs: number }) {
    const openBytes = token.length - MAC_BYTES;
    const odcidBytes = openBytes - TIME_BYTES;
    if (odcidBytes < ODCID_BYTES_MIN || odcidBytes > ODCID_BYTES_MAX) return undefined;
    const open = Buffer.from(token.subarray(0, openBytes));
    if (!timingSafeEqual(token.subarray(openBytes), this.#mac(open, remote, dcid))) {
      return undefined;
    }
    const ageMs = nowMs - open.readUIntBE(0, TIME_BYTES);
    if (ageMs < 0 || ageMs > RETRY_TOKEN_MS) return undefined;
    return new Uint8Array(open.subarray(TIME_BYTES));
  }

  #mac(open: Uint8Array, remote: HostPort, scid: Uint8Array): Uint8Array {
    const mac = createHmac('sha256', this.#key);
    // The lengths keep one field from being read as part of the next.
    mac.update(JSON.stringify([remote.host, remote.port, open.length, scid.length]));
    return mac.update(open).update(scid).digest();
  }
}
