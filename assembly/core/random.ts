/**
 * The instance's pool of random bytes. The host fills it from its CSPRNG; taken bytes are wiped, so
 * a byte is used once and a memory dump tells nothing of nonces past. Replays record the pool's
 * input.
 */
import { EffectKind, Random } from "./layout";
import { RANDOM_PER_REQUEST, RANDOM_POOL_BYTES } from "./limits";
import { RANDOM } from "./memory";
import { emitEffect } from "./rings";

/** The pool was found dry and the host has been asked; reset when there is enough again. */
let asked: bool = false;

/** Are there as many bytes as any one request can take? If not, asks the host once. */
export function randomReady(): bool {
  const left = load<u32>(RANDOM, Random.FILLED) - load<u32>(RANDOM, Random.TAKEN);
  if (left >= RANDOM_PER_REQUEST) {
    asked = false;
    return true;
  }
  if (!asked) asked = emitEffect(EffectKind.FILL_RANDOM, RANDOM, 0, 0);
  return false;
}

/** Moves `length` bytes to `out`. The caller has asked randomReady(). */
export function takeRandom(out: usize, length: u32): void {
  let taken = load<u32>(RANDOM, Random.TAKEN);
  for (let i: u32 = 0; i < length; i++, taken++) {
    const from = RANDOM + Random.BYTES + <usize>(taken & (RANDOM_POOL_BYTES - 1));
    store<u8>(out + i, load<u8>(from));
    store<u8>(from, 0);
  }
  store<u32>(RANDOM, taken, Random.TAKEN);
}
