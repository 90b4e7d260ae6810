/**
 * Fresh random ANs for coins that leave circulation, so that nobody knows them any more: the key
 * stream of AES-128 under a key of 16 bytes from the host's CSPRNG, one key for each request.
 * Reference: RAIDA section 7.
 */
import { takeRandom } from "../core/random";
import { FRESH } from "../core/scratch";
import { ctr128 } from "../crypto/ctr";

const COUNTER: usize = FRESH + 16;
const NEWEST: usize = FRESH + 32;

/** Draws the request's key. The caller has asked randomReady(). */
export function openFreshAns(): void {
  takeRandom(FRESH, 16);
  v128.store(COUNTER, i64x2.splat(0));
}

export function freshAn(): v128 {
  v128.store(NEWEST, i64x2.splat(0));
  ctr128(FRESH, COUNTER, NEWEST, NEWEST, 16);
  store<u64>(COUNTER, load<u64>(COUNTER) + 1);
  return v128.load(NEWEST);
}
