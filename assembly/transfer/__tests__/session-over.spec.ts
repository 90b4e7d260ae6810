/** What came and was acked stays readable when the session is over: bounded in time and memory. */
import { TRANSFER } from "../../core/memory";
import { Status } from "../../core/status";
import { CloseError, TransferBlock, TransferEventKind } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { now } from "../clock";
import { close, step } from "../exports";
import { entriesLeft } from "../pool";
import { Head, sessionHandle, sessionOf, sessionOfEntry } from "../session-head";
import { streamOf } from "../stream";
import {
  goaway,
  streamConsumed,
  streamFinish,
  streamOpen,
  streamReadable,
  streamRoom,
  streamStop,
  streamWritten,
} from "../stream-exports";
import { configureTransfer } from "./configured";
import {
  deliver,
  drain,
  eventCode,
  flush,
  openBoth,
  openedStream,
  ours,
  senderOf,
  setTime,
  settleDown,
  theirs,
  told,
} from "./session-ends";

configureTransfer();
const ARGUMENTS = TRANSFER + TransferBlock.ARGUMENTS;
const LINGER: u64 = 30000000;
let time: u64 = 1000000;
/** The stream as the side sees it that reads. */
let incoming: u32 = 0;

function pass(us: u64): void {
  for (let left = us; left; left -= min(left, 1000000)) {
    setTime(now + min(left, 1000000));
    step(<u32>now, <u32>(now >> 32));
    while (flush()) {}
    drain();
  }
}

/** Ours sends bytes on a stream, which ends or does not; theirs has acked all. */
function sendBytes(bytes: u32, finishes: bool): void {
  const stream = streamOpen(ours, 0, 0);
  for (let at: u32 = 0; at < bytes; ) {
    const room = streamRoom(stream, at, 0, bytes - at);
    assert(room != 0);
    memory.fill(<usize>load<u32>(ARGUMENTS), 7, room);
    assert(streamWritten(stream, at, 0, room) == Status.OK);
    at += room;
  }
  if (finishes) streamFinish(stream);
  settleDown(5000);
  drain();
  incoming = openedStream;
}

function start(bytes: u32, finishes: bool): void {
  time = max(time, now) + 100000000;
  setTime(time);
  openBoth();
  settleDown(5000);
  drain();
  sendBytes(bytes, finishes);
}

/** Reads what there is; how many bytes. */
function read(): u32 {
  let sum: u32 = 0;
  for (let bytes = streamReadable(incoming); bytes; bytes = streamReadable(incoming)) {
    for (let i: u32 = 0; i < bytes; i++) assert(load<u8>(<usize>load<u32>(ARGUMENTS) + i) == 7);
    const offset = load<u32>(ARGUMENTS, 8);
    assert(streamConsumed(incoming, offset, 0, bytes) == Status.OK);
    sum += bytes;
  }
  return sum;
}

function finish(): void {
  close(ours, 0, 0);
  close(theirs, 0, 0);
  pass(12000000);
  expect(sessionOf(ours)).toBe(0, "ours is gone");
  expect(sessionOf(theirs)).toBe(0, "theirs is gone");
  expect(entriesLeft(Pool.SESSIONS)).toBe(64);
  expect(entriesLeft(Pool.STREAMS)).toBe(256);
  expect(entriesLeft(Pool.BLOCKS)).toBe(512);
  expect(entriesLeft(Pool.RANGES)).toBe(4096);
  expect(entriesLeft(Pool.KEYS)).toBe(256);
}

describe("a session that is over", () => {
  test("keeps what came until it is read, and is gone then", () => {
    start(100000, true);
    close(ours, CloseError.NONE, 0);
    settleDown(5000);
    drain();
    expect(told(theirs, TransferEventKind.CLOSED)).toBe(1);
    pass(2000000);
    expect(sessionOf(ours)).toBe(0);
    expect(sessionOf(theirs)).not.toBe(0, "its keys are wiped, and it lingers");
    expect(read()).toBe(100000);
    pass(2000);
    pass(2000);
    expect(sessionOf(theirs)).toBe(0);
    finish();
  });

  test("keeps it for half a minute", () => {
    start(1000, false);
    close(ours, CloseError.PROTOCOL, 0);
    settleDown(5000);
    pass(LINGER - 2000000);
    expect(streamReadable(incoming)).toBe(1000, "also of a stream that was cut off");
    pass(4000000);
    expect(streamOf(incoming)).toBe(0);
    expect(sessionOf(theirs)).toBe(0);
    finish();
  });

  test("keeps it when time ran out too, and not when its own host closes or stops", () => {
    start(1000, true);
    pass(31000000);
    expect(read()).toBe(1000, "nothing came for the idle time");
    pass(2000);
    pass(2000);
    expect(sessionOf(theirs)).toBe(0);
    finish();
    start(1000, true);
    close(theirs, CloseError.NONE, 0);
    expect(streamOf(incoming)).toBe(0);
    finish();
    start(1000, true);
    close(ours, CloseError.NONE, 0);
    settleDown(5000);
    expect(streamStop(incoming)).toBe(Status.OK);
    expect(streamOf(incoming)).toBe(0);
    finish();
    start(1000, true);
    close(ours, CloseError.NONE, 0);
    settleDown(5000);
    expect(close(theirs, CloseError.NONE, 0)).toBe(Status.INVALID_ARGUMENT, "closed, and given up");
    expect(streamOf(incoming)).toBe(0);
    finish();
  });

  test("makes room for a new one", () => {
    start(1000, true);
    close(ours, CloseError.NONE, 0);
    settleDown(5000);
    pass(2000000);
    const lingering = theirs;
    for (let i = 0; i < 32; i++) openBoth();
    expect(sessionOf(lingering)).toBe(0);
    expect(entriesLeft(Pool.SESSIONS)).toBe(0);
    openBoth();
    expect(ours).toBe(0, "those that live are not ended");
    drain();
    for (let i: u32 = 1; i <= 64; i++) close(sessionHandle(sessionOfEntry(i)), 0, 0);
    finish();
  });

  test("closes by itself when GOAWAY was said and all is done", () => {
    start(1000, true);
    expect(goaway(theirs, 1, 0)).toBe(Status.OK);
    settleDown(5000);
    drain();
    expect(told(ours, TransferEventKind.GOAWAY)).toBe(1);
    expect(told(ours, TransferEventKind.CLOSED)).toBe(0, "theirs has not read it all");
    expect(read()).toBe(1000);
    settleDown(5000);
    drain();
    expect(told(theirs, TransferEventKind.CLOSED)).toBe(1);
    expect(told(ours, TransferEventKind.CLOSED)).toBe(1);
    finish();
  });
});

/** Ours closes, and nothing is asked for 40 s, in which both idle times and the drain end. */
function closeAndSleep(): void {
  start(0, true);
  close(ours, CloseError.INTERNAL, 0);
  setTime(now + 40000000);
  // Only ours is looked at by its timer: theirs has heard of it until now.
  store<u64>(sessionOf(theirs), now, Head.IDLE_FROM);
  step(<u32>now, <u32>(now >> 32));
}

describe("CLOSE, when the host is busy from close() on", () => {
  test("goes before the session is forgotten", () => {
    closeAndSleep();
    expect(sessionOf(ours)).not.toBe(0);
    settleDown(5000);
    drain();
    expect(told(theirs, TransferEventKind.CLOSED)).toBe(1);
    expect(eventCode).toBe(CloseError.INTERNAL);
    finish();
  });

  test("goes once: the time to drain begins anew, and ends", () => {
    closeAndSleep();
    let packets: u32 = 0;
    for (let i = 0; i < 100 && sessionOf(ours); i++) {
      const count = flush();
      for (let k: u32 = 0; k < count; k++) if (senderOf(k) == ours) packets++;
      pass(1000000);
    }
    expect(packets).toBe(1);
    expect(sessionOf(ours)).toBe(0);
    finish();
  });

  test("is not waited for twice: a way that lets nothing out ends the session too", () => {
    closeAndSleep();
    setTime(now + 40000000);
    step(<u32>now, <u32>(now >> 32));
    expect(sessionOf(ours)).toBe(0);
    finish();
  });

  test("is not waited for where it has gone, nor where the peer's came first", () => {
    start(0, true);
    close(ours, CloseError.NONE, 0);
    while (flush()) {}
    setTime(now + 40000000);
    step(<u32>now, <u32>(now >> 32));
    expect(sessionOf(ours)).toBe(0, "it went, and was lost");
    finish();
    start(0, true);
    close(theirs, CloseError.NONE, 0);
    flush();
    close(ours, CloseError.NONE, 0);
    deliver(0, 0);
    setTime(now + 40000000);
    step(<u32>now, <u32>(now >> 32));
    expect(sessionOf(ours)).toBe(0, "the peer knows");
    finish();
  });
});
