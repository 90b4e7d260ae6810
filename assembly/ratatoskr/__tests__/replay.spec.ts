import { RATATOSKR, REPLAY } from "../../core/memory";
import { Block, RequestField, Verdict } from "../../core/ratatoskr";
import { Status } from "../../core/status";
import { clearBlock, fieldAt } from "../block";
import { recordRequest } from "../replay";
import { earliest, forgotten, timestampOf } from "../replay-entries";
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
  memory.fill(REPLAY, 0, 64 + 128 * <usize>ENTRIES);
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
    expect(forgotten()).toBe(NOW - 250);
  });

  test("an expired nonce may be used again, a request that is stale by now may not", () => {
    empty();
    expect(record("a", 1, 1, NOW, NOW)).toBe(Verdict.OK);
    expect(record("a", 1, 2, NOW + 301, NOW + 301)).toBe(Verdict.OK);
    expect(record("a", 3, 3, NOW, NOW + 301)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 4, 4, NOW + 1, NOW + 301)).toBe(Verdict.OK);
  });

  test("a clock that goes back brings nothing forgotten back", () => {
    empty();
    expect(record("a", 1, 1, NOW, NOW)).toBe(Verdict.OK);
    expect(record("b", 1, 1, NOW + 9000, NOW + 9000)).toBe(Verdict.OK);
    expect(record("a", 1, 1, NOW, NOW + 1)).toBe(Verdict.NONCE_REPLAYED);
    expect(record("a", 2, 2, NOW, NOW + 1)).toBe(Verdict.NONCE_REPLAYED, "nobody knows");
    expect(record("a", 2, 2, NOW + 1, NOW + 1)).toBe(Verdict.OK);
    expect(record("b", 1, 1, NOW + 9000, NOW + 9000)).toBe(Verdict.NONCE_REPLAYED);
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
