/**
 * Two sides of a session that go elsewhere, and an onlooker who sees all packets: CIDs and
 * addresses.
 */
import { TRANSFER } from "../../core/memory";
import { Status } from "../../core/status";
import { PathField, TransferBlock, TransferPacket } from "../../core/transfer";
import { now } from "../clock";
import { close, migrate, rekeyKey, rekeySecret, step } from "../exports";
import { sessionOf } from "../session-head";
import { configureTransfer } from "./configured";
import {
  deliver,
  drain,
  FAR_OURS,
  FAR_THEIRS,
  farOf,
  flush,
  openBoth,
  ours,
  packetOf,
  senderOf,
  setTime,
  settleDown,
  theirs,
  told,
} from "./session-ends";

configureTransfer();
const ROUND_US: u64 = 2000;
const CHALLENGE_BYTES: u32 = 1200;
const ARGUMENTS = TRANSFER + TransferBlock.ARGUMENTS;
/** Their second address, which is number 2 there. */
export const OTHER_PORT: u16 = 4002;
export const FAR_OTHER = farOf(2, OTHER_PORT);

/** Where both are, what arrives, and what an onlooker finds. */
class Net {
  oursAt: usize = FAR_OURS;
  theirsAt: usize = FAR_THEIRS;
  /** The newest that a side has moved to. */
  port: u16 = 0;
  /** Port of theirs at which nothing arrives, and from which nothing comes; 0: none. */
  dead: u16 = 0;
  allDead: bool = false;
  /** Port of theirs from which nothing comes; 0: none. */
  mute: u16 = 0;
  /** Port of theirs at which nothing arrives that is as large as a challenge; 0: none. */
  narrow: u16 = 0;
  /** Hosts answer what a rekey asks of them. */
  asks: bool = true;
  /** Packets whose prefix had been seen on another way. */
  linked: i32 = 0;
}

export const net = new Net();
let time: u64 = 1000000000;

/** Prefixes that were seen, and between which ports first. */
const SEEN_MAX = 8192;
const prefixes = new StaticArray<u32>(SEEN_MAX);
const ways = new StaticArray<u32>(SEEN_MAX);
let seen = 0;

export function portOf(far: usize): u16 {
  return load<u16>(far, PathField.PORT);
}

function look(prefix: u32, way: u32): void {
  for (let i = 0; i < seen; i++) {
    if (prefixes[i] != prefix) continue;
    if (ways[i] != way) net.linked++;
    return;
  }
  prefixes[seen] = prefix;
  ways[seen++] = way;
}

/** Prefixes that were seen between our net.port and a net.port of theirs. */
export function countOn(theirPort: u16): u32 {
  let count: u32 = 0;
  for (let i = 0; i < seen; i++) if (<u16>ways[i] == theirPort) count++;
  return count;
}

/** All sessions have the same keys, so that there must be no other ones. */
export function start(): void {
  close(ours, 0, 0);
  close(theirs, 0, 0);
  for (let i = 0; i < 40 && (sessionOf(ours) || sessionOf(theirs)); i++) settleDown(1000000);
  time = max(time, now) + 100000000;
  setTime(time);
  net.oursAt = FAR_OURS;
  net.theirsAt = FAR_THEIRS;
  net.port = 5000;
  net.dead = 0;
  net.allDead = false;
  net.mute = 0;
  net.narrow = 0;
  net.asks = true;
  openBoth();
  settleDown(1000);
  drain();
  seen = 0;
  net.linked = 0;
}

function entryOf(i: u32): usize {
  return TRANSFER + TransferBlock.SENT + <usize>i * TransferPacket.BYTES;
}

function pathOf(i: u32): usize {
  return entryOf(i) + TransferPacket.PATH;
}

/** The port that a packet goes to. */
export function toPort(i: u32): u16 {
  return portOf(pathOf(i));
}

/** A packet goes its way, if somebody is where it goes. */
export function carry(i: u32): void {
  const path = pathOf(i),
    isOurs = senderOf(i) == ours,
    local = load<u16>(path, PathField.LOCAL),
    here = isOurs ? portOf(net.oursAt) : portOf(path),
    there = isOurs ? portOf(path) : local == 2 ? OTHER_PORT : portOf(net.theirsAt);
  look(load<u32>(packetOf(i)), ((<u32>here) << 16) | there);
  if (net.allDead || there == net.dead) return;
  if (isOurs) {
    const bytes = load<u32>(entryOf(i), TransferPacket.LENGTH);
    if (there == net.narrow && bytes >= CHALLENGE_BYTES) return;
    if (there != OTHER_PORT && there != portOf(net.theirsAt)) return;
    const from = farOf(0, 0);
    memory.copy(from, net.oursAt, PathField.BYTES);
    store<u16>(from, there == OTHER_PORT ? 2 : 0, PathField.LOCAL);
    deliver(i, from);
  } else if (there != net.mute && here == portOf(net.oursAt))
    deliver(i, there == OTHER_PORT ? FAR_OTHER : net.theirsAt);
}

/** Both hosts answer what a rekey asks of them, if they were asked. */
function answer(side: u32): void {
  memory.fill(ARGUMENTS, <u8>side, 32);
  rekeyKey(side);
  memory.fill(ARGUMENTS, 7, 32);
  rekeySecret(side);
}

/** Events of a kind that `side` was told within so many rounds, which end with the first. */
export function awaits(side: u32, kind: u32, rounds: u32): u32 {
  for (let round: u32 = 0; round < rounds; round++) {
    const count = flush();
    for (let i: u32 = 0; i < count; i++) carry(i);
    if (net.asks) answer(ours);
    if (net.asks) answer(theirs);
    setTime(now + ROUND_US);
    step(<u32>now, <u32>(now >> 32));
    drain();
    if (told(side, kind)) return told(side, kind);
  }
  return 0;
}

/** Packets that a side sends after so many microseconds. */
export function sentBy(side: u32, us: u64): u32 {
  setTime(now + us);
  step(<u32>now, <u32>(now >> 32));
  const count = flush();
  let sent: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (senderOf(i) == side) sent++;
    carry(i);
  }
  return sent;
}

export function migrateTo(side: u32, far: usize): Status {
  memory.copy(ARGUMENTS, far, PathField.BYTES);
  return migrate(side);
}

/** A side has another address, and knows it. */
export function move(side: u32): Status {
  const far = farOf(side == ours ? 1 : 2, ++net.port);
  if (side == ours) net.oursAt = far;
  else net.theirsAt = far;
  return migrateTo(side, side == ours ? net.theirsAt : net.oursAt);
}
