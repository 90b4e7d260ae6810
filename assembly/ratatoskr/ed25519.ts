/**
 * What is refused of an Ed25519 signature before any provider verifies it, because providers differ
 * there: OpenSSL, WebCrypto and noble each take some that others refuse. RFC 8032 sections 5.1.3
 * and 5.1.7; Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs" (2020).
 */
import { Verdict } from "../core/ratatoskr";

// Numbers of 256 bits as four words, low first.
/** The order of the group, 2^252 + 27742317777372353535851937790883648493. */
const ORDER: usize = memory.data<u64>([0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 1 << 60]);
/** 2^255 - 19. */
const PRIME: usize = memory.data<u64>([-19, -1, -1, 0x7fffffffffffffff]);
/** The y of all points of order 1, 2, 4 and 8: 1, -1, 0, and two of order 8. */
const SMALL_ORDER: usize = memory.data<u64>([
  1, 0, 0, 0, -20, -1, -1, 0x7fffffffffffffff, 0, 0, 0, 0, 0xb027b2c28f95e826, 0xf098eff289f4c345,
  0x3933c6d305acdfd5, 0x05fc536d880238b1, 0x4fd84d3d706a17c7, 0x0f67100d760b3cba,
  0xc6cc392cfa53202a, 0x7a03ac9277fdc74e,
]);
const SMALL_ORDER_END: usize = SMALL_ORDER + 5 * 32;

/** Of the word that holds the sign of x: what is left without it. */
const WITHOUT_SIGN: u64 = 0x7fffffffffffffff;

/**
 * The 32 bytes of a public key at `key`. Verdicts: OK, POINT_ENCODING, POINT_SMALL_ORDER. That the
 * point lies on the curve is for the provider to say.
 */
export function checkPoint(key: usize): Verdict {
  for (let small = SMALL_ORDER; small < SMALL_ORDER_END; small += 32) {
    if (sameY(key, small)) return Verdict.POINT_SMALL_ORDER;
  }
  const high = load<u64>(key, 24) & WITHOUT_SIGN;
  return isBelow(key, high, PRIME) ? Verdict.OK : Verdict.POINT_ENCODING;
}

/**
 * A signature (R, S: 64 bytes) with its public key (32). Verdicts: OK, SIGNATURE_S, POINT_ENCODING,
 * POINT_SMALL_ORDER, the points in the order key, R.
 */
export function checkSignature(key: usize, signature: usize): Verdict {
  const s = signature + 32;
  if (!isBelow(s, load<u64>(s, 24), ORDER)) return Verdict.SIGNATURE_S;
  const point = checkPoint(key);
  return point == Verdict.OK ? checkPoint(signature) : point;
}

/** Is the number at `a`, with `high` for its highest word, below the one at `b`? */
function isBelow(a: usize, high: u64, b: usize): bool {
  if (high != load<u64>(b, 24)) return high < load<u64>(b, 24);
  if (load<u64>(a, 16) != load<u64>(b, 16)) return load<u64>(a, 16) < load<u64>(b, 16);
  if (load<u64>(a, 8) != load<u64>(b, 8)) return load<u64>(a, 8) < load<u64>(b, 8);
  return load<u64>(a) < load<u64>(b);
}

function sameY(point: usize, small: usize): bool {
  return (
    load<u64>(point) == load<u64>(small) &&
    load<u64>(point, 8) == load<u64>(small, 8) &&
    load<u64>(point, 16) == load<u64>(small, 16) &&
    (load<u64>(point, 24) & WITHOUT_SIGN) == load<u64>(small, 24)
  );
}
