import { CloseError, FrameHead } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { now, resetClock } from "../clock";
import { epochOf as heldEpoch, newestEpoch, sendingEpoch, startEpochs } from "../epoch";
import { SessionBit } from "../events";
import { viewFrame } from "../frame-view";
import { startPaths } from "../path-slots";
import { ackEpoch, ackWanted, hasReceived, noteReceived } from "../received";
import { startRecovery } from "../recovery";
import {
  askRekey,
  giveKey,
  giveSecret,
  isRekeying,
  oldKeysDeadline,
  onRekey,
  onRekeyTimer,
  packetOfEpoch,
  REKEY_PAYLOAD,
  rekeyDeadline,
  rekeyDue,
  rekeyNumber,
  SecretVerdict,
  startRekeys,
  writeRekey,
} from "../rekey";
import { PTO_MIN_US, ptoUs, sampleRtt } from "../rtt";
import { Head } from "../session-head";
import { Part, partOf } from "../stream";
import { NEVER } from "../timer-wheel";
import { Handled } from "../verdict";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
const frame = guarded(256);
const key = guarded(32);
const secret = guarded(32);
const material = guarded(96);
const far = guarded(24);
const START: u64 = 1000000;

function session(initiator: bool): usize {
  const made = bareSession();
  memory.fill(material, 7, 96);
  store<u8>(made, initiator ? 1 : 0, Head.INITIATOR);
  resetClock(START);
  startEpochs(made, material, initiator, false);
  startPaths(made, far);
  startRecovery(made, 50000);
  startRekeys(made);
  return made;
}

/** Events told since the last call. */
function told(made: usize): u32 {
  const bits = load<u32>(made, Head.EVENTS);
  store<u32>(made, 0, Head.EVENTS);
  return bits;
}

/** The frame that one side has due reaches the other. */
function carry(from: usize, to: usize): u32 {
  expect(rekeyDue(from)).toBe(true, "a frame is due");
  expect(writeRekey(from, frame)).toBe(80);
  expect(rekeyDue(from)).toBe(false);
  viewFrame(frame);
  return onRekey(to, sendingEpoch(from));
}

function giveKeyTo(made: usize, value: u8): bool {
  memory.fill(key, value, 32);
  return giveKey(made, key);
}

function giveSecretTo(made: usize): SecretVerdict {
  memory.fill(secret, 99, 32);
  return giveSecret(made, secret);
}

/** From nothing to the asking side's first packet in the new epoch. */
function exchange(asks: usize, answers: usize): void {
  expect(askRekey(asks)).toBe(true);
  expect(told(asks)).toBe(SessionBit.REKEY_KEY);
  giveKeyTo(asks, 1);
  expect(carry(asks, answers)).toBe(Handled.OK);
  expect(told(answers)).toBe(SessionBit.REKEY_KEY);
  giveKeyTo(answers, 2);
  expect(told(answers)).toBe(SessionBit.REKEY_SECRET);
  expect(giveSecretTo(answers)).toBe(SecretVerdict.OK);
  expect(carry(answers, asks)).toBe(Handled.OK);
  expect(told(asks)).toBe(SessionBit.REKEY_SECRET);
  expect(giveSecretTo(asks)).toBe(SecretVerdict.OK);
}

/** The same, to the end: both use the new epoch. */
function finish(asks: usize, answers: usize): void {
  exchange(asks, answers);
  packetOfEpoch(answers, newestEpoch(asks));
  packetOfEpoch(asks, newestEpoch(asks));
  told(asks);
  told(answers);
}

/** A question for epoch k is viewed. */
function ask(k: u32): void {
  memory.fill(frame, 0, 80);
  store<u8>(frame, 4, FrameHead.TYPE);
  store<u8>(frame, 1, FrameHead.FLAGS);
  store<u16>(frame, bswap<u16>(<u16>REKEY_PAYLOAD), FrameHead.PAYLOAD_LENGTH);
  store<u32>(frame, bswap<u32>(k), 60);
  viewFrame(frame);
}

describe("rekey", () => {
  test("switches the asking side at once, the answering one at its first packet", () => {
    const a = session(true),
      b = session(false);
    exchange(a, b);
    expect(load<u64>(secret)).toBe(0, "the secret is wiped");
    expect(sendingEpoch(a)).toBe(1);
    expect(sendingEpoch(b)).toBe(0);
    expect(newestEpoch(b)).toBe(1);
    packetOfEpoch(b, 0);
    expect(sendingEpoch(b)).toBe(0, "an old packet says nothing");
    packetOfEpoch(b, 1);
    expect(sendingEpoch(b)).toBe(1);
    packetOfEpoch(a, 1);
    expect(told(a) | told(b)).toBe(SessionBit.REKEYED);
    expect(isRekeying(a) || isRekeying(b)).toBe(false);
    expect(rekeyNumber(a)).toBe(1);
    // The receive keys of epoch 0 live on for 3 PTO, and until then nothing starts.
    expect(askRekey(a)).toBe(false);
    expect(oldKeysDeadline(a)).toBe(START + 3 * ptoUs(a, false));
    expect(rekeyDeadline(a)).toBe(NEVER);
    resetClock(oldKeysDeadline(a));
    onRekeyTimer(a);
    expect(oldKeysDeadline(a)).toBe(NEVER);
    expect(askRekey(a)).toBe(true);
    expect(rekeyNumber(a)).toBe(2);
  });

  test("gives up keys from before when the peer, who has waited, asks for the next epoch", () => {
    const a = session(true),
      b = session(false);
    startRecovery(b, 20000000);
    finish(a, b);
    const asked: u64 = 3 * PTO_MIN_US;
    expect(oldKeysDeadline(b)).toBe(START + 3 * ptoUs(b, false), "3 PTO are minutes");
    ask(2);
    resetClock(START + asked - 1);
    expect(onRekey(b, 1)).toBe(Handled.OK);
    expect(heldEpoch(b, 0)).not.toBe(0, "nobody has waited for so short a time");
    expect(isRekeying(b)).toBe(false);
    resetClock(START + asked);
    expect(onRekey(b, 0)).toBe(Handled.OK);
    expect(heldEpoch(b, 0)).not.toBe(0, "a question goes in the epoch that is used");
    expect(isRekeying(b)).toBe(false);
    expect(onRekey(b, 1)).toBe(Handled.OK);
    expect(heldEpoch(b, 0)).toBe(0);
    expect(oldKeysDeadline(b)).toBe(NEVER);
    expect(told(b) & SessionBit.REKEY_KEY).not.toBe(0);
    giveKeyTo(b, 3);
    expect(giveSecretTo(b)).toBe(SecretVerdict.OK);
    expect(newestEpoch(b)).toBe(2);
  });

  test("is not begun nor answered while an end from before the epoch is unacked", () => {
    const a = session(true),
      b = session(false);
    store<u32>(partOf(a), 1, Part.ENDS_BEFORE);
    expect(askRekey(a)).toBe(false);
    ask(1);
    expect(onRekey(a, 0)).toBe(Handled.OK);
    expect(told(a)).toBe(0, "it comes again");
    store<u32>(partOf(a), 0, Part.ENDS_BEFORE);
    store<u32>(partOf(a), 1, Part.ENDS);
    expect(onRekey(a, 0)).toBe(Handled.OK);
    expect(told(a)).toBe(SessionBit.REKEY_KEY);
    store<u32>(partOf(b), 1, Part.ENDS);
    expect(askRekey(b)).toBe(true, "one of this epoch may go again in the next");
  });

  test("keeps the keys of the epoch it sends in, whoever asks for one after the next", () => {
    const a = session(true),
      b = session(false);
    exchange(a, b);
    ask(2);
    resetClock(START + 10000000);
    expect(onRekey(b, 1)).toBe(Handled.OK);
    expect(onRekey(b, 0)).toBe(Handled.OK);
    expect(sendingEpoch(b)).toBe(0);
    expect(heldEpoch(b, 0)).not.toBe(0);
  });

  test("gives them up after 3 PTO of the shortest round trip when its own data wait", () => {
    const a = session(true),
      b = session(false);
    sampleRtt(a, 20000, 0);
    sampleRtt(a, 8000000, 0);
    finish(a, b);
    const late = START + 3 * ptoUs(a, false),
      soon = START + 3 * (20000 + PTO_MIN_US);
    expect(oldKeysDeadline(a)).toBe(late);
    resetClock(soon - 1);
    onRekeyTimer(a);
    expect(oldKeysDeadline(a)).toBe(late, "nobody wants the next epoch");
    expect(askRekey(a)).toBe(false);
    expect(heldEpoch(a, 0)).not.toBe(0);
    expect(oldKeysDeadline(a)).toBe(soon);
    resetClock(soon);
    expect(askRekey(a)).toBe(true);
    expect(heldEpoch(a, 0)).toBe(0);
  });

  test("lists no numbers of an epoch whose acks would end the session", () => {
    const a = session(true),
      b = session(false);
    noteReceived(a, 0, 0, true);
    finish(a, b);
    expect(ackWanted(a)).toBe(1);
    expect(ackEpoch(a)).toBe(0, "the one before may be acked");
    resetClock(oldKeysDeadline(a));
    exchange(a, b);
    expect(sendingEpoch(a)).toBe(2);
    expect(ackWanted(a)).toBe(0);
    expect(hasReceived(a, 0)).toBe(false);
  });

  test("repeats question and answer each PTO, with the same representative", () => {
    const a = session(true),
      b = session(false);
    askRekey(a);
    giveKeyTo(a, 5);
    writeRekey(a, frame);
    expect(load<u8>(frame, FrameHead.FLAGS)).toBe(1);
    expect(rekeyDeadline(a)).toBe(START + ptoUs(a, false));
    resetClock(rekeyDeadline(a));
    onRekeyTimer(a);
    carry(a, b);
    expect(load<u8>(frame, 28)).toBe(5);
    expect(bswap<u32>(load<u32>(frame, 60))).toBe(1);
    giveKeyTo(b, 6);
    giveSecretTo(b);
    writeRekey(b, frame);
    expect(load<u8>(frame, FrameHead.FLAGS)).toBe(5);
    resetClock(rekeyDeadline(b));
    onRekeyTimer(b);
    carry(b, a);
    expect(load<u8>(frame, 28)).toBe(6);
    expect(rekeyDeadline(a)).toBe(NEVER, "it has its answer");
    // A question that comes again is answered at once.
    writeRekey(b, frame);
    store<u8>(frame, 1, FrameHead.FLAGS);
    viewFrame(frame);
    expect(rekeyDue(b)).toBe(false);
    onRekey(b, 0);
    expect(rekeyDue(b)).toBe(true);
  });

  test("repeats it sooner at first while a spike has blown the PTO up", () => {
    const a = session(true),
      b = session(false),
      soon: u64 = 20000 + PTO_MIN_US;
    sampleRtt(a, 20000, 0);
    sampleRtt(a, 8000000, 0);
    const pto = ptoUs(a, false);
    askRekey(a);
    giveKeyTo(a, 1);
    for (let wait = 2 * soon; wait < pto; wait *= 2) {
      writeRekey(a, frame);
      expect(rekeyDeadline(a)).toBe(now + wait);
      resetClock(rekeyDeadline(a));
    }
    for (let i = 0; i < 40; i++) {
      writeRekey(a, frame);
      expect(rekeyDeadline(a)).toBe(now + pto, "never later");
    }
    resetClock(rekeyDeadline(a));
    onRekeyTimer(a);
    // An answer is repeated by the PTO of a side that has seen no spike.
    carry(a, b);
    giveKeyTo(b, 2);
    giveSecretTo(b);
    writeRekey(b, frame);
    expect(rekeyDeadline(b)).toBe(now + ptoUs(b, false));
  });

  test("lets the session's initiator ask when both do", () => {
    const a = session(true),
      b = session(false);
    askRekey(a);
    askRekey(b);
    told(b);
    giveKeyTo(a, 1);
    giveKeyTo(b, 2);
    expect(carry(b, a)).toBe(Handled.OK);
    expect(told(a) & SessionBit.REKEY_SECRET).toBe(0, "the initiator goes on asking");
    expect(carry(a, b)).toBe(Handled.OK);
    expect(told(b)).toBe(SessionBit.REKEY_SECRET, "with the key it has");
    giveSecretTo(b);
    carry(b, a);
    expect(load<u8>(frame, 28)).toBe(2);
    expect(giveSecretTo(a)).toBe(SecretVerdict.OK);
    expect(sendingEpoch(a)).toBe(1);
  });

  test("ignores what is over and closes for what cannot be", () => {
    const a = session(true),
      b = session(false);
    exchange(a, b);
    packetOfEpoch(b, 1);
    packetOfEpoch(a, 1);
    told(a);
    told(b);
    memory.fill(frame, 0, 80);
    store<u8>(frame, 1, FrameHead.FLAGS);
    for (let k: u32 = 0; k < 2; k++) {
      store<u32>(frame, bswap<u32>(k), 60);
      viewFrame(frame);
      expect(onRekey(b, 1)).toBe(Handled.OK);
    }
    store<u32>(frame, bswap<u32>(2), 60);
    viewFrame(frame);
    expect(onRekey(b, 1)).toBe(Handled.OK);
    expect(isRekeying(b)).toBe(false, "keys of epoch 0 are still held");
    store<u32>(frame, bswap<u32>(3), 60);
    viewFrame(frame);
    expect(onRekey(b, 1)).toBe(Handled.CLOSE + CloseError.CRYPTO);
    store<u8>(frame, 5, FrameHead.FLAGS);
    viewFrame(frame);
    expect(onRekey(b, 1)).toBe(Handled.CLOSE + CloseError.CRYPTO);
    store<u8>(frame, 0, FrameHead.FLAGS);
    viewFrame(frame);
    expect(onRekey(b, 1)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING);
  });

  test("takes no key and no secret that nobody asked for, and no secret of zeros", () => {
    const a = session(true),
      b = session(false);
    expect(giveKeyTo(a, 1)).toBe(false);
    expect(giveSecretTo(a)).toBe(SecretVerdict.NOT_ASKED);
    askRekey(a);
    expect(askRekey(a)).toBe(false, "one at a time");
    giveKeyTo(a, 1);
    expect(giveKeyTo(a, 1)).toBe(false);
    carry(a, b);
    giveKeyTo(b, 1);
    memory.fill(secret, 0, 32);
    expect(giveSecret(b, secret)).toBe(SecretVerdict.BAD);
    expect(newestEpoch(b)).toBe(0);
  });
});
