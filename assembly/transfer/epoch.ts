/**
 * Epochs of a session (reference: transfer sections 4.3, 4.7, 4.9): keys and numbers of both
 * directions. Two are kept at the most, epoch e at index e & 1: the one that is used, and the one
 * before or the one that a rekey has just derived.
 */
import { Pool } from "../core/transfer-memory";
import { wipe } from "../crypto/wipe";
import { forgetAhead } from "./ahead";
import { now } from "./clock";
import { Session } from "./layout";
import { giveShared } from "./pool-share";
import { addPrefix, PATHS_PER_EPOCH, removePrefixes } from "./prefix";
import {
  expand,
  expandCid,
  expandPathCid,
  extractFirst,
  extractNext,
  Label,
  wipeSchedule,
} from "./schedule";

/** Blocks of 64 numbers whose skipped keys can be held: the newest 2048 numbers and a part. */
export const SKIP_BLOCKS: u32 = 33;

/** One epoch. */
export const enum Epoch {
  NUMBER = 0,
  /** EpochState bits, u8; path index of what is sent, u8. */
  STATE = 4,
  PATH = 5,
  /** Highest path index that either side has used, and that came or was acked. u8 each. */
  HIGHEST = 6,
  CAME = 7,
  /** u64 microseconds. */
  CREATED = 8,
  /** Next number to send, and to receive in order: the highest accepted + 1. u64. */
  SEND_NEXT = 16,
  RECEIVE_NEXT = 24,
  /** Highest number that the peer acked, i64; -1: none. */
  LARGEST_ACKED = 32,
  /** u64. */
  BYTES_SENT = 40,
  /** Number at which a hard stop began (section 4.7), u64; all ones: none did. */
  STOPPED_AT = 48,
  SEND_SALT = 56,
  RECEIVE_SALT = 60,
  SEND_CHAIN = 64,
  RECEIVE_CHAIN = 96,
  HP = 128,
  ROOT = 160,
  PATH_KEY = 192,
  /** CIDs of paths, 8 bytes each; path p at p & 7. */
  CIDS = 224,
  /** Bits of the numbers of a block of 64 whose keys are held, u64 each; block b at b % 33. */
  SKIP_BITS = 288,
  /** Entries of Pool.KEYS that hold a block's keys, u16 each; 0: none. */
  SKIP_CHUNKS = 552,
  /** The highest path index that we took. u8. */
  TAKEN = 618,
  BYTES = 624,
}

export const enum EpochState {
  /** Its packets are taken. */
  RECEIVES = 1,
  /** It has a chain to send with. */
  SENDS = 2,
}

/** What both epochs share, behind them. */
const enum Common {
  INITIATOR = 1248,
  PROTECTED = 1249,
  /** Number of the epoch that packets are sealed in, and of the newest. */
  SENDING = 1252,
  NEWEST = 1256,
  /** Steps that gaps may still cost (ratchet.ts), and when they were counted. */
  STEPS = 1264,
  STEPS_TIME = 1272,
  /** When a rekey starts: microseconds (u64), packets (u32). */
  REKEY_US = 1280,
  REKEY_PACKETS = 1288,
  BYTES = 1296,
}

/** 120 s, and 1,000,000 packets of a direction (section 4.7). */
const REKEY_US_DEFAULT: u64 = 120000000;
const REKEY_PACKETS_DEFAULT: u32 = 1000000;
const STEPS_MAX: u64 = 65536;
const EPOCHS_BYTES: usize = 1536;

export function epochAt(session: usize, index: u32): usize {
  return session + Session.EPOCHS + <usize>index * Epoch.BYTES;
}

/** The epoch with this number; 0: it is not held. */
export function epochOf(session: usize, number: u32): usize {
  const epoch = epochAt(session, number & 1);
  if (load<u8>(epoch, Epoch.STATE) == 0) return 0;
  return load<u32>(epoch, Epoch.NUMBER) == number ? epoch : 0;
}

/** Number of the epoch in which packets are sealed. */
export function sendingEpoch(session: usize): u32 {
  return load<u32>(session + Session.EPOCHS, Common.SENDING);
}

/**
 * Number of the newest epoch: one above sendingEpoch() while the peer's first packet is awaited.
 */
export function newestEpoch(session: usize): u32 {
  return load<u32>(session + Session.EPOCHS, Common.NEWEST);
}

/** When keys of an epoch that is held were derived: microseconds. */
export function epochCreated(session: usize, number: u32): u64 {
  return load<u64>(epochAt(session, number & 1), Epoch.CREATED);
}

/** Did this side call? */
export function hasCalled(session: usize): bool {
  return load<u8>(session + Session.EPOCHS, Common.INITIATOR) != 0;
}

export function isProtected(session: usize): bool {
  return load<u8>(session + Session.EPOCHS, Common.PROTECTED) != 0;
}

/**
 * Begins epoch 0 from k1, k2 and handshake hash (96 bytes at `k1k2h`, which are wiped).
 * `initiator`: this side called.
 */
export function startEpochs(
  session: usize,
  k1k2h: usize,
  initiator: bool,
  headerProtection: bool,
): void {
  const common = session + Session.EPOCHS;
  memory.fill(common, 0, EPOCHS_BYTES);
  store<u8>(common, initiator ? 1 : 0, Common.INITIATOR);
  store<u8>(common, headerProtection ? 1 : 0, Common.PROTECTED);
  store<u64>(common, STEPS_MAX, Common.STEPS);
  store<u64>(common, now, Common.STEPS_TIME);
  setRekeyLimits(session, REKEY_US_DEFAULT, REKEY_PACKETS_DEFAULT);
  extractFirst(k1k2h);
  wipe(k1k2h, 96);
  install(session, 0);
}

/** Sets at which age (microseconds) and how many packets of a direction a rekey is due. */
export function setRekeyLimits(session: usize, us: u64, packets: u32): void {
  store<u64>(session + Session.EPOCHS, us, Common.REKEY_US);
  store<u32>(session + Session.EPOCHS, packets, Common.REKEY_PACKETS);
}
export function rekeyUs(session: usize): u64 {
  return load<u64>(session + Session.EPOCHS, Common.REKEY_US);
}
export function rekeyPackets(session: usize): u32 {
  return load<u32>(session + Session.EPOCHS, Common.REKEY_PACKETS);
}

/**
 * Derives epoch `number`, one above the newest, from the newest one's root, which is wiped, and the
 * shared secret at `dh` (32 bytes; the caller wipes it). It is received from now on; sealing goes
 * on in the old epoch until switchEpoch(). False: its place is still held, or another number.
 */
export function deriveNextEpoch(session: usize, dh: usize, number: u32): bool {
  const newest = newestEpoch(session),
    from = epochOf(session, newest);
  if (from == 0 || number != newest + 1) return false;
  if (load<u8>(epochAt(session, number & 1), Epoch.STATE) != 0) return false;
  extractNext(from + Epoch.ROOT, dh, number);
  wipe(from + Epoch.ROOT, 32);
  install(session, number);
  return true;
}

/** Fills the place of epoch `number` from PRK, which is wiped. */
function install(session: usize, number: u32): void {
  const common = session + Session.EPOCHS,
    index = number & 1,
    epoch = epochAt(session, index);
  const initiator = load<u8>(common, Common.INITIATOR) != 0;
  memory.fill(epoch, 0, Epoch.BYTES);
  store<u32>(epoch, number, Epoch.NUMBER);
  store<u8>(epoch, EpochState.RECEIVES | EpochState.SENDS, Epoch.STATE);
  store<u64>(epoch, now, Epoch.CREATED);
  store<i64>(epoch, -1, Epoch.LARGEST_ACKED);
  store<u64>(epoch, u64.MAX_VALUE, Epoch.STOPPED_AT);
  expand(initiator ? Label.I2R_DATA : Label.R2I_DATA, epoch + Epoch.SEND_CHAIN, 32);
  expand(initiator ? Label.R2I_DATA : Label.I2R_DATA, epoch + Epoch.RECEIVE_CHAIN, 32);
  expand(initiator ? Label.I2R_NONCE : Label.R2I_NONCE, epoch + Epoch.SEND_SALT, 4);
  expand(initiator ? Label.R2I_NONCE : Label.I2R_NONCE, epoch + Epoch.RECEIVE_SALT, 4);
  expand(Label.RATCHET_ROOT, epoch + Epoch.ROOT, 32);
  expand(Label.HP, epoch + Epoch.HP, 32);
  expand(Label.PATH_CID, epoch + Epoch.PATH_KEY, 32);
  expandCid(epoch + Epoch.CIDS);
  wipeSchedule();
  store<u32>(common, number, Common.NEWEST);
  addPrefix(session, index, 0, epoch + Epoch.CIDS);
  listPaths(session, epoch, 1, 2);
}

/** Where the CID of a path lies that is open in an epoch (8 bytes). */
export function pathCid(epoch: usize, path: u32): usize {
  return epoch + Epoch.CIDS + ((<usize>(path & (PATHS_PER_EPOCH - 1))) << 3);
}

/**
 * Path `path` is used in an epoch: it and the next two are listed, and those before stay for paths
 * that still have them and for what is on its way (section 4.9).
 */
export function openPaths(session: usize, number: u32, path: u32): void {
  const epoch = epochOf(session, number);
  if (epoch == 0) return;
  const highest: u32 = load<u8>(epoch, Epoch.HIGHEST);
  if (path <= highest) return;
  store<u8>(epoch, path, Epoch.HIGHEST);
  listPaths(session, epoch, highest + 3, path + 2);
}

function listPaths(session: usize, epoch: usize, first: u32, last: u32): void {
  const index = load<u32>(epoch, Epoch.NUMBER) & 1;
  for (let path = first; path <= min<u32>(last, 255); path++) {
    const cid = pathCid(epoch, path);
    expandPathCid(epoch + Epoch.PATH_KEY, path, cid);
    addPrefix(session, index, path, cid);
  }
  wipeSchedule();
}

/** Packets of the sending epoch carry the CID of path `path`, which openPaths() has listed. */
export function sendOnPath(session: usize, path: u32): void {
  store<u8>(epochAt(session, sendingEpoch(session) & 1), path, Epoch.PATH);
}

/** Everything is sealed in the newest epoch from now on; the chain of the one before is wiped. */
export function switchEpoch(session: usize): void {
  const newest = newestEpoch(session),
    before = sendingEpoch(session);
  if (newest == before) return;
  const old = epochOf(session, before);
  if (old != 0) {
    wipe(old + Epoch.SEND_CHAIN, 32);
    store<u8>(old, load<u8>(old, Epoch.STATE) & ~EpochState.SENDS, Epoch.STATE);
  }
  store<u32>(session + Session.EPOCHS, newest, Common.SENDING);
}

/** Wipes the epoch at an index: its packets are no one's from now on. */
export function retireEpoch(session: usize, index: u32): void {
  const epoch = epochAt(session, index);
  removePrefixes(session, index);
  forgetAhead(epoch);
  for (let slot: usize = 0; slot < SKIP_BLOCKS; slot++) {
    const chunk = load<u16>(epoch + Epoch.SKIP_CHUNKS + (slot << 1));
    if (chunk) giveShared(session, Pool.KEYS, chunk);
  }
  wipe(epoch, Epoch.BYTES);
}

/** Wipes all keys of a session. */
export function wipeEpochs(session: usize): void {
  retireEpoch(session, 0);
  retireEpoch(session, 1);
  wipe(session + Session.EPOCHS, EPOCHS_BYTES);
}

/** The peer acked number `n` of an epoch that is held (else nothing). */
export function setLargestAcked(session: usize, number: u32, n: u32): void {
  const epoch = epochOf(session, number);
  if (epoch == 0) return;
  const before = load<i64>(epoch, Epoch.LARGEST_ACKED);
  if (<i64>n > before) store<i64>(epoch, n, Epoch.LARGEST_ACKED);
}

/**
 * Takes `steps` from what gaps may cost a session (section 4.6): 65536 a second, as many at once.
 * False: there are not so many left.
 */
export function takeSteps(session: usize, steps: u32): bool {
  const common = session + Session.EPOCHS;
  const elapsed = min<u64>(now - load<u64>(common, Common.STEPS_TIME), 1000000) * STEPS_MAX;
  const left = min<u64>(STEPS_MAX, load<u64>(common, Common.STEPS) + elapsed / 1000000);
  if (left < steps) return false;
  store<u64>(common, left - steps, Common.STEPS);
  // What was too little for a step counts on.
  store<u64>(common, now - (elapsed % 1000000) / STEPS_MAX, Common.STEPS_TIME);
  return true;
}
