/**
 * The base state of the RAIDA vectors (docs/matrix.md), made by a function for SHA-256 that waits
 * for nobody, and the randomness of the cases. Web-standard only.
 */
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { PAGES } from '../../engine/vector-state.ts';

type Sha256 = (bytes: Uint8Array) => Uint8Array;

export const NOW_US = 1795219200000000;
export const HASH_KEY = new Uint8Array(16).fill(5);
/** What servers of the cases draw from: 32 KiB. */
export const RANDOM = Uint8Array.from({ length: 32768 }, (_, i) => i * 7 + (i >> 8));

export const SIZES = {
  pagesPerDenomination: PAGES,
  pageSlots: 15 * PAGES,
  journalRecords: 8192,
  ringEntries: 64,
  parkSlots: 16,
  frames: 64,
  largeFrames: 4,
  replyFrames: 8,
  tickets: 64,
  lockerCoins: 1024,
};

/** Pages by denomination and number, each made when it is first asked for. */
export function pageSource(sha256: Sha256) {
  const made = new Map<string, Uint8Array>();
  const encoder = new TextEncoder();
  const make = (denomination: number, page: number) => {
    const bytes = new Uint8Array(PAGE_BYTES);
    for (let record = 0; record < 1024; record++) {
      const text = `raida-vector-an:14:${denomination}:${page * 1024 + record}`;
      bytes.set(sha256(encoder.encode(text)).subarray(0, 16), record * 17);
      bytes[record * 17 + 16] = record < 512 ? 30 : 0;
    }
    return bytes;
  };
  return (denomination: number, page: number): Uint8Array | undefined => {
    if (page < 0 || page >= PAGES || denomination < -8 || denomination > 6) return undefined;
    const key = `${denomination}/${page}`;
    const found = made.get(key) ?? make(denomination, page);
    made.set(key, found);
    return found;
  };
}
