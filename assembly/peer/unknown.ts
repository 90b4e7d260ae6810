/**
 * Keys that nobody knows, and what stands behind them: a newer peer may have more to say, and the
 * networks' own decoder skips it. It is read as strictly as the rest, in bounded depth and number.
 */
import { PEER_DEPTH_MAX, PEER_UNKNOWN_KEY_BYTES_MAX, PEER_UNKNOWN_KEYS_MAX } from "../core/limits";
import { PEER } from "../core/memory";
import { PeerBlock, PeerVerdict } from "../core/peer";
import { information, Major, readHead, readLength, TAG_BIG, TAG_BIG_NEGATIVE, value } from "./cbor";
import { advance, at, end, fail, fitting, isFine, takeText } from "./cursor";

/** In WORK: keys (address, length, number of their map: 12 bytes each), then what is open. */
const KEYS: usize = PeerBlock.WORK;
const KEY_BYTES: usize = 12;
/** Items that are still to come (u32) and the number of the map (u32; 0: no map), for each. */
const OPEN: usize = 320 + 12 * 32;

/** false, true, null, undefined; then the three widths of floating-point numbers. */
const FALSE: u32 = 20;
const UNDEFINED: u32 = 23;
const HALF: u32 = 25;
const DOUBLE: u32 = 27;

let keys: u32 = 0;
let maps: u32 = 0;
let level: u32 = 0;

export function beginUnknown(): void {
  keys = 0;
  // 1 and 2 are the structs that may have such keys: a message's own, and msg.
  maps = 2;
}

/** Notes the key that lies between `key` and the next byte; a map has each but once. */
export function noteKey(key: usize, map: u32): void {
  const length = <u32>(at - key);
  if (keys == PEER_UNKNOWN_KEYS_MAX || length > PEER_UNKNOWN_KEY_BYTES_MAX) {
    fail(PeerVerdict.TOO_MANY_UNKNOWN);
    return;
  }
  const entry = PEER + KEYS + <usize>keys * KEY_BYTES;
  keys++;
  for (let other = PEER + KEYS; other < entry; other += KEY_BYTES) {
    const same = load<u32>(other, 4) == length && load<u32>(other, 8) == map;
    // Equal keys have equal bytes: there is one way to write each.
    if (same && memory.compare(<usize>load<u32>(other), key, length) == 0) {
      fail(PeerVerdict.DUPLICATE_KEY);
    }
  }
  store<u32>(entry, <u32>key);
  store<u32>(entry, length, 4);
  store<u32>(entry, map, 8);
}

/** Skips one value inside `outside` maps. */
export function skipValue(outside: u32): void {
  level = 0;
  do {
    if (level && isKeyNext()) readKey();
    else readItem(outside);
    while (level && isFine() && itemsLeft() == 0) level--;
  } while (level && isFine());
}

function openAt(): usize {
  return PEER + OPEN + ((<usize>level) << 3);
}
function itemsLeft(): u32 {
  return load<u32>(openAt());
}
function take(): void {
  if (level) store<u32>(openAt(), itemsLeft() - 1);
}
function isKeyNext(): bool {
  return load<u32>(openAt(), 4) != 0 && (itemsLeft() & 1) == 0;
}

/** A key is a text or an unsigned integer. */
function readKey(): void {
  take();
  const key = at,
    map = load<u32>(openAt(), 4),
    major = readHead();
  if (!isFine()) return;
  if (major == Major.TEXT) takeText(fitting(value, 1));
  else if (major != Major.UNSIGNED) fail(PeerVerdict.TYPE);
  if (isFine()) noteKey(key, map);
}

function readItem(outside: u32): void {
  take();
  const major = readHead();
  if (!isFine() || major == Major.UNSIGNED || major == Major.NEGATIVE) return;
  if (major == Major.TEXT) takeText(fitting(value, 1));
  else if (major == Major.BYTES) advance(fitting(value, 1));
  else if (major == Major.ARRAY) open(fitting(value, 1), 0, outside);
  else if (major == Major.MAP) open(2 * fitting(value, 2), ++maps, outside);
  else if (major == Major.TAG) readBig(outside);
  else if (!isSimple()) fail(PeerVerdict.TYPE);
}

/** Whether the value that was read exists: false, true, null, undefined or a float. */
function isSimple(): bool {
  if (information >= FALSE && information <= UNDEFINED) return true;
  return information >= HALF && information <= DOUBLE;
}

function open(items: u32, map: u32, outside: u32): void {
  if (!isFine()) return;
  if (outside + level >= PEER_DEPTH_MAX) {
    fail(PeerVerdict.DEPTH);
    return;
  }
  level++;
  store<u32>(openAt(), items);
  store<u32>(openAt(), map, 4);
}

/** A number of more than 64 bits is all that a tag may stand for. */
function readBig(outside: u32): void {
  if (value != TAG_BIG && value != TAG_BIG_NEGATIVE) fail(PeerVerdict.TYPE);
  else if (outside + level >= PEER_DEPTH_MAX) fail(PeerVerdict.DEPTH);
  else readBigBytes();
}

/** Bytes of a big number, at the next byte then: at least 9, and the first is not 0. */
export function readBigBytes(): u32 {
  const length = readLength(Major.BYTES);
  if (!isFine()) return 0;
  if (length <= 8 || at == end || load<u8>(at) == 0) fail(PeerVerdict.NON_MINIMAL);
  advance(length);
  return length;
}
