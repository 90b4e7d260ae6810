/** New authentication numbers, from the platform's CSPRNG. */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import { AN_BYTES, authenticationNumber, KEYS_BYTES } from './coin.ts';
import { DRAWS_MAX } from './limits.ts';

/** Fills the array with random bytes, as crypto.getRandomValues does. */
export type RandomSource = (into: Uint8Array<ArrayBuffer>) => void;

export const systemRandom: RandomSource = (into) => {
  crypto.getRandomValues(into);
};

/** Whether 16 bytes are the key of a locker: tail ff ff ff ff. */
export function isLockerKey(an: Uint8Array): boolean {
  return an.subarray(AN_BYTES - 4).every((byte) => byte === 0xff);
}

/**
 * Whether 16 bytes mean something else to a server: no key at all (all zero), a locker (tail
 * ff ff ff ff) or a trade locker (tail ee ee). Reference: RAIDA section 7.
 */
export function isReserved(an: Uint8Array): boolean {
  const tail = (count: number, value: number) =>
    an.subarray(AN_BYTES - count).every((byte) => byte === value);
  return tail(AN_BYTES, 0) || isLockerKey(an) || tail(2, 0xee);
}

/** 25 new ANs (400 bytes), none of them reserved. Throws if the source gives no random bytes. */
export function newNumbers(random: RandomSource = systemRandom): Uint8Array<ArrayBuffer> {
  const keys = new Uint8Array(KEYS_BYTES);
  random(keys);
  for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
    const an = authenticationNumber(keys, raidaId) as Uint8Array<ArrayBuffer>;
    for (let draw = 0; isReserved(an); draw++) {
      if (draw === DRAWS_MAX) throw new Error('the random source gives no random bytes');
      random(an);
    }
  }
  return keys;
}
