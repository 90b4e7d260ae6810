import { BbrState } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { addAckRange, writeAckHead } from "../ack";
import {
  bandwidth,
  congestionState,
  congestionWindow,
  markAppLimited,
  mayCongestionSend,
  pacingRate,
} from "../bbr";
import { now, setNow } from "../clock";
import { mtu, startMtu } from "../mtu";
import { pacingDeadline, sendQuantum } from "../pacer";
import { onAckBlock, packetSent, startRecovery } from "../recovery";
import { bytesInFlight } from "../recovery-state";
import { recordSent, SentFlag } from "../sent";
import { Handled } from "../verdict";
import { bareSession, configureTransfer, seed } from "./configured";
import { Link } from "./virtual-link";

const SEED: u32 = 7;
const SECOND: u64 = 1000000;
/** Bytes that fill 100 Mbit/s for 40 ms. */
const VOLUME: f64 = 500000;

configureTransfer();

describe(`BBR on 100 Mbit/s and 40 ms, seed ${SEED}`, () => {
  test("fills the path from half a second on, with a queue of one volume at most", () => {
    seed(SEED);
    const link = new Link(1),
      sender = link.flows[0].sender;
    expect(congestionWindow(sender)).toBe(12520);
    expect(congestionState(sender)).toBe(BbrState.STARTUP);
    link.run(SECOND / 2);
    expect(link.queueMax).toBeLessThan(45000, "startup's queue, of a buffer for 160 ms");
    link.run(SECOND / 2);
    link.clearQueue();
    const from = link.delivered();
    link.run(10 * SECOND);
    const used = link.used(from, 10 * SECOND);
    expect(used).toBeGreaterThan(0.95);
    expect(link.queueMax).toBeLessThan(40000);
    expect(link.queueSum / link.queueCount).toBeLessThan(6000);
    expect(link.dropped).toBe(0);
    expect(<f64>bandwidth(sender)).toBeGreaterThan(0.98 * link.rate);
    expect(<f64>congestionWindow(sender)).toBeLessThan(2.3 * VOLUME);
  });

  test("uses 85 % where 1 % is lost by chance", () => {
    seed(SEED);
    const link = new Link(1);
    link.loss = 10000;
    link.ackLoss = 10000;
    link.run(SECOND);
    const from = link.delivered();
    link.run(10 * SECOND);
    const used = link.used(from, 10 * SECOND);
    expect(used).toBeGreaterThan(0.85);
  });

  test("finds room in a buffer of a tenth of the volume", () => {
    seed(SEED);
    const link = new Link(1);
    link.limit = VOLUME / 10;
    link.run(SECOND);
    const from = link.delivered(),
      lost = link.dropped,
      sent = link.sent;
    link.run(5 * SECOND);
    expect(link.used(from, 5 * SECOND)).toBeGreaterThan(0.88);
    expect(<f64>(link.dropped - lost)).toBeLessThan(0.01 * <f64>(link.sent - sent));
  });

  test("takes what becomes free, though losses had bounded what may be in flight", () => {
    seed(SEED);
    const link = new Link(1);
    link.limit = VOLUME / 10;
    link.run(3 * SECOND);
    link.rate *= 3;
    link.limit = 4 * VOLUME;
    // Two probes, of which each goes on, faster and faster, while its bound is what holds it back.
    link.run(7 * SECOND);
    const from = link.delivered();
    link.run(2 * SECOND);
    expect(link.used(from, 2 * SECOND)).toBeGreaterThan(0.9);
  });

  test("shares between two flows", () => {
    seed(SEED);
    const link = new Link(2);
    link.run(3 * SECOND);
    const one = link.flows[0].delivered,
      from = link.delivered();
    link.run(6 * SECOND);
    const share = <f64>(link.flows[0].delivered - one) / <f64>(link.delivered() - from);
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });

  test("does not take a pause of the application for a slow path", () => {
    seed(SEED);
    const link = new Link(1),
      flow = link.flows[0];
    link.run(SECOND);
    const before = bandwidth(flow.sender);
    for (let i = 0; i < 20; i++) {
      flow.left = 100000;
      link.run(100000);
    }
    expect(<f64>bandwidth(flow.sender)).toBeGreaterThan(0.95 * <f64>before);
    link.run(SECOND);
    expect(bytesInFlight(flow.sender)).toBe(0);
    flow.left = i64.MAX_VALUE;
    link.clearQueue();
    const from = link.delivered();
    link.run(50000);
    expect(link.queueMax).toBeLessThan(2000, "no burst of a window after the silence");
    link.run(SECOND / 2 - 50000);
    expect(link.used(from, SECOND / 2)).toBeGreaterThan(0.85);
  });

  test("comes back after the path was cut for 3 s", () => {
    seed(SEED);
    const link = new Link(1);
    link.run(SECOND);
    link.largest = 0;
    link.run(3 * SECOND);
    link.largest = 65535;
    link.run(6 * SECOND);
    const from = link.delivered();
    link.run(SECOND);
    expect(link.used(from, SECOND)).toBeGreaterThan(0.85);
  });
});

/** `packets` go and half of them are acked, with gaps, at one and the same time. */
function ackHalf(session: usize, from: u32, packets: u32): void {
  const block = guarded(300);
  for (let n = from; n < from + packets; n++) {
    const record = recordSent(session, 0, n, 1252);
    packetSent(session, record, SentFlag.ELICITING | SentFlag.IN_FLIGHT);
  }
  writeAckHead(block, from + packets - 1, 0, 0);
  for (let n: u32 = 2; n < packets; n += 2) addAckRange(block, 1, 1);
  expect(onAckBlock(session, 0, block, 300)).toBe(Handled.OK);
}

/**
 * `ranges` packets are given up before the first round trip of a path has been measured: what is
 * acked meanwhile is nothing but bare ACKs. Then one is acked that has been under way all the time.
 */
function loseFirst(ranges: u32): usize {
  const session = bareSession(),
    block = guarded(300),
    last: u32 = 2 * ranges + 3;
  startMtu(session, false, 1472);
  startRecovery(session, 20000);
  for (let n: u32 = 0; n <= last; n++) {
    const flags: u32 = n & 1 ? SentFlag.ELICITING | SentFlag.IN_FLIGHT : 0;
    packetSent(session, recordSent(session, 0, n, 1252), flags);
  }
  setNow(now + 20000);
  // Two below the largest are not given up yet.
  writeAckHead(block, last - 1, 0, 0);
  for (let n: u32 = 0; n < ranges; n++) addAckRange(block, 1, 1);
  expect(onAckBlock(session, 0, block, 300)).toBe(Handled.OK);
  writeAckHead(block, last, 0, 1);
  expect(onAckBlock(session, 0, block, 300)).toBe(Handled.OK);
  return session;
}

describe("losses before the first round trip", () => {
  test("leave a window that packets go by", () => {
    const session = loseFirst(6);
    expect(congestionState(session)).not.toBe(BbrState.STARTUP, "six ranges were lost");
    expect(congestionWindow(session)).toBeGreaterThan(<u64>(4 * mtu(session)) - 1);
    ackHalf(session, 16, 12);
    expect(congestionWindow(session)).toBeGreaterThan(<u64>(4 * mtu(session)) - 1);
    expect(mayCongestionSend(session, mtu(session))).toBe(true);
  });

  test("that are fewer leave the window of the start", () => {
    const session = loseFirst(5);
    expect(congestionState(session)).toBe(BbrState.STARTUP);
    expect(congestionWindow(session)).toBeGreaterThan(<u64>(10 * mtu(session)) - 1);
  });
});

describe("bursts with silences between them", () => {
  test("are acked each at once, and the window grows to no more than a few of them", () => {
    const session = bareSession(),
      block = guarded(300),
      burst: u32 = 100;
    startMtu(session, false, 1472);
    startRecovery(session, 40000);
    for (let round: u32 = 0; round < 200; round++) {
      setNow(now + SECOND / 10);
      markAppLimited(session);
      for (let i: u32 = 0; i < burst; i++) {
        const record = recordSent(session, 0, round * burst + i, 1252);
        packetSent(session, record, SentFlag.ELICITING | SentFlag.IN_FLIGHT);
      }
      setNow(now + (round & 1 ? 39000 : 40000));
      writeAckHead(block, (round + 1) * burst - 1, 0, burst - 1);
      expect(onAckBlock(session, 0, block, 300)).toBe(Handled.OK);
      expect(bytesInFlight(session)).toBe(0);
    }
    expect(congestionWindow(session)).toBeGreaterThan(burst * 1252);
    expect(congestionWindow(session)).toBeLessThan(5 * burst * 1252);
  });
});

describe("the pacer", () => {
  test("goes on when acks came while the host's clock stood still", () => {
    const session = bareSession();
    startMtu(session, false, 1472);
    startRecovery(session, 20000);
    setNow(now + SECOND);
    for (let i: u32 = 0; i < 6; i++) ackHalf(session, 40 * i, 40);
    expect(congestionState(session)).not.toBe(BbrState.STARTUP, "it has seen losses");
    expect(bandwidth(session)).toBe(0, "and no time in which anything was delivered");
    expect(pacingRate(session)).toBeGreaterThan(<u64>(4 * mtu(session)));
    setNow(now + 5000);
    ackHalf(session, 240, 40);
    expect(pacingDeadline(session)).toBeLessThan(now + SECOND, "no packet waits for long");
  });

  test("does not wait for longer than a second for what a slow sample would take", () => {
    const session = bareSession();
    startMtu(session, false, 1472);
    startRecovery(session, 20000);
    setNow(now + SECOND);
    for (let i: u32 = 0; i < 6; i++) {
      ackHalf(session, 40 * i, 40);
      setNow(now + 1000 * SECOND);
    }
    expect(pacingRate(session)).toBeGreaterThan(<u64>(4 * mtu(session)) - 1);
  });

  test("makes up for what a host that wakes late could not send", () => {
    seed(SEED);
    const link = new Link(1);
    link.tick = 4096;
    link.run(SECOND);
    const from = link.delivered();
    link.clearQueue();
    link.run(3 * SECOND);
    expect(link.used(from, 3 * SECOND)).toBeGreaterThan(0.95);
    expect(link.queueSum / link.queueCount).toBeLessThan(8000);
  });

  test("lets a batch of a millisecond go, then waits for the next", () => {
    seed(SEED);
    const link = new Link(1),
      sender = link.flows[0].sender;
    expect(sendQuantum(sender)).toBe(2 * mtu(sender), "two packets at the least");
    expect(pacingDeadline(sender)).toBe(0);
    link.run(2 * SECOND);
    const quantum = <f64>sendQuantum(sender);
    expect(quantum).toBeLessThan(<f64>pacingRate(sender) / 999);
    expect(quantum).toBeGreaterThan(<f64>pacingRate(sender) / 1001);
    expect(pacingRate(sender)).toBeLessThan(<u64>(1.25 * link.rate));
  });

  test("lets at most 64 packets go at once", () => {
    seed(SEED);
    const link = new Link(1),
      sender = link.flows[0].sender;
    link.rate = 250000000;
    link.delay = 1000;
    link.limit = 4 * VOLUME;
    link.restart();
    link.run(SECOND / 4);
    expect(sendQuantum(sender)).toBe(64 * mtu(sender));
    const from = link.delivered();
    link.run(SECOND / 4);
    expect(link.used(from, SECOND / 4)).toBeGreaterThan(0.9, "2 Gbit/s");
  });
});
