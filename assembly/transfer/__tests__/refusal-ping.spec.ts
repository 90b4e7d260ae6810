import { now, resetClock } from "../clock";
import { Content } from "../content";
import { contentAcked } from "../outcome";
import { startRecovery } from "../recovery";
import { mayPingRefused, pingedRefused } from "../refusal-ping";
import { ptoUs } from "../rtt";
import { SentRecord } from "../sent-record";
import { bareSession, configureTransfer } from "./configured";

const record = heap.alloc(SentRecord.BYTES_IN_ALL);

configureTransfer();

function begin(): usize {
  resetClock(1000000);
  const session = bareSession();
  startRecovery(session, 0);
  memory.fill(record, 0, SentRecord.BYTES_IN_ALL);
  return session;
}

/** How long the next PING has to wait after one that goes now. */
function waitAfterOne(session: usize): u64 {
  const from = now;
  expect(mayPingRefused(session)).toBe(true);
  pingedRefused(session);
  let wait: u64 = 0;
  while (!mayPingRefused(session)) {
    wait += 1000;
    resetClock(from + wait);
  }
  return wait;
}

describe("a PING among the probes", () => {
  test("waits twice as long each time, 5 s at the most", () => {
    const session = begin(),
      first = waitAfterOne(session);
    expect(first).toBeGreaterThanOrEqual(ptoUs(session, false));
    expect(first).toBeLessThan(ptoUs(session, false) + 1000);
    let before = first;
    for (let i = 0; i < 20; i++) {
      const wait = waitAfterOne(session);
      expect(wait).toBeGreaterThanOrEqual(min<u64>(2 * before - 2000, 5000000));
      expect(wait).toBeLessThanOrEqual(5000000);
      before = wait;
    }
    expect(before).toBe(5000000);
  });

  test("may go at once when content was acked, not when another PING was", () => {
    const session = begin(),
      first = waitAfterOne(session);
    for (let i = 0; i < 20; i++) waitAfterOne(session);
    pingedRefused(session);
    store<u8>(record, Content.NONE, SentRecord.KIND);
    contentAcked(session, record);
    expect(mayPingRefused(session)).toBe(false);
    // Of a message that nobody knows any more: it was taken in all the same.
    store<u8>(record, Content.MESSAGE, SentRecord.KIND);
    contentAcked(session, record);
    expect(waitAfterOne(session)).toBe(first);
  });
});
