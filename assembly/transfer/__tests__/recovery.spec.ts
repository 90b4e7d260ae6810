import { CloseError } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { ackBytes, addAckRange, writeAckHead } from "../ack";
import { congestionWindow, mayCongestionSend } from "../bbr";
import { now, resetClock } from "../clock";
import { mtu, startMtu } from "../mtu";
import { entriesLeft } from "../pool";
import { shareSize } from "../pool-share";
import { hasReceived, noteReceived, writeAckBlock } from "../received";
import {
  ackElicitingInFlight,
  noteAckCarried,
  oldestUnacked,
  onAckBlock,
  onRecoveryTimer,
  packetSent,
  probesWanted,
  recoveryDeadline,
  resetPath,
  startRecovery,
} from "../recovery";
import { bytesInFlight, Recovery, recoveryWord } from "../recovery-state";
import { ptoUs, sampleRtt, smoothedUs } from "../rtt";
import {
  dropSent,
  firstSent,
  nextSent,
  recordSent,
  roomToSend,
  SentFlag,
  sentInEpoch,
  sentRecord,
} from "../sent";
import { SentRecord } from "../sent-record";
import { NEVER } from "../timer-wheel";
import { Handled } from "../verdict";
import { bareSession, below, configureTransfer, seed } from "./configured";

const SEED: u32 = 60;
const BYTES: u32 = 1000;
const block = heap.alloc(2048);

configureTransfer();

function begin(): usize {
  resetClock(1000000);
  const session = bareSession();
  startMtu(session, false, 1472);
  startRecovery(session, 0);
  return session;
}

function send(session: usize, epoch: u32, n: u32): usize {
  const record = recordSent(session, epoch, n, BYTES);
  packetSent(session, record, SentFlag.ELICITING | SentFlag.IN_FLIGHT);
  return record;
}

/** Acks low .. high of an epoch. */
function ack(session: usize, epoch: u32, low: u32, high: u32): u32 {
  writeAckHead(block, high, 0, high - low);
  return onAckBlock(session, epoch, block, 11);
}

function later(us: u64): void {
  resetClock(now + us);
}

function flags(session: usize, s: u64): u32 {
  return load<u32>(sentRecord(session, s), SentRecord.FLAGS);
}

function isLost(session: usize, s: u64): bool {
  return (flags(session, s) & SentFlag.LOST) != 0;
}

describe("round trips", () => {
  test("begin at 100 ms or with the handshake's, and smooth as RFC 9002 says", () => {
    const session = begin();
    expect(smoothedUs(session)).toBe(100000);
    expect(ptoUs(session, false)).toBe(100000 + 4 * 50000 + 25000);
    startRecovery(session, 40000);
    expect(ptoUs(session, false)).toBe(40000 + 4 * 20000 + 25000);
    sampleRtt(session, 60000, 10000);
    expect(smoothedUs(session)).toBe(60000, "the first sample as it is");
    expect(recoveryWord(session, Recovery.VARIATION)).toBe(30000);
    sampleRtt(session, 84000, 16000);
    expect(smoothedUs(session)).toBe(61000, "84 ms less the delay");
    expect(recoveryWord(session, Recovery.VARIATION)).toBe(24500);
    sampleRtt(session, 109000, 60000);
    expect(smoothedUs(session)).toBe(63875, "less 25 ms at the most");
    sampleRtt(session, 61000, 5000);
    expect(recoveryWord(session, Recovery.LEAST)).toBe(60000);
    expect(smoothedUs(session)).toBe(63515, "a delay that does not fit is ignored");
  });

  test("are taken from the largest newly acked packet alone", () => {
    const session = begin();
    send(session, 0, 0);
    later(10000);
    send(session, 0, 1);
    later(50000);
    ack(session, 0, 0, 1);
    expect(smoothedUs(session)).toBe(50000);
    later(500000);
    ack(session, 0, 0, 1);
    expect(smoothedUs(session)).toBe(50000, "acked again");
    const record = recordSent(session, 0, 2, 63);
    packetSent(session, record, 0);
    later(500000);
    ack(session, 0, 0, 2);
    expect(smoothedUs(session)).toBe(50000, "nothing ack-eliciting");
  });
});

describe("losses", () => {
  test("need three newer packets acked, in one epoch", () => {
    const session = begin();
    for (let n: u32 = 0; n < 5; n++) send(session, 0, n);
    later(30000);
    expect(ack(session, 0, 2, 2)).toBe(Handled.OK);
    expect(isLost(session, 0)).toBe(false);
    ack(session, 0, 3, 3);
    expect(isLost(session, 0)).toBe(true);
    expect(isLost(session, 1)).toBe(false);
    expect(bytesInFlight(session)).toBe(2 * BYTES);
    expect(recoveryWord(session, Recovery.PACKETS_LOST)).toBe(1);
  });

  test("and over epochs, in the order of sending", () => {
    const session = begin();
    send(session, 0, 0);
    send(session, 0, 1);
    for (let n: u32 = 0; n < 3; n++) send(session, 1, n);
    later(30000);
    ack(session, 1, 1, 1);
    expect(isLost(session, 0)).toBe(true);
    expect(isLost(session, 1)).toBe(false);
    ack(session, 1, 2, 2);
    expect(isLost(session, 1)).toBe(true);
    expect(sentInEpoch(session, 0)).toBe(2);
  });

  test("or an acked newer one and 9/8 of a round trip", () => {
    const session = begin();
    send(session, 0, 0);
    send(session, 0, 1);
    later(80000);
    ack(session, 0, 1, 1);
    expect(isLost(session, 0)).toBe(false);
    expect(recoveryDeadline(session)).toBe(1000000 + 90000);
    later(9999);
    onRecoveryTimer(session);
    expect(isLost(session, 0)).toBe(false);
    later(1);
    onRecoveryTimer(session);
    expect(isLost(session, 0)).toBe(true);
    expect(recoveryDeadline(session)).toBe(NEVER);
    expect(bytesInFlight(session)).toBe(0);
    expect(ack(session, 0, 0, 1)).toBe(Handled.OK, "late, and still welcome");
    expect(bytesInFlight(session)).toBe(0);
    expect(firstSent(session)).toBe(2);
  });

  test("of packets that carry nothing count for nothing", () => {
    const session = begin();
    packetSent(session, recordSent(session, 0, 0, 63), 0);
    expect(ackElicitingInFlight(session)).toBe(false);
    expect(bytesInFlight(session)).toBe(0);
    expect(recoveryDeadline(session)).toBe(NEVER);
    for (let n: u32 = 1; n < 6; n++) send(session, 0, n);
    ack(session, 0, 1, 5);
    expect(recoveryWord(session, Recovery.PACKETS_LOST)).toBe(0);
  });

  test("that span three probe timeouts are persistent congestion", () => {
    const session = begin();
    send(session, 0, 0);
    later(50000);
    ack(session, 0, 0, 0);
    const pto = ptoUs(session, false);
    later(1000);
    for (let n: u32 = 1; n < 10; n++) send(session, 0, n);
    later(3 * pto + 1000);
    send(session, 0, 10);
    later(1);
    for (let n: u32 = 11; n < 14; n++) send(session, 0, n);
    expect(congestionWindow(session)).toBeGreaterThan(4 * mtu(session));
    later(50000);
    ack(session, 0, 13, 13);
    expect(congestionWindow(session)).toBeLessThan(4 * mtu(session) + 2 * BYTES);
    const spared = begin();
    send(spared, 0, 0);
    later(50000);
    ack(spared, 0, 0, 0);
    later(1000);
    for (let n: u32 = 1; n < 10; n++) send(spared, 0, n);
    later(2 * pto);
    for (let n: u32 = 10; n < 14; n++) send(spared, 0, n);
    later(50000);
    ack(spared, 0, 13, 13);
    expect(congestionWindow(spared)).toBeGreaterThan(4 * mtu(spared) + 2 * BYTES);
  });
});

describe("bad acks", () => {
  test("of what was never sent are protocol errors, broken ones encoding errors", () => {
    const session = begin();
    expect(ack(session, 0, 0, 0)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
    send(session, 0, 0);
    expect(ack(session, 0, 1, 1)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
    expect(ack(session, 1, 0, 0)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
    writeAckHead(block, 0, 0, 1);
    expect(onAckBlock(session, 0, block, 11)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING);
    expect(onAckBlock(session, 0, block, 10)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING);
    expect(ack(session, 0, 0, 0)).toBe(Handled.OK);
    send(session, 1, 0);
    send(session, 2, 0);
    expect(ack(session, 0, 0, 0)).toBe(Handled.OK, "an epoch that is over");
    expect(ack(session, 1, 0, 0)).toBe(Handled.OK);
    expect(ack(session, 2, 1, 1)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
  });
});

describe("probe timeouts", () => {
  test("double up to 5 s, let two packets go each, and end with an ack", () => {
    const session = begin();
    expect(recoveryDeadline(session)).toBe(NEVER);
    const oldest = send(session, 0, 0);
    send(session, 0, 1);
    store<u8>(oldest, 16, SentRecord.KIND);
    const once = ptoUs(session, false);
    let wait = once;
    for (let i = 0; i < 12; i++) {
      expect(recoveryDeadline(session)).toBe(now + wait);
      later(wait - 1);
      onRecoveryTimer(session);
      expect(probesWanted(session)).toBe(0);
      later(1);
      onRecoveryTimer(session);
      expect(probesWanted(session)).toBe(2);
      expect(oldestUnacked(session)).toBe(i == 0 ? oldest : 0);
      for (let k = 0; k < 2; k++) {
        const record = recordSent(session, 0, 2 + 2 * i + k, BYTES);
        packetSent(session, record, SentFlag.ELICITING | SentFlag.IN_FLIGHT | SentFlag.PROBE);
      }
      expect(probesWanted(session)).toBe(0);
      wait = min(2 * wait, 5000000);
    }
    expect(recoveryWord(session, Recovery.PROBES_SENT)).toBe(24);
    ack(session, 0, 25, 25);
    expect(recoveryDeadline(session)).toBeLessThan(now + once);
    expect(isLost(session, 0)).toBe(true);
  });

  test("do not run on while no probe can go", () => {
    const session = begin();
    send(session, 0, 0);
    later(ptoUs(session, false));
    onRecoveryTimer(session);
    onRecoveryTimer(session);
    expect(recoveryDeadline(session)).toBe(now + 2 * ptoUs(session, false));
  });
});

describe("records", () => {
  test("are bounded, and their chunks come back", () => {
    const session = begin(),
      before = entriesLeft(Pool.SENT),
      share = shareSize(session, Pool.SENT);
    let n: u32 = 0;
    while (roomToSend(session)) send(session, 0, n++);
    expect(n).toBe(share * 64);
    expect(recordSent(session, 0, n, BYTES)).toBe(0);
    ack(session, 0, 0, 63);
    expect(roomToSend(session)).toBe(true);
    send(session, 0, n++);
    ack(session, 0, 70, n - 1);
    expect(isLost(session, 64)).toBe(true);
    later(100000000);
    send(session, 0, n++);
    ack(session, 0, n - 1, n - 1);
    expect(firstSent(session)).toBe(nextSent(session));
    expect(entriesLeft(Pool.SENT)).toBe(before - 1);
    dropSent(session);
    expect(entriesLeft(Pool.SENT)).toBe(before);
  });

  test("may be missing: then acks of what went before say nothing", () => {
    const session = begin();
    send(session, 0, 0);
    send(session, 0, 1);
    send(session, 0, 5);
    expect(ack(session, 0, 1, 1)).toBe(Handled.OK);
    expect(ack(session, 0, 3, 4)).toBe(Handled.OK);
    expect(bytesInFlight(session)).toBe(3 * BYTES);
    expect(ack(session, 0, 0, 5)).toBe(Handled.OK);
    expect(bytesInFlight(session)).toBe(2 * BYTES);
    expect(flags(session, 2) & SentFlag.ACKED).toBe(SentFlag.ACKED);
    dropSent(session);
    send(session, 0, 4000000000);
    expect(ack(session, 0, 0, 4000000000)).toBe(Handled.OK, "at once, not number by number");
    expect(firstSent(session)).toBe(1);
    expect(ack(session, 0, 0, 4000000001)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
  });

  test("of acks spare the peer what it knows", () => {
    const session = begin();
    noteReceived(session, 0, 1, true);
    noteReceived(session, 0, 5, true);
    const record = send(session, 0, 0);
    expect(writeAckBlock(session, 0, block, 100)).toBe(ackBytes(1));
    noteAckCarried(session, record, 0);
    ack(session, 0, 0, 0);
    expect(hasReceived(session, 0)).toBe(true);
    expect(writeAckBlock(session, 0, block, 100)).toBe(ackBytes(0));
  });

  test("of packets to another far end tell nothing of the path", () => {
    const session = begin();
    packetSent(session, recordSent(session, 0, 0, 1472), SentFlag.ELICITING);
    expect(bytesInFlight(session)).toBe(0);
    expect(recoveryDeadline(session)).toBeLessThan(NEVER);
    later(5000);
    ack(session, 0, 0, 0);
    expect(smoothedUs(session)).toBe(100000);
    expect(recoveryDeadline(session)).toBe(NEVER);
  });

  test("of another path do not count for this one", () => {
    const session = begin();
    for (let n: u32 = 0; n < 8; n++) send(session, 0, n);
    later(20000);
    resetPath(session);
    expect(bytesInFlight(session)).toBe(0);
    expect(congestionWindow(session)).toBe(10 * mtu(session));
    expect(mayCongestionSend(session, 10 * mtu(session))).toBe(true);
    expect(mayCongestionSend(session, 10 * mtu(session) + 1)).toBe(false);
    send(session, 0, 8);
    ack(session, 0, 4, 7);
    expect(smoothedUs(session)).toBe(100000);
    expect(bytesInFlight(session)).toBe(BYTES);
    expect(ackElicitingInFlight(session)).toBe(true);
    expect(isLost(session, 3)).toBe(true);
    later(20000);
    ack(session, 0, 8, 8);
    expect(smoothedUs(session)).toBe(20000);
    expect(bytesInFlight(session)).toBe(0);
    expect(ackElicitingInFlight(session)).toBe(false);
  });
});

describe(`acks in any order, seed ${SEED}`, () => {
  test("leave in flight what was neither acked nor given up", () => {
    seed(SEED);
    for (let round = 0; round < 30; round++) {
      const session = begin(),
        acked = new StaticArray<bool>(600);
      for (let n: u32 = 0; n < 600; n++) {
        send(session, n < 300 ? 0 : 1, n < 300 ? n : n - 300);
        later(below(3000));
        if (below(3)) continue;
        const epoch: u32 = n >= 300 && below(4) ? 1 : 0,
          base = epoch * 300,
          largest = epoch ? n - 300 : min<u32>(n, 299),
          high = largest - min(largest, below(20));
        let low = high - min(high, below(10));
        writeAckHead(block, high, 0, high - low);
        for (let at = low; at <= high; at++) acked[base + at] = true;
        while (low > 20 && below(3)) {
          const gap = 1 + below(4),
            length = 1 + below(6),
            last = low - gap - 1;
          low = last + 1 - length;
          addAckRange(block, gap, length);
          for (let at = low; at <= last; at++) acked[base + at] = true;
        }
        expect(onAckBlock(session, epoch, block, 2000)).toBe(Handled.OK);
        let inFlight: u64 = 0;
        for (let s = firstSent(session); s <= n; s++) {
          const have = flags(session, s);
          if (((have & SentFlag.ACKED) != 0) != acked[<i32>s]) expect(s).toBe(0, `round ${round}`);
          if (!(have & (SentFlag.ACKED | SentFlag.LOST))) inFlight += BYTES;
        }
        if (inFlight != bytesInFlight(session)) expect(inFlight).toBe(0, `round ${round}, ${n}`);
      }
      dropSent(session);
    }
  });
});
