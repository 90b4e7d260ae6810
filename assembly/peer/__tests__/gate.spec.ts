import { PEER } from "../../core/memory";
import {
  PeerBlock,
  PeerField,
  PeerGateVerdict,
  PeerKind,
  PeerVerdict,
  PeerWire,
} from "../../core/peer";
import { fromHex } from "../../crypto/__tests__/bytes";
import { clearBlock, setBytes, setNumber } from "../block";
import { accept, banPeer, close, open, replaceWhitelist, startGate, unbanPeer } from "../gate";
import { isBanned, nextEnd } from "../gate-bans";
import { beginHandshake, concludeHandshake } from "../gate-handshake";
import {
  BANNED,
  BANS_MAX,
  banAt,
  FOREVER,
  GATE_BYTES,
  SPENT,
  SPENT_MAX,
  word,
} from "../gate-memory";
import { receiveRequest } from "../gate-requests";
import { remember } from "../gate-seen";
import { keepSpent, takeSpent } from "../gate-spent";
import { tick } from "../gate-timers";
import { indexOf } from "../gate-whitelist";
import { configurePeer } from "./messages";

configurePeer();

const START = "002408011220";
const NOW: u64 = 1767225600000;

function set(number: PeerField, hex: string): void {
  setBytes(number, fromHex(hex), hex.length >> 1);
}

function begin(): void {
  clearBlock();
  set(PeerField.RECIPIENT, START + "bb".repeat(32));
  expect(startGate(2, 100, 100)).toBe(true);
}

function connect(): u32 {
  expect(accept(7, NOW)).toBe(PeerGateVerdict.OK);
  const handle = load<u32>(PEER, PeerBlock.HANDLE);
  set(PeerField.CONNECTION, START + "aa".repeat(32));
  expect(open(handle, NOW)).toBe(PeerGateVerdict.OK);
  return handle;
}

function allow(bytes: string): void {
  memory.copy(PEER + PeerBlock.IN, fromHex(bytes), bytes.length >> 1);
  expect(replaceWhitelist(bytes.length >> 6, NOW)).toBe(true);
}

describe("the gate", () => {
  test("its tables fit their room", () => {
    expect(GATE_BYTES).toBe(PeerBlock.BYTES - PeerBlock.GATE);
  });

  test("a target and an id of our own", () => {
    clearBlock();
    expect(startGate(2, 100, 100)).toBe(false);
    set(PeerField.RECIPIENT, START + "bb".repeat(32));
    expect(startGate(0, 100, 100)).toBe(false);
    expect(startGate(257, 100, 100)).toBe(false);
    expect(startGate(256, 0, 100)).toBe(false);
    expect(startGate(256, 100, 0)).toBe(false);
    expect(startGate(256, 1000001, 100)).toBe(false);
    expect(startGate(256, 100, 1000001)).toBe(false);
    expect(startGate(256, 1000000, 1000000)).toBe(true);
  });

  test("verifies, and forgets with the connection", () => {
    begin();
    allow("40".repeat(32) + "30".repeat(32) + "40".repeat(32));
    expect(indexOf(fromHex("40".repeat(32)))).toBe(1);
    expect(indexOf(fromHex("41".repeat(32)))).toBe(-1);
    const handle = connect();
    expect(receiveRequest(handle, NOW)).toBe(PeerGateVerdict.NOT_VERIFIED);
    set(PeerField.KEY, "40".repeat(32));
    setNumber(PeerField.KEY_KIND, 1);
    set(PeerField.SIGNATURE, "50".repeat(64));
    set(PeerField.SENDER, START + "aa".repeat(32));
    setNumber(PeerField.TIMESTAMP, NOW);
    const begun = beginHandshake(handle, PeerKind.REQUEST, PeerWire.MESSAGE, NOW);
    expect(begun).toBe(PeerVerdict.OK);
    expect(concludeHandshake(handle, PeerKind.REQUEST, true, NOW)).toBe(PeerGateVerdict.OK);
    expect(receiveRequest(handle, NOW)).toBe(PeerGateVerdict.OK);
    expect(close(handle, NOW)).toBe(PeerGateVerdict.OK);
    expect(receiveRequest(handle, NOW)).toBe(PeerGateVerdict.UNKNOWN_CONNECTION);
    expect(receiveRequest(connect(), NOW)).toBe(PeerGateVerdict.NOT_VERIFIED);
  });

  test("a time-out at 30 s", () => {
    begin();
    const handle = connect();
    tick(NOW + 29999);
    expect(receiveRequest(handle, NOW + 29999)).toBe(PeerGateVerdict.NOT_VERIFIED);
    tick(NOW + 30000);
    expect(receiveRequest(handle, NOW)).toBe(PeerGateVerdict.UNKNOWN_CONNECTION);
  });

  test("full of bans: the oldest with an end goes, endless ones stay", () => {
    begin();
    const key = fromHex("00".repeat(32));
    for (let i: u32 = 0; i < BANS_MAX; i++) {
      set(PeerField.CONNECTION, START + "cc".repeat(32));
      store<u32>(load<u32>(PEER, PeerBlock.FIELDS + 8 * PeerField.CONNECTION) + 6, i);
      expect(banPeer(i == 9 ? NOW + 1000 : FOREVER, NOW)).toBe(PeerGateVerdict.OK);
    }
    expect(nextEnd(NOW)).toBe(NOW + 1000);
    memory.copy(key, banAt(9), 32);
    expect(isBanned(key, NOW)).toBe(true);
    set(PeerField.CONNECTION, START + "aa".repeat(32));
    expect(banPeer(FOREVER, NOW)).toBe(PeerGateVerdict.OK);
    expect(isBanned(key, NOW)).toBe(false);
    set(PeerField.CONNECTION, START + "ab".repeat(32));
    expect(banPeer(FOREVER, NOW)).toBe(PeerGateVerdict.BANS_FULL);
    set(PeerField.CONNECTION, START + "aa".repeat(32));
    expect(unbanPeer()).toBe(PeerGateVerdict.OK);
    expect(word(BANNED)).toBe(BANS_MAX - 1);
  });

  test("a peer fills its share of the seen handshakes, no more", () => {
    begin();
    const name = fromHex("aa".repeat(32)),
      digest = fromHex("01".repeat(32));
    for (let i: u32 = 0; i < 36; i++) {
      store<u32>(digest, i);
      expect(remember(name, digest, NOW, NOW)).toBe(PeerGateVerdict.OK);
    }
    expect(remember(name, digest, NOW, NOW)).toBe(PeerGateVerdict.REPLAYED);
    store<u32>(digest, 36);
    expect(remember(name, digest, NOW, NOW)).toBe(PeerGateVerdict.SEEN_FULL);
    expect(remember(fromHex("ab".repeat(32)), digest, NOW, NOW)).toBe(PeerGateVerdict.OK);
    expect(remember(name, digest, NOW, NOW + 35000)).toBe(PeerGateVerdict.REPLAYED);
    expect(remember(name, digest, NOW + 1, NOW + 35000)).toBe(PeerGateVerdict.OK);
  });

  test("what a peer has sent is kept by its instance key for its 10 s", () => {
    begin();
    const key = fromHex("40".repeat(32)),
      other = fromHex("41".repeat(32)),
      counts = fromHex("070000000800000009000000"),
      none = fromHex("010000000100000001000000");
    keepSpent(key, NOW, counts, NOW + 5);
    expect(takeSpent(other, NOW + 9, none, NOW + 9)).toBe(NOW + 9);
    expect(load<u32>(none)).toBe(1);
    expect(takeSpent(key, NOW + 9, none, NOW + 9999)).toBe(NOW);
    expect(load<u32>(none)).toBe(8);
    expect(load<u32>(none, 4)).toBe(9);
    expect(load<u32>(none, 8)).toBe(10);
    expect(takeSpent(key, NOW + 9, none, NOW + 9999)).toBe(NOW + 9);
    keepSpent(key, NOW, counts, NOW + 9999);
    expect(takeSpent(key, NOW + 9, none, NOW + 10000)).toBe(NOW + 9);
    keepSpent(key, NOW, counts, NOW + 10000);
    expect(word(SPENT)).toBe(0);
  });

  test("full of what peers have sent: the oldest is forgotten", () => {
    begin();
    const key = fromHex("00".repeat(32)),
      counts = fromHex("01".repeat(12));
    for (let i: u32 = 0; i <= SPENT_MAX; i++) {
      store<u32>(key, i);
      keepSpent(key, i == 5 ? NOW : NOW + 1, counts, NOW + 1);
    }
    expect(word(SPENT)).toBe(SPENT_MAX);
    store<u32>(key, 5);
    expect(takeSpent(key, NOW + 2, counts, NOW + 2)).toBe(NOW + 2);
    store<u32>(key, SPENT_MAX);
    expect(takeSpent(key, NOW + 2, counts, NOW + 2)).toBe(NOW + 1);
  });
});
