/** Life and messages of the resource engine of raida-server.wit. */
import { COMMITTED } from "../core/control";
import { Config, Descriptor, Flag, Random, Ring } from "../core/layout";
import { FRAME_BYTES, LARGE_FRAME_BYTES, RANDOM_POOL_BYTES } from "../core/limits";
import { HELD, RANDOM, READY, RX } from "../core/memory";
import { entryAt, room, used } from "../core/rings";
import { Status } from "../core/status";
import { processBatch, stepEngine } from "../engine";
import { releaseReplyFrame } from "../raida/reply-frames";
import { allocate, error1, error4, RESULT } from "./abi";
import { freeFrames, giveFrame, takeFrame } from "./frames";
import { newEngine } from "./imports";
import { beginAnew, layOut, setBytes, setMessageRooms, setWord } from "./instance";
import { forgetQuestions } from "./questions";

/** raida-server.wit, fault. */
export const enum Fault {
  IN_USE,
  CONFIGURATION,
  MEMORY,
  LENGTH,
  SLOT,
  POSITION,
  ENDED,
}

/** The record configuration as the canonical ABI lays it out. */
@unmanaged
class Configuration {
  raidaId: u8;
  wire: u8;
  modern: u8;
  adminClear: u8;
  openKeyRecords: u8;
  btcConfirmations: u8;
  coinId: u16;
  pagesPerDenomination: u32;
  pageSlots: u32;
  journalRecords: u32;
  ringEntries: u32;
  parkSlots: u32;
  frames: u32;
  largeFrames: u32;
  replyFrames: u32;
  tickets: u32;
  lockerCoins: u32;
  version: usize;
  versionLength: u32;
  adminKey: usize;
  adminKeyLength: u32;
  hashKey: usize;
  hashKeyLength: u32;
}

/** The record request. */
@unmanaged
class Request {
  peer: u32;
  address: u32;
  ipv6: u8;
  datagram: u8;
  local: u8;
  bytes: usize;
  length: u32;
}

const REPLY_RECORD: usize = 16;
const VERSION_BYTES: u32 = 8;
const KEY_BYTES: u32 = 16;
/** A configuration while the memory is cleared: the record, version, admin key, hash key. */
const STAGE: usize = memory.data(128, 8);
const STAGED_VERSION: usize = STAGE + 80;
const STAGED_ADMIN: usize = STAGE + 88;
const STAGED_HASH: usize = STAGE + 104;

let isOpen: bool = false;

export function isServer(): bool {
  return isOpen;
}

export function configure(at: usize): usize {
  if (isOpen) return error4(Fault.IN_USE);
  const given = changetype<Configuration>(at),
    hasAdmin = given.adminKeyLength != 0,
    fits =
      given.versionLength == VERSION_BYTES &&
      given.hashKeyLength == KEY_BYTES &&
      (!hasAdmin || given.adminKeyLength == KEY_BYTES);
  if (!fits) return error4(Fault.LENGTH);
  memory.copy(STAGED_VERSION, given.version, VERSION_BYTES);
  memory.copy(STAGED_ADMIN, given.adminKey, given.adminKeyLength);
  memory.copy(STAGED_HASH, given.hashKey, KEY_BYTES);
  memory.copy(STAGE, at, offsetof<Configuration>());
  beginAnew();
  writeWords(changetype<Configuration>(STAGE), hasAdmin);
  memory.fill(STAGE, 0, 128);
  const status = layOut();
  if (status != Status.OK) {
    // What calls no server finds its own configuration again.
    beginAnew();
    return error4(status == Status.MEMORY_TOO_SMALL ? Fault.MEMORY : Fault.CONFIGURATION);
  }
  freeFrames();
  forgetQuestions();
  isOpen = true;
  store<u8>(RESULT, 0);
  store<u32>(RESULT, newEngine(1), 4);
  return RESULT;
}

function writeWords(given: Configuration, hasAdmin: bool): void {
  setWord(Config.WORKERS, 1);
  setWord(Config.RAIDA_ID, given.raidaId);
  setWord(Config.WIRE, given.wire);
  setWord(Config.MODERN, given.modern);
  setWord(Config.ADMIN_CLEAR, given.adminClear);
  setWord(Config.OPEN_KEY_RECORDS, given.openKeyRecords);
  setWord(Config.BTC_CONFIRMATIONS, given.btcConfirmations);
  setWord(Config.COIN_ID, given.coinId);
  setWord(Config.PAGES_PER_DENOMINATION, given.pagesPerDenomination);
  setWord(Config.PAGE_SLOTS, given.pageSlots);
  setWord(Config.JOURNAL_RECORDS, given.journalRecords);
  setWord(Config.RING_ENTRIES, given.ringEntries);
  setWord(Config.PARK_SLOTS, given.parkSlots);
  setWord(Config.FRAMES, given.frames);
  setWord(Config.LARGE_FRAMES, given.largeFrames);
  setWord(Config.REPLY_FRAMES, given.replyFrames);
  setWord(Config.TICKETS, given.tickets);
  setWord(Config.LOCKER_COINS, given.lockerCoins);
  setWord(Config.HAS_ADMIN_KEY, hasAdmin ? 1 : 0);
  setBytes(Config.VERSION_0, STAGED_VERSION, VERSION_BYTES);
  if (hasAdmin) setBytes(Config.ADMIN_KEY, STAGED_ADMIN, KEY_BYTES);
  setBytes(Config.HASH_KEY, STAGED_HASH, KEY_BYTES);
  setMessageRooms();
}

/** The end of a server: nothing of its coins and keys stays. */
export function end(_server: u32): void {
  if (isOpen) beginAnew();
}

/** The result ok(u32). */
function okNumber(value: u32): usize {
  store<u8>(RESULT, 0);
  store<u32>(RESULT, value, 4);
  return RESULT;
}

export function addRandom(_server: u32, bytes: usize, length: u32): usize {
  if (!isOpen) return error4(Fault.ENDED);
  const filled = load<u32>(RANDOM, Random.FILLED),
    free = RANDOM_POOL_BYTES - (filled - load<u32>(RANDOM, Random.TAKEN)),
    taken = min<u32>(length, free);
  for (let i: u32 = 0; i < taken; i++) {
    const at = RANDOM + Random.BYTES + <usize>((filled + i) & (RANDOM_POOL_BYTES - 1));
    store<u8>(at, load<u8>(bytes + i));
  }
  store<u32>(RANDOM, filled + taken, Random.FILLED);
  return okNumber(taken);
}

export function process(_server: u32, requests: usize, count: u32, now: u64): usize {
  if (!isOpen) return error4(Fault.ENDED);
  const record = offsetof<Request>();
  for (let i: u32 = 0; i < count; i++) {
    if (changetype<Request>(requests + i * record).length > LARGE_FRAME_BYTES) {
      return error4(Fault.LENGTH);
    }
  }
  let taken: u32 = 0;
  while (taken < count && receive(changetype<Request>(requests + taken * record), now)) taken++;
  processBatch(u32.MAX_VALUE, <u32>now, <u32>(now >> 32));
  return okNumber(taken);
}

/** Puts a request into a frame and into RX; false: there is no room now. */
function receive(request: Request, now: u64): bool {
  if (room(RX) == 0) return false;
  const frame = takeFrame(request.length > FRAME_BYTES);
  if (frame == 0) return false;
  memory.copy(frame, request.bytes, request.length);
  const head = load<u32>(RX, Ring.HEAD),
    entry = entryAt(RX, head);
  let flags: u32 = request.ipv6 ? Flag.IPV6 : 0;
  if (request.datagram) flags |= Flag.DATAGRAM;
  if (request.local) flags |= Flag.LOCAL;
  store<u32>(entry, <u32>frame, Descriptor.FRAME);
  store<u32>(entry, <u32>frame, Descriptor.OFFSET);
  store<u32>(entry, request.length, Descriptor.LENGTH);
  store<u32>(entry, request.peer, Descriptor.PEER);
  store<u32>(entry, flags, Descriptor.FLAGS);
  store<u64>(entry, now, Descriptor.ARRIVAL);
  store<u32>(entry, request.address, Descriptor.ADDRESS);
  store<u32>(RX, head + 1, Ring.HEAD);
  return true;
}

export function step(_server: u32, now: u64): usize {
  if (!isOpen) return error4(Fault.ENDED);
  return okNumber(stepEngine(<u32>now, <u32>(now >> 32)));
}

export function drain(_server: u32): usize {
  if (!isOpen) return error4(Fault.ENDED);
  const all = used(READY) + used(HELD),
    list = allocate(<usize>all * REPLY_RECORD, 4);
  let count = takeReplies(READY, u64.MAX_VALUE, list, 0);
  count = takeReplies(HELD, load<u64>(COMMITTED), list, count);
  store<u8>(RESULT, 0);
  store<u32>(RESULT, <u32>list, 4);
  store<u32>(RESULT, count, 8);
  return RESULT;
}

/** Lists a ring's replies, up to a position, behind `count` others; gives their number then. */
function takeReplies(ring: usize, committed: u64, list: usize, count: u32): u32 {
  while (used(ring)) {
    const tail = load<u32>(ring, Ring.TAIL),
      entry = entryAt(ring, tail);
    if (load<u64>(entry, Descriptor.POSITION) > committed && ring == HELD) break;
    const length = load<u32>(entry, Descriptor.LENGTH),
      flags = load<u32>(entry, Descriptor.FLAGS),
      offset = <usize>load<u32>(entry, Descriptor.OFFSET),
      frame = <usize>load<u32>(entry, Descriptor.FRAME);
    if (length || flags & Flag.SILENT) {
      const reply = list + <usize>count * REPLY_RECORD,
        bytes = allocate(length, 1);
      memory.copy(bytes, offset, length);
      store<u32>(reply, load<u32>(entry, Descriptor.PEER));
      store<u8>(reply, length ? load<u8>(entry, Descriptor.STATUS) : 0, 4);
      store<u32>(reply, <u32>bytes, 8);
      store<u32>(reply, length, 12);
      count++;
    }
    if (flags & Flag.REPLY_FRAME) releaseReplyFrame(offset);
    if (frame) giveFrame(frame);
    store<u32>(ring, tail + 1, Ring.TAIL);
  }
  return count;
}

/** The result err(fault) of a result<_, fault>, when there is no server any more; else 0. */
export function endedHere(): usize {
  return isOpen ? 0 : error1(Fault.ENDED);
}
