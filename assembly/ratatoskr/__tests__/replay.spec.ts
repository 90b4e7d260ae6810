import { RATATOSKR, REPLAY, REPLAY_HEAD_BYTES, REPLAY_SPANS } from "../../core/memory";
import { Block, RequestField, Verdict } from "../../core/ratatoskr";
import { Status } from "../../core/status";
import { clearBlock, fieldAt } from "../block";
import { recordRequest } from "../replay";
import { earliest, timestampOf } from "../replay-entries";
import { addForgotten, isForgotten, spanCount } from "../replay-forgotten";
import { configureMessages, setLength, setText } from "./messages";

const ENTRIES: u32 = 40;
configureMessages(ENTRIES);
const NOW: i64 = 1767225600;

/** Records a request of this device; nonce and digest are spelled by a number each. */
function record(device: string, nonce: u32, digest: u32, timestamp: i64, now: i64): u32 {
  clearBlock();
  setText(RequestField.DEVICE_ID, device);
  store<i64>(fieldAt(RequestField.TIMESTAMP), timestamp);
  const at = RATATOSKR + Block.IN;
  memory.fill(at, 0, 16);
  store<u32>(at, nonce);
  setLength(RequestField.NONCE, 16);
  store<u32>(RATATOSKR, digest, Block.DIGEST);
  return recordRequest(now, 0);
}

/** As a start has it: everything zero. */
function empty(): void {
  memory.fill(REPLAY, 0, REPLAY_HEAD_BYTES + 128 * <usize>ENTRIES);
}

describe("replay", () => {
  test("by nonce, by digest, by device", () => {
    empty();
    expect(record("a", 1, 1, NOW, NOW)).toBe(Verdict.OK);
    expect(record("a", 1, 1, NOW, NOW)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 1, 2, NOW, NOW)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 2, 1, NOW, NOW)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 2, 2, NOW, NOW)).toBe(Verdict.OK);
    expect(record("b", 1, 1, NOW, NOW)).toBe(Verdict.OK);
    expect(record("ab", 1, 1, NOW, NOW)).toBe(Verdict.OK);
  });

  test("full is full for what is live, and free again one second later", () => {
    empty();
    for (let i: u32 = 0; i < ENTRIES; i++) {
      expect(record("d" + (i % 7).toString(), i, i, NOW, NOW)).toBe(Verdict.OK);
    }
    expect(record("new", 1, 1, NOW + 300, NOW + 300)).toBe(Verdict.NONCE_CACHE_FULL);
    expect(record("d0", 99, 99, NOW + 300, NOW + 300)).toBe(Verdict.NONCE_CACHE_FULL);
    expect(record("d0", 0, 99, NOW + 300, NOW + 300)).toBe(Verdict.NONCE_REPLAYED);
    for (let i: u32 = 0; i < ENTRIES; i++) {
      expect(record("e", i, i, NOW + 301, NOW + 301)).toBe(Verdict.OK);
    }
    expect(record("new", 1, 1, NOW + 301, NOW + 301)).toBe(Verdict.NONCE_CACHE_FULL);
  });

  test("removes what is earliest, whatever the order in which it came", () => {
    empty();
    const ages: i64[] = [10, 250, 40, 299, 0, 120, 250, 7, 300, 61];
    let oldest: i64 = 0;
    for (let i = 0; i < ages.length; i++) {
      expect(record("a", i, i, NOW - ages[i], NOW)).toBe(Verdict.OK);
      oldest = max<i64>(oldest, ages[i]);
      expect(timestampOf(earliest())).toBe(NOW - oldest);
    }
    expect(record("a", 50, 50, NOW + 100, NOW + 100)).toBe(Verdict.OK);
    expect(timestampOf(earliest())).toBe(NOW - 120);
    expect(isForgotten(NOW - 300)).toBe(true);
    expect(isForgotten(NOW - 250)).toBe(true);
    expect(isForgotten(NOW - 249)).toBe(false);
  });

  test("an expired nonce may be used again, a request that is stale by now may not", () => {
    empty();
    expect(record("a", 1, 1, NOW, NOW)).toBe(Verdict.OK);
    expect(record("a", 1, 2, NOW + 301, NOW + 301)).toBe(Verdict.OK);
    expect(record("a", 3, 3, NOW, NOW + 301)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 4, 4, NOW + 1, NOW + 301)).toBe(Verdict.OK);
  });

  test("a clock that is put right finds what is there, and takes what is new", () => {
    empty();
    expect(record("a", 1, 1, NOW, NOW)).toBe(Verdict.OK);
    expect(record("b", 1, 1, NOW + 9000, NOW + 9000)).toBe(Verdict.OK);
    expect(record("a", 1, 1, NOW, NOW + 1)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 2, 2, NOW, NOW + 1)).toBe(Verdict.OK);
    expect(record("b", 1, 1, NOW + 9000, NOW + 9000)).toBe(Verdict.NONCE_REPLAYED);
  });

  test("stale ones stay in a sixteenth of the places, no second of others comes back", () => {
    empty();
    for (let i: u32 = 0; i < 10; i++) {
      expect(record("a", i, i, NOW + i, NOW + i)).toBe(Verdict.OK);
    }
    const ahead = NOW + 9000;
    expect(record("b", 50, 50, ahead, ahead)).toBe(Verdict.OK);
    // Eight of a call have gone, and two are there.
    for (let i: u32 = 0; i < 10; i++) {
      expect(record("a", i, i, NOW + i, NOW + 20)).toBe(Verdict.NONCE_REPLAYED);
      const other = record("a", 60 + i, 60 + i, NOW + i, NOW + 20);
      expect(other).toBe(i < 8 ? Verdict.NONCE_REPLAYED : Verdict.OK);
    }
    expect(record("a", 80, 80, NOW + 20, NOW + 20)).toBe(Verdict.OK);
    expect(record("b", 51, 51, ahead, ahead)).toBe(Verdict.OK);
  });

  test("spans of forgotten seconds: near ones are one, the nearest give way", () => {
    empty();
    addForgotten(NOW);
    addForgotten(NOW + 30);
    expect(spanCount()).toBe(1);
    expect(isForgotten(NOW + 15)).toBe(true);
    addForgotten(NOW + 91);
    expect(spanCount()).toBe(2);
    expect(isForgotten(NOW + 31)).toBe(false);
    expect(isForgotten(NOW + 90)).toBe(false);
    expect(isForgotten(NOW + 92)).toBe(false);
    addForgotten(NOW + 61);
    expect(spanCount()).toBe(2, "it is 31 from the one before");
    expect(isForgotten(NOW + 70)).toBe(true);
    addForgotten(NOW + 45);
    expect(spanCount()).toBe(1);
    expect(isForgotten(NOW + 50)).toBe(true);
    expect(isForgotten(NOW - 1)).toBe(false);

    for (let i: u32 = 1; i < REPLAY_SPANS; i++) addForgotten(NOW + 10_000 * i);
    expect(spanCount()).toBe(REPLAY_SPANS);
    addForgotten(NOW + 45_000);
    expect(spanCount()).toBe(REPLAY_SPANS);
    expect(isForgotten(NOW + 42_000)).toBe(true, "the two nearest are one");
    expect(isForgotten(NOW + 5000)).toBe(false);
    expect(isForgotten(NOW + 15_000)).toBe(false);
    expect(isForgotten(NOW + 45_000)).toBe(true);
    expect(isForgotten(NOW + 45_001)).toBe(false);
    expect(isForgotten(NOW + 150_000)).toBe(true);
    addForgotten(NOW - 5000);
    expect(isForgotten(NOW - 2000)).toBe(true, "it is before the earliest");
    addForgotten(NOW + 12_000);
    expect(isForgotten(NOW + 11_000)).toBe(true, "it is behind the earliest");
    expect(isForgotten(NOW + 19_000)).toBe(false);
    expect(spanCount()).toBe(REPLAY_SPANS);
  });

  test("a clock that was ahead, with lulls, leaves the right time alone", () => {
    empty();
    addForgotten(NOW);
    for (let i: u32 = 0; i < 40; i++) addForgotten(NOW + 7200 + 60 * i);
    expect(spanCount()).toBe(REPLAY_SPANS);
    for (let s: i64 = 1; s < 7200; s++) expect(isForgotten(NOW + s)).toBe(false);
    for (let i: u32 = 0; i < 40; i++) expect(isForgotten(NOW + 7200 + 60 * i)).toBe(true);
    expect(isForgotten(NOW)).toBe(true);
    addForgotten(i64.MIN_VALUE);
    addForgotten(i64.MAX_VALUE);
    expect(isForgotten(NOW + 3600)).toBe(false);
  });

  test("ids and nonces of any length that a request may have, and no other", () => {
    empty();
    clearBlock();
    store<i64>(fieldAt(RequestField.TIMESTAMP), NOW);
    setLength(RequestField.DEVICE_ID, 256);
    setLength(RequestField.NONCE, 64);
    expect(recordRequest(NOW, 0)).toBe(Verdict.OK);
    expect(recordRequest(NOW, 0)).toBe(Verdict.NONCE_REPLAYED);
    setLength(RequestField.NONCE, 65);
    expect(recordRequest(NOW, 0)).toBe(Status.INVALID_ARGUMENT);
    setLength(RequestField.NONCE, 64);
    setLength(RequestField.DEVICE_ID, 257);
    expect(recordRequest(NOW, 0)).toBe(Status.INVALID_ARGUMENT);
    setLength(RequestField.DEVICE_ID, 255);
    expect(recordRequest(NOW, 3601)).toBe(Status.INVALID_ARGUMENT);
    expect(recordRequest(NOW, 3600)).toBe(Verdict.OK, "another device");
  });
});
