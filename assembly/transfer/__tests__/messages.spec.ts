import { FrameHead, FrameType } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { guarded, toHex } from "../../crypto/__tests__/bytes";
import { contentExtra, contentKind, contentOffset, storeContent } from "../content";
import {
  dropMessages,
  EVENT_PAYLOAD_MAX,
  hasMessage,
  keepBytes,
  messagePayload,
  newMessage,
  queueMessage,
  releaseBytes,
  setMessageHead,
  writeMessage,
} from "../messages";
import { contentAcked, contentLost } from "../outcome";
import { entriesLeft } from "../pool";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
const session = bareSession();
const at = guarded(2048);
const records = guarded(4 * 96);
const ROOM: u32 = 1200;

function queue(value: u8, length: u32): bool {
  const slot = newMessage(session, FrameType.CONTROL);
  if (!slot) return false;
  memory.fill(messagePayload(slot), value, length);
  setMessageHead(slot, 7, 0x0102030405060708);
  queueMessage(session, slot, length);
  return true;
}

/** Writes the next message and its record. */
function send(record: usize): u32 {
  const bytes = writeMessage(session, at, ROOM);
  if (bytes) storeContent(record);
  return bytes;
}

describe("messages", () => {
  test("go in the order in which they were queued, once until they are lost", () => {
    queue(0x11, 3);
    queue(0x22, 2);
    expect(send(records)).toBe(31);
    expect(toHex(at + 8, 8)).toBe("0300000700000000");
    expect(toHex(at + FrameHead.OFFSET, 15)).toBe("010203040506070800030000111111");
    expect(send(records + 96)).toBe(30);
    expect(load<u8>(at, 28)).toBe(0x22);
    expect(hasMessage(session)).toBe(false);
    expect(send(records)).toBe(0);
    contentLost(session, records);
    expect(send(records + 192)).toBe(31);
    expect(load<u8>(at, 28)).toBe(0x11);
    contentAcked(session, records);
    contentAcked(session, records + 96);
    // The second journey is told as well, and finds nothing any more.
    contentLost(session, records + 192);
    contentAcked(session, records + 192);
    expect(hasMessage(session)).toBe(false);
    expect(entriesLeft(Pool.MESSAGES)).toBe(128);
  });

  test("leave alone a message that has the slot of one before", () => {
    queue(1, 1);
    send(records);
    contentAcked(session, records);
    queue(2, 1);
    send(records + 96);
    expect(load<u32>(records, 44)).toBe(load<u32>(records + 96, 44), "the slot is the same");
    contentAcked(session, records);
    contentLost(session, records);
    expect(hasMessage(session)).toBe(false);
    contentLost(session, records + 96);
    expect(hasMessage(session)).toBe(true);
    dropMessages(session);
    expect(hasMessage(session)).toBe(false);
    expect(entriesLeft(Pool.MESSAGES)).toBe(128);
  });

  test("wait when the packet has no room for them, and let a smaller one pass", () => {
    queue(1, 900);
    queue(2, 10);
    expect(writeMessage(session, at, 500)).toBe(38);
    expect(contentKind).toBe(1);
    expect(contentOffset).toBeGreaterThan(0);
    expect(contentExtra).toBeGreaterThan(0);
    expect(writeMessage(session, at, 500)).toBe(0);
    expect(writeMessage(session, at, 928)).toBe(928);
    dropMessages(session);
  });

  test("are no more than a session may have", () => {
    let queued = 0;
    while (queue(1, 1)) queued++;
    expect(queued).toBe(32);
    dropMessages(session);
  });
});

describe("bytes of events", () => {
  test("stay until the host gives them back, once", () => {
    const slot = keepBytes(session, at, 16);
    expect(memory.compare(messagePayload(slot), at, 16)).toBe(0);
    expect(releaseBytes(slot)).toBe(true);
    expect(releaseBytes(slot)).toBe(false);
    expect(releaseBytes(0)).toBe(false);
    expect(releaseBytes(129)).toBe(false);
    expect(releaseBytes(u32.MAX_VALUE)).toBe(false);
  });

  test("are bounded in size and for each session", () => {
    expect(keepBytes(session, at, EVENT_PAYLOAD_MAX + 1)).toBe(0);
    // All that a packet of Ethernet's 1500 bytes can carry.
    expect(EVENT_PAYLOAD_MAX).toBeGreaterThan(1500 - 20 - 8 - 8 - 28 - 16 - 1);
    memory.fill(at, 0x5a, EVENT_PAYLOAD_MAX);
    const most = keepBytes(session, at, EVENT_PAYLOAD_MAX);
    expect(memory.compare(messagePayload(most), at, EVENT_PAYLOAD_MAX)).toBe(0);
    expect(releaseBytes(most)).toBe(true);
    const slots: u32[] = [];
    for (let slot = keepBytes(session, at, 0); slot; slot = keepBytes(session, at, 0)) {
      slots.push(slot);
    }
    expect(slots.length).toBe(32);
    const other = bareSession();
    expect(keepBytes(other, at, 1)).not.toBe(0, "another has room");
    for (let i = 0; i < slots.length; i++) expect(releaseBytes(slots[i])).toBe(true);
    expect(keepBytes(session, at, 1)).not.toBe(0);
  });

  test("are not the slots of frames that go out", () => {
    const slot = newMessage(session, FrameType.CONTROL);
    queueMessage(session, slot, 0);
    expect(releaseBytes(slot)).toBe(false);
    dropMessages(session);
  });
});
