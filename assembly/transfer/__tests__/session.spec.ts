import { TRANSFER } from "../../core/memory";
import { Status } from "../../core/status";
import {
  CloseError,
  FrameHead,
  FrameType,
  PacketVerdict,
  SessionState,
  TransferBlock,
  TransferEventKind,
} from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { now } from "../clock";
import { close, keepalive, migrate, ping, rekey, rekeyKey, rekeySecret, wake } from "../exports";
import { handleFrame } from "../frame-handlers";
import { viewFrame } from "../frame-view";
import { currentPath } from "../path-slots";
import { entriesLeft, entryAt } from "../pool";
import { ackElicitingInFlight } from "../recovery";
import { ptoUs } from "../rtt";
import { sessionState } from "../session";
import { sessionOf } from "../session-head";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  arrive,
  deliver,
  drain,
  eventCode,
  eventLength,
  FAR_OURS,
  FAR_THEIRS,
  farOf,
  flush,
  lengthOf,
  openBoth,
  ours,
  packetOf,
  senderOf,
  setTime,
  settleDown,
  settleNothing,
  theirs,
  told,
} from "./session-ends";

configureTransfer();
const ACK_FRAME = guarded(64);
let time: u64 = 1000000;

function start(): void {
  time = max(time, now) + 100000000;
  setTime(time);
  openBoth();
  settleDown(5000);
  drain();
}

/** Both sides end, however they stand. */
function finish(): void {
  close(ours, 0, 0);
  close(theirs, 0, 0);
  for (let i = 0; i < 12; i++) settleDown(1000000);
  drain();
  expect(sessionOf(ours)).toBe(0, "ours is gone");
  expect(sessionOf(theirs)).toBe(0, "theirs is gone");
  expect(entriesLeft(Pool.SESSIONS)).toBe(64);
  expect(entriesLeft(Pool.SENT)).toBe(256);
  expect(entriesLeft(Pool.MESSAGES)).toBe(128);
  expect(entriesLeft(Pool.KEYS)).toBe(256);
}

function stateOf(side: u32): SessionState {
  return sessionState(sessionOf(side));
}

function argument(value: u8): void {
  memory.fill(TRANSFER + TransferBlock.ARGUMENTS, value, 32);
}

describe("a session", () => {
  test("begins with a packet of the side that answered, and is confirmed by packets", () => {
    time += 100000000;
    setTime(time);
    openBoth();
    expect(stateOf(ours)).toBe(SessionState.ESTABLISHED);
    const count = flush();
    expect(count).toBeGreaterThan(0);
    let answered = false;
    for (let i: u32 = 0; i < count; i++) answered = answered || senderOf(i) == theirs;
    expect(answered).toBe(true);
    for (let i: u32 = 0; i < count; i++) expect(deliver(i, 0)).toBe(PacketVerdict.TAKEN);
    settleDown(5000);
    drain();
    expect(told(ours, TransferEventKind.CONFIRMED)).toBe(1);
    expect(told(theirs, TransferEventKind.CONFIRMED)).toBe(1);
    finish();
  });

  test("drops packets that come again, damaged or cut, and names what is nobody's", () => {
    start();
    ping(ours);
    flush();
    const packet = packetOf(0),
      length = lengthOf(0);
    store<u8>(packet + 30, load<u8>(packet + 30) ^ 1);
    expect(arrive(packet, length, FAR_OURS)).not.toBe(PacketVerdict.TAKEN);
    store<u8>(packet + 30, load<u8>(packet + 30) ^ 1);
    expect(arrive(packet, length - 1, FAR_OURS)).not.toBe(PacketVerdict.TAKEN);
    expect(arrive(packet, 51, FAR_OURS)).toBe(PacketVerdict.UNCLAIMED);
    expect(arrive(packet, length, FAR_OURS)).toBe(PacketVerdict.TAKEN);
    expect(arrive(packet, length, FAR_OURS)).toBe(PacketVerdict.STALE);
    store<u32>(packet, ~load<u32>(packet));
    expect(arrive(packet, length, FAR_OURS)).toBe(PacketVerdict.UNCLAIMED);
    finish();
  });

  test("answers a PING, and tells how long it took", () => {
    start();
    expect(ping(ours)).toBe(Status.OK);
    flush();
    setTime(now + 30000);
    deliver(0, 0);
    flush();
    setTime(now + 30000);
    deliver(0, 0);
    drain();
    expect(told(ours, TransferEventKind.PONG)).toBe(1);
    expect(ping(12345)).toBe(Status.INVALID_ARGUMENT);
    finish();
  });

  test("closes with its reason, repeats CLOSE for the 1st, 2nd, 4th packet, and is wiped", () => {
    start();
    ping(theirs);
    flush();
    const late = packetOf(0),
      lateLength = lengthOf(0);
    const kept = entryAt(Pool.BLOCKS, 0);
    memory.copy(kept + 1024 * 1024, late, lateLength);
    store<u32>(TRANSFER + TransferBlock.ARGUMENTS, 0x21657962);
    expect(close(ours, CloseError.INTERNAL, 4)).toBe(Status.OK);
    expect(close(ours, CloseError.INTERNAL, 4)).toBe(Status.INVALID_ARGUMENT, "only once");
    expect(stateOf(ours)).toBe(SessionState.DRAINING);
    expect(flush()).toBe(1);
    expect(senderOf(0)).toBe(ours);
    // The first is lost; a packet of the peer draws another.
    expect(arrive(kept + 1024 * 1024, lateLength, FAR_THEIRS)).toBe(PacketVerdict.TAKEN);
    expect(flush()).toBe(1, "for the first packet");
    deliver(0, 0);
    drain();
    expect(told(theirs, TransferEventKind.CLOSED)).toBe(1);
    expect(eventCode).toBe(CloseError.INTERNAL);
    expect(eventLength).toBe(4);
    expect(stateOf(theirs)).toBe(SessionState.DRAINING);
    expect(ping(theirs)).toBe(Status.INVALID_ARGUMENT, "nothing goes any more");
    expect(flush()).toBe(0, "the other side answers nothing");
    finish();
  });

  test("is ended by an ACK of another epoch than its packet's or the one before", () => {
    start();
    ping(ours);
    flush();
    deliver(0, 0);
    // The packet that came last was of epoch 0, and packet 0 of that was sent here.
    const session = sessionOf(theirs),
      path = currentPath(session);
    for (let epoch: u64 = 0; epoch < 3; epoch++) {
      memory.fill(ACK_FRAME, 0, 64);
      store<u8>(ACK_FRAME, FrameType.ACK, FrameHead.TYPE);
      store<u16>(ACK_FRAME, bswap<u16>(11), FrameHead.PAYLOAD_LENGTH);
      store<u64>(ACK_FRAME, bswap<u64>(epoch), FrameHead.OFFSET);
      viewFrame(ACK_FRAME);
      const wanted: u32 = epoch ? Handled.CLOSE + CloseError.FRAME_ENCODING : Handled.OK;
      expect(handleFrame(session, ACK_FRAME, path, 63)).toBe(wanted);
    }
    finish();
  });

  test("tells with its CLOSE what had come, and nothing of what came after", () => {
    for (let comesAfter = 0; comesAfter < 2; comesAfter++) {
      start();
      if (comesAfter) {
        close(ours, CloseError.NONE, 0);
        flush();
      }
      ping(theirs);
      flush();
      expect(ackElicitingInFlight(sessionOf(theirs))).toBe(true);
      expect(deliver(0, 0)).toBe(PacketVerdict.TAKEN);
      if (!comesAfter) close(ours, CloseError.NONE, 0);
      expect(flush()).toBe(1, "CLOSE, the first or for the packet");
      deliver(0, 0);
      expect(ackElicitingInFlight(sessionOf(theirs))).toBe(comesAfter != 0);
      drain();
      expect(told(theirs, TransferEventKind.CLOSED)).toBe(1);
      finish();
    }
  });

  test("ends by itself when nothing comes for the idle time", () => {
    start();
    setTime(now + 29000000);
    settleDown(1);
    expect(stateOf(ours)).toBe(SessionState.ESTABLISHED);
    for (let i = 0; i < 4; i++) {
      setTime(now + 31000000);
      // Whatever goes is lost.
      settleNothing();
    }
    drain();
    expect(told(ours, TransferEventKind.CLOSED)).toBe(1);
    expect(told(ours, TransferEventKind.SESSION_GONE)).toBe(1);
    expect(sessionOf(ours)).toBe(0);
    finish();
  });

  test("is kept alive by PINGs if the host says so", () => {
    start();
    keepalive(ours, 1);
    for (let i = 0; i < 3; i++) settleDown(2000000);
    expect(stateOf(ours)).toBe(SessionState.ESTABLISHED);
    expect(stateOf(theirs)).toBe(SessionState.ESTABLISHED);
    finish();
  });

  test("rekeys while the host answers, and tells both sides", () => {
    start();
    expect(rekeyKey(ours)).toBe(Status.WRONG_STATE);
    expect(rekey(ours)).toBe(Status.OK);
    expect(rekey(ours)).toBe(Status.WRONG_STATE);
    expect(stateOf(ours)).toBe(SessionState.REKEYING);
    argument(1);
    expect(rekeyKey(ours)).toBe(Status.OK);
    settleDown(2000);
    argument(2);
    expect(rekeyKey(theirs)).toBe(Status.OK);
    argument(7);
    expect(rekeySecret(theirs)).toBe(Status.OK);
    settleDown(2000);
    argument(7);
    expect(rekeySecret(ours)).toBe(Status.OK);
    settleDown(2000);
    drain();
    expect(told(ours, TransferEventKind.REKEYED)).toBe(1);
    expect(told(theirs, TransferEventKind.REKEYED)).toBe(1);
    expect(stateOf(ours)).toBe(SessionState.ESTABLISHED);
    // Packets of the new epoch go both ways.
    ping(theirs);
    settleDown(2000);
    drain();
    expect(told(theirs, TransferEventKind.PONG)).toBe(1);
    finish();
  });

  test("closes for a shared secret of zeros", () => {
    start();
    rekey(ours);
    argument(1);
    rekeyKey(ours);
    settleDown(2000);
    argument(2);
    rekeyKey(theirs);
    argument(0);
    expect(rekeySecret(theirs)).toBe(Status.OK);
    drain();
    expect(told(theirs, TransferEventKind.CLOSED)).toBe(1);
    expect(eventCode).toBe(CloseError.CRYPTO);
    finish();
  });

  test("follows a peer whose port changed, and moves when the host says so", () => {
    start();
    const elsewhere = farOf(1, 4001);
    ping(ours);
    flush();
    deliver(0, elsewhere);
    expect(stateOf(theirs)).toBe(SessionState.MIGRATING);
    expect(memory.compare(currentPath(sessionOf(theirs)), elsewhere, 24)).toBe(0);
    drain();
    expect(told(theirs, TransferEventKind.MIGRATED)).toBe(0, "it has not answered yet");
    settleDown(3000);
    drain();
    expect(told(theirs, TransferEventKind.MIGRATED)).toBe(2, "and back, by what comes as before");
    memory.copy(TRANSFER + TransferBlock.ARGUMENTS, farOf(3, 5000), 24);
    expect(migrate(theirs)).toBe(Status.OK);
    expect(stateOf(theirs)).toBe(SessionState.MIGRATING);
    expect(migrate(theirs)).toBe(Status.WRONG_STATE, "one move at a time");
    settleDown(3000);
    drain();
    expect(told(theirs, TransferEventKind.MIGRATED)).toBe(2, "there, and back likewise");
    expect(stateOf(theirs)).toBe(SessionState.ESTABLISHED);
    finish();
  });

  test("is not woken all the time for what may not go to an address that has not answered", () => {
    start();
    ping(theirs);
    settleNothing();
    ping(theirs);
    flush();
    // The smallest packet from a new address: a little more than three of them may go there.
    expect(deliver(0, farOf(77, 4000))).toBe(PacketVerdict.TAKEN);
    ping(ours);
    settleNothing();
    let wakes: u32 = 0;
    const until = now + 10000000;
    for (; wakes < 1000 && now < until; wakes++) {
      wake();
      setTime(max(load<u64>(TRANSFER + TransferBlock.ARGUMENTS), now + 1));
      ping(ours);
      settleNothing();
    }
    expect(wakes).toBeLessThan(200);
    finish();
  });

  test("drains for three probe timeouts", () => {
    start();
    const until = now + 3 * ptoUs(sessionOf(ours), false);
    close(ours, 0, 0);
    setTime(until - 100);
    settleNothing();
    expect(sessionOf(ours)).not.toBe(0);
    setTime(until + 200);
    settleNothing();
    expect(sessionOf(ours)).toBe(0);
    finish();
  });
});
