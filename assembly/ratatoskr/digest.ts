/** What a request's signature is over. Reference: Ratatoskr section 2. */
import { RATATOSKR } from "../core/memory";
import { Block, RequestField } from "../core/ratatoskr";
import { sha256Final, sha256Init, sha256Update } from "../crypto/sha256";
import { bytesOf, lengthOf, numberOf } from "./block";

/**
 * SHA-256 of request_id | device_id | user_id | timestamp (8 bytes, big-endian) | nonce | payload,
 * without lengths between them, to DIGEST.
 */
export function digestRequest(): void {
  sha256Init();
  add(RequestField.REQUEST_ID);
  add(RequestField.DEVICE_ID);
  add(RequestField.USER_ID);
  const timestamp = RATATOSKR + Block.WORK;
  store<u64>(timestamp, bswap<u64>(<u64>numberOf(RequestField.TIMESTAMP)));
  sha256Update(timestamp, 8);
  add(RequestField.NONCE);
  add(RequestField.PAYLOAD);
  sha256Final(RATATOSKR + Block.DIGEST);
}

function add(number: u32): void {
  sha256Update(bytesOf(number), lengthOf(number));
}
