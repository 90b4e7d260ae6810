import { configBlock, VERSION } from "../control";
import { Config, Control, Journal, Page, Random, Region } from "../layout";
import {
  LARGE_FRAME_BYTES,
  PAGE_BYTES,
  RANDOM_POOL_BYTES,
  REPLY_FRAME_BYTES,
  REQUEST_RECORDS,
  SCRATCH_BYTES,
} from "../limits";
import {
  attachMemory,
  coinId,
  heldRing,
  heldSlots,
  layOutMemory,
  modern,
  openMemory,
  PARK_BYTES,
  pageSlots,
  parkedOf,
  readShared,
  ringEntries,
  SEEN,
  TICKET_COINS_BYTES,
  TICKET_META_BYTES,
  tickets,
  wire,
  workers,
} from "../memory";
import { regions } from "../regions";
import { RequestRecord, Requests } from "../requests";
import { BASE, SCRATCH } from "../scratch";
import { Status } from "../status";
import {
  getWord,
  JOURNAL_RECORDS,
  RING_ENTRIES,
  setWord,
  writeConfiguration,
} from "./configuration";

/** What configure says with one word changed; the word is put back. */
function statusWith(index: u32, value: u32): Status {
  const before = getWord(index);
  setWord(index, value);
  const status = layOutMemory();
  setWord(index, before);
  return status;
}

/** Every size in range; the memory may be too small for it. */
function inRange(index: u32, value: u32): bool {
  return statusWith(index, value) != Status.BAD_CONFIGURATION;
}

const REQUESTS_BYTES: usize = Requests.RECENT + REQUEST_RECORDS * RequestRecord.BYTES;

describe("before configure", () => {
  test("no instance can attach", () => {
    expect(attachMemory()).toBe(Status.WRONG_STATE);
    writeConfiguration(1);
    expect(attachMemory()).toBe(Status.WRONG_STATE);
  });
});

describe("configure refuses each impossible size, and takes the last possible one:", () => {
  test("workers", () => {
    writeConfiguration(1);
    expect(inRange(Config.WORKERS, 0)).toBe(false);
    expect(inRange(Config.WORKERS, 17)).toBe(false);
    expect(inRange(Config.WORKERS, 1)).toBe(true);
    expect(inRange(Config.WORKERS, 16)).toBe(true);
  });

  test("pages of a denomination", () => {
    expect(inRange(Config.PAGES_PER_DENOMINATION, 0)).toBe(false);
    expect(inRange(Config.PAGES_PER_DENOMINATION, 2)).toBe(false, "more pages than slots");
    expect(inRange(Config.PAGES_PER_DENOMINATION, 0x11111112)).toBe(false, "15 times this wraps");
    setWord(Config.PAGE_SLOTS, 15 * 1024);
    expect(inRange(Config.PAGES_PER_DENOMINATION, 1024)).toBe(true);
    setWord(Config.PAGE_SLOTS, 15 * 1025);
    expect(inRange(Config.PAGES_PER_DENOMINATION, 1025)).toBe(false);
    setWord(Config.PAGE_SLOTS, 15);
  });

  test("page slots: all pages, or those of the largest request and one", () => {
    expect(inRange(Config.PAGE_SLOTS, 14)).toBe(false);
    expect(inRange(Config.PAGE_SLOTS, 15)).toBe(true);
    expect(inRange(Config.PAGE_SLOTS, 16)).toBe(false, "a slot that no page can fill");
    setWord(Config.PAGES_PER_DENOMINATION, 1024);
    expect(inRange(Config.PAGE_SLOTS, 4096)).toBe(false);
    expect(inRange(Config.PAGE_SLOTS, 4097)).toBe(true);
    expect(inRange(Config.PAGE_SLOTS, 15360)).toBe(true);
    expect(inRange(Config.PAGE_SLOTS, 15361)).toBe(false);
    setWord(Config.PAGES_PER_DENOMINATION, 1);
  });

  test("journal records: a power of two that holds the largest group", () => {
    expect(inRange(Config.JOURNAL_RECORDS, 0)).toBe(false);
    expect(inRange(Config.JOURNAL_RECORDS, 4096)).toBe(false);
    expect(inRange(Config.JOURNAL_RECORDS, 4097)).toBe(false);
    expect(inRange(Config.JOURNAL_RECORDS, 12288)).toBe(false);
    expect(inRange(Config.JOURNAL_RECORDS, 8192)).toBe(true);
    expect(inRange(Config.JOURNAL_RECORDS, 4194304)).toBe(true);
    expect(inRange(Config.JOURNAL_RECORDS, 8388608)).toBe(false);
  });

  test("ring entries: a power of two", () => {
    expect(inRange(Config.RING_ENTRIES, 0)).toBe(false);
    expect(inRange(Config.RING_ENTRIES, 2)).toBe(false);
    expect(inRange(Config.RING_ENTRIES, 24)).toBe(false);
    expect(inRange(Config.RING_ENTRIES, 4)).toBe(true);
    expect(inRange(Config.RING_ENTRIES, 65536)).toBe(true);
    expect(inRange(Config.RING_ENTRIES, 131072)).toBe(false);
  });

  test("park slots and frames", () => {
    expect(inRange(Config.PARK_SLOTS, 0)).toBe(false);
    expect(inRange(Config.PARK_SLOTS, 1)).toBe(true);
    expect(inRange(Config.PARK_SLOTS, 4096)).toBe(true);
    expect(inRange(Config.PARK_SLOTS, 4097)).toBe(false);
    expect(inRange(Config.FRAMES, 0)).toBe(false);
    expect(inRange(Config.FRAMES, 1)).toBe(true);
    expect(inRange(Config.FRAMES, 65536)).toBe(true);
    expect(inRange(Config.FRAMES, 65537)).toBe(false);
    expect(inRange(Config.LARGE_FRAMES, 0)).toBe(true);
    expect(inRange(Config.LARGE_FRAMES, 65536)).toBe(true);
    expect(inRange(Config.LARGE_FRAMES, 65537)).toBe(false);
    expect(inRange(Config.REPLY_FRAMES, 0)).toBe(true);
    expect(inRange(Config.REPLY_FRAMES, 32)).toBe(true);
    expect(inRange(Config.REPLY_FRAMES, 33)).toBe(false);
  });

  test("tickets, and who we are", () => {
    expect(inRange(Config.TICKETS, 512)).toBe(true);
    expect(inRange(Config.TICKETS, 513)).toBe(false);
    expect(inRange(Config.RAIDA_ID, 24)).toBe(true);
    expect(inRange(Config.RAIDA_ID, 25)).toBe(false);
    expect(inRange(Config.COIN_ID, 65535)).toBe(true);
    expect(inRange(Config.COIN_ID, 65536)).toBe(false);
    expect(inRange(Config.WIRE, 1)).toBe(true);
    expect(inRange(Config.WIRE, 2)).toBe(false);
    expect(inRange(Config.MODERN, 1)).toBe(true);
    expect(inRange(Config.MODERN, 2)).toBe(false);
  });

  test("room for messages, and a replay cache only with it", () => {
    expect(inRange(Config.RATATOSKR, 1)).toBe(true);
    expect(inRange(Config.RATATOSKR, 2)).toBe(false);
    expect(inRange(Config.REPLAY_ENTRIES, 1)).toBe(false);
    setWord(Config.RATATOSKR, 1);
    expect(inRange(Config.REPLAY_ENTRIES, 1)).toBe(true);
    expect(inRange(Config.REPLAY_ENTRIES, 1000000)).toBe(true);
    expect(inRange(Config.REPLAY_ENTRIES, 1000001)).toBe(false);
    setWord(Config.RATATOSKR, 0);
  });
});

describe("a memory that is too small", () => {
  test("is told, to the page, with the bytes that are needed; nothing is set up", () => {
    writeConfiguration(1);
    expect(layOutMemory()).toBe(Status.OK);
    const size = (<usize>memory.size()) << 16;
    const fitting = 16 + <u32>((size - regions(Region.END)) >> 12);
    expect(statusWith(Config.FRAMES, fitting)).toBe(Status.OK);
    expect(regions(Region.END)).toBe(size);
    expect(statusWith(Config.FRAMES, fitting + 1)).toBe(Status.MEMORY_TOO_SMALL);
    expect(regions(Region.END)).toBe(size + 4096);
    expect(attachMemory()).toBe(Status.WRONG_STATE);
  });
});

/** The region must begin behind `end`, on a cache line; returns the end of its `bytes` bytes. */
function follows(end: usize, region: usize, bytes: usize): usize {
  expect(region).toBeGreaterThanOrEqual(end);
  expect(region & 63).toBe(0);
  return region + bytes;
}

const RING_BYTES: usize = 128 + 64 * <usize>RING_ENTRIES;

describe("configure", () => {
  test("lays the regions out in order, on cache lines, none over another", () => {
    writeConfiguration(1);
    setWord(Config.WORKERS, 2);
    expect(layOutMemory()).toBe(Status.OK);
    openMemory();
    readShared();
    expect(attachMemory()).toBe(Status.OK);
    let end = follows(BASE + 16 * SCRATCH_BYTES, regions(Region.CONTROL), Control.STOP + 64);
    expect(configBlock()).toBeGreaterThanOrEqual(end);
    end = follows(configBlock() + 88, regions(Region.PAGE_INDEX), 15 * 4);
    end = follows(end, regions(Region.PAGE_META), 15 * Page.BYTES);
    end = follows(end, regions(Region.PAGE_DATA), 15 * PAGE_BYTES);
    end = follows(end, regions(Region.JOURNAL), <usize>JOURNAL_RECORDS * Journal.RECORD_BYTES);
    end = follows(end, regions(Region.COUNTS), 15 * 4);
    end = follows(end, regions(Region.STATISTICS), 32);
    end = follows(end, regions(Region.TICKET_META), 4 * TICKET_META_BYTES);
    end = follows(end, regions(Region.TICKET_COINS), 4 * TICKET_COINS_BYTES);
    end = follows(end, regions(Region.RX), RING_BYTES);
    end = follows(end, regions(Region.READY), RING_BYTES);
    end = follows(end, regions(Region.HELD), RING_BYTES);
    end = follows(end, regions(Region.EFFECTS), RING_BYTES);
    end = follows(end, regions(Region.READY_SLOTS), 256);
    end = follows(end, regions(Region.REPLY_FRAMES), 2 * <usize>REPLY_FRAME_BYTES);
    end = follows(end, regions(Region.PARKED), 4 * PARK_BYTES);
    end = follows(end, regions(Region.FRAMES), 16 * 4096);
    end = follows(end, regions(Region.LARGE_FRAMES), 2 * <usize>LARGE_FRAME_BYTES);
    end = follows(end, regions(Region.RANDOM), Random.BYTES + RANDOM_POOL_BYTES);
    end = follows(end, SEEN, 15 * 128);
    end = follows(end, regions(Region.REQUESTS), REQUESTS_BYTES);
    end = follows(end, heldRing(1), RING_BYTES);
    end = follows(end, heldSlots(1), <usize>RING_ENTRIES * 256);
    end = follows(end, parkedOf(1), 4 * PARK_BYTES);
    expect(regions(Region.END)).toBeGreaterThan(end);
    expect(regions(Region.END)).toBeLessThanOrEqual((<usize>memory.size()) << 16);
  });

  test("puts frames on 4 KiB pages, the client block in the scratch", () => {
    expect(regions(Region.FRAMES) & 4095).toBe(0);
    expect(regions(Region.END) & 4095).toBe(0);
    expect(regions(Region.CLIENT_BLOCK)).toBeGreaterThan(SCRATCH);
    expect(regions(Region.CLIENT_BLOCK)).toBeLessThan(SCRATCH + SCRATCH_BYTES);
    expect(heldRing(0)).toBe(regions(Region.HELD));
    expect(parkedOf(0)).toBe(regions(Region.PARKED));
    expect(regions(Region.TRANSFER_EVENTS + 1)).toBe(0, "no such region");
  });

  test("runs once", () => {
    const end = regions(Region.END);
    expect(statusWith(Config.TICKETS, 3)).toBe(Status.WRONG_STATE);
    expect(regions(Region.END)).toBe(end);
  });
});

describe("attach", () => {
  test("refuses a worker that is not configured", () => {
    setWord(Config.WORKERS, 0);
    expect(attachMemory()).toBe(Status.INVALID_ARGUMENT);
    setWord(Config.WORKERS, 2);
    expect(attachMemory()).toBe(Status.OK);
    expect(workers).toBe(2);
  });

  test("reads the configuration words", () => {
    expect(pageSlots).toBe(15);
    expect(ringEntries).toBe(RING_ENTRIES);
    expect(tickets).toBe(4);
    expect(coinId).toBe(6);
    expect(modern).toBe(false);
    expect(wire).toBe(0);
    setWord(Config.MODERN, 1);
    setWord(Config.WIRE, 1);
    expect(attachMemory()).toBe(Status.OK);
    expect(modern).toBe(true);
    expect(wire).toBe(1);
    expect(VERSION).toBe(configBlock() + 4 * Config.VERSION_0);
  });
});
