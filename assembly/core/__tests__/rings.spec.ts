import { GUARD, guarded, toHex } from "../../crypto/__tests__/bytes";
import { COMMITTED } from "../control";
import { Descriptor, Effect, EffectKind, Flag, Ring } from "../layout";
import {
  EFFECTS,
  FRAMES,
  FRAMES_END,
  HELD,
  HELD_SLOTS,
  LARGE_FRAMES,
  READY,
  READY_SLOTS,
  REPLY_FRAMES,
  RX,
} from "../memory";
import {
  capacityAt,
  consumeReceived,
  emitEffect,
  entryAt,
  giveBack,
  nextReceived,
  placeReply,
  pushReply,
  room,
  roomForRequest,
  used,
} from "../rings";
import { configureCore, RING_ENTRIES, setCounters, startRingsAt } from "./configuration";

configureCore();

/** The last entry put into a ring. */
function newest(ring: usize): usize {
  return entryAt(ring, load<u32>(ring, Ring.HEAD) - 1);
}

/** A reply of `length` bytes from `offset` that waits for `position`. */
function reply(frame: usize, offset: usize, length: u32, position: u64): void {
  const entry = placeReply(frame, offset, length, position);
  store<u32>(entry, 7, Descriptor.PEER);
  pushReply();
}

describe("counters that run free", () => {
  test("count room and entries on both sides of 2^32", () => {
    setCounters(RX, 0xfffffffe);
    expect(room(RX)).toBe(RING_ENTRIES);
    for (let i: u32 = 0; i < 5; i++) {
      const head = load<u32>(RX, Ring.HEAD);
      store<u32>(entryAt(RX, head), 100 + i, Descriptor.PEER);
      store<u32>(RX, head + 1, Ring.HEAD);
    }
    expect(load<u32>(RX, Ring.HEAD)).toBe(3);
    expect(used(RX)).toBe(5);
    expect(room(RX)).toBe(RING_ENTRIES - 5);
    for (let i: u32 = 0; i < 5; i++) {
      const entry = nextReceived();
      expect(load<u32>(entry, Descriptor.PEER)).toBe(100 + i);
      expect(nextReceived()).toBe(entry, "it stays until it is consumed");
      consumeReceived();
    }
    expect(nextReceived()).toBe(0);
  });

  test("place entries of 64 bytes behind head and tail, in a circle", () => {
    expect(entryAt(RX, 0)).toBe(RX + 128);
    expect(entryAt(RX, 1)).toBe(RX + 192);
    expect(entryAt(RX, RING_ENTRIES - 1)).toBe(RX + 128 + 15 * 64);
    expect(entryAt(RX, RING_ENTRIES)).toBe(RX + 128);
    expect(entryAt(RX, 0xffffffff)).toBe(RX + 128 + 15 * 64);
  });
});

describe("room for a request", () => {
  test("is two entries of READY and one of HELD", () => {
    startRingsAt(0xfffffff8);
    expect(roomForRequest()).toBe(true);
    store<u32>(READY, 0xfffffff8 + 14, Ring.HEAD);
    expect(roomForRequest()).toBe(true);
    store<u32>(READY, 0xfffffff8 + 15, Ring.HEAD);
    expect(roomForRequest()).toBe(false);
    setCounters(READY, 0);
    store<u32>(HELD, 0xfffffff8 + 15, Ring.HEAD);
    expect(roomForRequest()).toBe(true);
    store<u32>(HELD, 0xfffffff8 + 16, Ring.HEAD);
    expect(roomForRequest()).toBe(false);
    startRingsAt(0);
  });
});

describe("the capacity of a place", () => {
  test("runs to the end of its frame", () => {
    expect(capacityAt(FRAMES, FRAMES)).toBe(4096);
    expect(capacityAt(FRAMES, FRAMES + 4096 - 256)).toBe(256);
    expect(capacityAt(FRAMES + 4096, FRAMES + 4096 + 42)).toBe(4054);
    expect(capacityAt(LARGE_FRAMES, LARGE_FRAMES + 64)).toBe(65600);
    expect(capacityAt(LARGE_FRAMES + 65664, LARGE_FRAMES + 65664)).toBe(65664);
  });

  test("is none outside the frames of this worker", () => {
    expect(capacityAt(FRAMES, FRAMES + 4096)).toBe(0);
    expect(capacityAt(FRAMES + 4096, FRAMES)).toBe(0, "in front of its frame");
    expect(capacityAt(FRAMES - 4096, FRAMES)).toBe(0);
    expect(capacityAt(FRAMES_END - 4096, FRAMES_END)).toBe(0);
    expect(capacityAt(LARGE_FRAMES, LARGE_FRAMES + 65664)).toBe(0);
    expect(capacityAt(REPLY_FRAMES, REPLY_FRAMES)).toBe(0, "a reply frame");
    expect(capacityAt(0, 0)).toBe(0);
    expect(capacityAt(FRAMES + 64, FRAMES + 64)).toBe(0, "no frame begins there");
    expect(capacityAt(FRAMES, FRAMES + 4096 - 255)).toBe(0, "no room for a short reply");
    expect(capacityAt(FRAMES, u32.MAX_VALUE)).toBe(0);
    expect(capacityAt(0, FRAMES)).toBe(0);
  });
});

describe("a reply that may leave", () => {
  test("goes to READY in its frame", () => {
    startRingsAt(0xffffffff);
    store<u64>(COMMITTED, 10);
    memory.fill(entryAt(READY, 0xffffffff), GUARD, 64);
    reply(FRAMES, FRAMES + 8, 40, 10);
    expect(used(READY)).toBe(1);
    expect(used(HELD)).toBe(0);
    const entry = newest(READY);
    expect(load<u32>(entry, Descriptor.FRAME)).toBe(<u32>FRAMES);
    expect(load<u32>(entry, Descriptor.OFFSET)).toBe(<u32>FRAMES + 8);
    expect(load<u32>(entry, Descriptor.LENGTH)).toBe(40);
    expect(load<u32>(entry, Descriptor.PEER)).toBe(7);
    expect(load<u64>(entry, Descriptor.POSITION)).toBe(10);
  });

  test("leaves a parked copy for the slot of its entry", () => {
    startRingsAt(0);
    const copy = guarded(256);
    store<u32>(copy, 0x04030201);
    store<u32>(copy, 0x08070605, 4);
    memory.fill(READY_SLOTS, GUARD, 1024);
    reply(0, copy, 8, 0);
    reply(0, copy, 256, 0);
    expect(load<u32>(entryAt(READY, 0), Descriptor.OFFSET)).toBe(<u32>READY_SLOTS);
    expect(load<u32>(entryAt(READY, 1), Descriptor.OFFSET)).toBe(<u32>READY_SLOTS + 256);
    expect(load<u32>(entryAt(READY, 1), Descriptor.FRAME)).toBe(0);
    expect(toHex(READY_SLOTS, 10)).toBe("0102030405060708a5a5");
    expect(toHex(READY_SLOTS + 256, 10)).toBe("0102030405060708a5a5");
  });
});

describe("a reply that waits", () => {
  test("is copied when it is small, and its frame returns at once", () => {
    startRingsAt(15);
    store<u64>(COMMITTED, 10);
    memory.fill(FRAMES, 0x5a, 300);
    memory.fill(HELD_SLOTS, GUARD, 4096);
    reply(FRAMES, FRAMES, 255, 11);
    reply(FRAMES + 4096, FRAMES, 256, 11);
    reply(FRAMES + 8192, FRAMES, 257, 11);
    expect(used(HELD)).toBe(3);
    expect(used(READY)).toBe(2, "two frames given back");
    const back = entryAt(READY, 15);
    expect(load<u32>(back, Descriptor.FRAME)).toBe(<u32>FRAMES);
    expect(load<u32>(back, Descriptor.LENGTH)).toBe(0);
    expect(load<u32>(back, Descriptor.FLAGS)).toBe(0, "not the end of the request");
    expect(load<u32>(entryAt(READY, 16), Descriptor.FRAME)).toBe(<u32>FRAMES + 4096);
    expect(load<u32>(entryAt(HELD, 15), Descriptor.FRAME)).toBe(0);
    expect(load<u32>(entryAt(HELD, 15), Descriptor.OFFSET)).toBe(<u32>HELD_SLOTS + 15 * 256);
    expect(load<u32>(entryAt(HELD, 16), Descriptor.OFFSET)).toBe(<u32>HELD_SLOTS);
    expect(load<u8>(HELD_SLOTS + 15 * 256 + 254)).toBe(0x5a);
    expect(load<u8>(HELD_SLOTS + 15 * 256 + 255)).toBe(GUARD);
    const large = entryAt(HELD, 17);
    expect(load<u32>(large, Descriptor.FRAME)).toBe(<u32>FRAMES + 8192, "stays in its frame");
    expect(load<u32>(large, Descriptor.OFFSET)).toBe(<u32>FRAMES);
  });

  test("keeps a reply frame, however small", () => {
    startRingsAt(0);
    reply(FRAMES, REPLY_FRAMES, 34, 12);
    expect(load<u32>(newest(HELD), Descriptor.OFFSET)).toBe(<u32>REPLY_FRAMES);
    expect(load<u32>(newest(HELD), Descriptor.FRAME)).toBe(<u32>FRAMES);
    expect(used(READY)).toBe(0);
  });

  test("is raised to the position of the one before it", () => {
    startRingsAt(0);
    store<u64>(COMMITTED, 10);
    reply(FRAMES, FRAMES, 32, 0x200000005);
    reply(FRAMES, FRAMES, 32, 12);
    reply(FRAMES, FRAMES, 32, 0x200000006);
    expect(load<u64>(entryAt(HELD, 0), Descriptor.POSITION)).toBe(0x200000005);
    expect(load<u64>(entryAt(HELD, 1), Descriptor.POSITION)).toBe(0x200000005);
    expect(load<u64>(entryAt(HELD, 2), Descriptor.POSITION)).toBe(0x200000006);
  });

  test("does not make a committed one wait", () => {
    startRingsAt(0);
    reply(FRAMES, FRAMES, 32, 10);
    expect(used(HELD)).toBe(0);
    expect(used(READY)).toBe(1);
    expect(load<u64>(newest(READY), Descriptor.POSITION)).toBe(10);
  });
});

describe("giveBack", () => {
  test("returns a frame without a reply", () => {
    startRingsAt(0xffffffff);
    memory.fill(entryAt(READY, 0xffffffff), GUARD, 64);
    giveBack(FRAMES + 4096, 9, Flag.SILENT);
    expect(load<u32>(READY, Ring.HEAD)).toBe(0);
    const entry = newest(READY);
    expect(load<u32>(entry, Descriptor.FRAME)).toBe(<u32>FRAMES + 4096);
    expect(load<u32>(entry, Descriptor.LENGTH)).toBe(0);
    expect(load<u32>(entry, Descriptor.OFFSET)).toBe(0);
    expect(load<u32>(entry, Descriptor.PEER)).toBe(9);
    expect(load<u32>(entry, Descriptor.FLAGS)).toBe(Flag.SILENT);
  });
});

describe("emitEffect", () => {
  test("asks, until the ring is full", () => {
    startRingsAt(0xfffffff9);
    for (let i: u32 = 0; i < RING_ENTRIES; i++) {
      expect(emitEffect(EffectKind.LOAD_PAGE, 4096, 1000 + i, i)).toBe(true);
    }
    expect(emitEffect(EffectKind.LOAD_PAGE, 4096, 2000, 0)).toBe(false);
    const first = entryAt(EFFECTS, 0xfffffff9);
    expect(load<u32>(first, Effect.KIND)).toBe(EffectKind.LOAD_PAGE);
    expect(load<u32>(first, Effect.OFFSET)).toBe(4096);
    expect(load<u32>(first, Effect.KEY)).toBe(1000, "not overwritten");
    expect(load<u32>(newest(EFFECTS), Effect.SLOT)).toBe(15);
    store<u32>(EFFECTS, 0xfffffffa, Ring.TAIL);
    expect(emitEffect(EffectKind.FILL_RANDOM, 0, 0, 0)).toBe(true);
    expect(emitEffect(EffectKind.FILL_RANDOM, 0, 0, 0)).toBe(false);
  });
});
