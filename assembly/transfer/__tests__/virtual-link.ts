/**
 * A bottleneck for specs: flows of whole sessions' recovery over one queue with a rate, a delay on
 * either way, a limit and random loss, in virtual time. Senders never lack data unless told so.
 */
import { markAppLimited, mayCongestionSend } from "../bbr";
import { now, resetClock, setNow } from "../clock";
import { mtu, mtuProbeSize, startMtu } from "../mtu";
import { pacingDeadline } from "../pacer";
import { ackDeadline, ackGone, ackWanted, noteReceived, writeAckBlock } from "../received";
import {
  onAckBlock,
  onRecoveryTimer,
  packetSent,
  probesWanted,
  recoveryDeadline,
  startRecovery,
} from "../recovery";
import { recordSent, roomToSend, SentFlag } from "../sent";
import { NEVER } from "../timer-wheel";
import { Handled } from "../verdict";
import { bareSession, below } from "./configured";

const RING: u32 = 1 << 15;
const BLOCK: usize = 300;

/** One side that sends and one that acks. */
export class Flow {
  sender: usize = bareSession();
  receiver: usize = bareSession();
  n: u32 = 0;
  delivered: u64 = 0;
  /** Bytes that there are to send. */
  left: i64 = i64.MAX_VALUE;
  active: bool = true;
  /** When the sender is looked at again for pacing. */
  wake: u64 = 0;
}

export class Link {
  flows: Flow[] = [];
  /** Bytes a second, microseconds, bytes. */
  rate: f64 = 12500000;
  delay: u64 = 20000;
  limit: f64 = 4 * 500000;
  /** Packets lost of a million, beside those that find the queue full. */
  loss: u32 = 0;
  /** Acks lost of a million. */
  ackLoss: u32 = 0;
  /** Hosts are woken for pacing at multiples of so many microseconds, a power of two. */
  tick: u64 = 64;
  /** Packets that do not pass: larger than this. */
  largest: u32 = 65535;
  busyUntil: f64 = 0;
  dropped: u32 = 0;
  sent: u32 = 0;
  /** Longest queue since it was last set to 0, microseconds; sum and count for its mean. */
  queueMax: f64 = 0;
  queueSum: f64 = 0;
  queueCount: f64 = 0;
  first: u32 = 0;
  last: u32 = 0;
  times: StaticArray<u64> = new StaticArray<u64>(RING);
  whose: StaticArray<u32> = new StaticArray<u32>(RING);
  numbers: StaticArray<u32> = new StaticArray<u32>(RING);
  sizes: StaticArray<u32> = new StaticArray<u32>(RING);
  ackFirst: u32 = 0;
  ackLast: u32 = 0;
  ackTimes: StaticArray<u64> = new StaticArray<u64>(RING);
  ackWhose: StaticArray<u32> = new StaticArray<u32>(RING);
  ackBytes: StaticArray<u32> = new StaticArray<u32>(RING);
  blocks: usize = heap.alloc(<usize>RING * BLOCK);

  constructor(flows: u32) {
    resetClock(1000000);
    for (let i: u32 = 0; i < flows; i++) {
      const flow = new Flow();
      startMtu(flow.sender, false, 1252);
      startRecovery(flow.sender, 2 * this.delay);
      this.flows.push(flow);
    }
  }

  /** Starts the senders anew, with the round trip of a changed delay. */
  restart(): void {
    for (let i = 0; i < this.flows.length; i++) {
      startRecovery(this.flows[i].sender, 2 * this.delay);
    }
  }

  private enqueue(index: u32, n: u32, size: u32): void {
    this.sent++;
    const waiting = max<f64>(this.busyUntil - <f64>now, 0);
    this.queueMax = max(this.queueMax, waiting);
    this.queueSum += waiting;
    this.queueCount += 1;
    const full = (waiting * this.rate) / 1000000 + <f64>size > this.limit;
    if (full || size > this.largest || below(1000000) < this.loss) {
      this.dropped++;
      return;
    }
    this.busyUntil = max(this.busyUntil, <f64>now) + (<f64>size * 1000000) / this.rate;
    const slot = this.last++ & (RING - 1);
    this.times[slot] = <u64>this.busyUntil + this.delay;
    this.whose[slot] = index;
    this.numbers[slot] = n;
    this.sizes[slot] = size;
  }

  private sendOne(index: u32, size: u32, flags: u32): void {
    const flow = this.flows[index],
      record = recordSent(flow.sender, 0, flow.n, size);
    packetSent(flow.sender, record, SentFlag.ELICITING | SentFlag.IN_FLIGHT | flags);
    this.enqueue(index, flow.n++, size);
    flow.left -= size;
  }

  private send(index: u32): void {
    const flow = this.flows[index],
      size = mtu(flow.sender);
    flow.wake = NEVER;
    if (!flow.active) return;
    while (probesWanted(flow.sender)) this.sendOne(index, size, SentFlag.PROBE);
    const probe = mtuProbeSize(flow.sender);
    if (probe) this.sendOne(index, probe, SentFlag.MTU_PROBE);
    while (roomToSend(flow.sender)) {
      if (flow.left <= 0) {
        markAppLimited(flow.sender);
        return;
      }
      if (!mayCongestionSend(flow.sender, size)) return;
      const at = pacingDeadline(flow.sender);
      if (at) {
        flow.wake = (at + this.tick - 1) & ~(this.tick - 1);
        return;
      }
      this.sendOne(index, size, 0);
    }
  }

  private ack(index: u32): void {
    const flow = this.flows[index],
      slot = this.ackLast & (RING - 1);
    const bytes = writeAckBlock(flow.receiver, 0, this.blocks + <usize>slot * BLOCK, 267);
    ackGone(flow.receiver, 0);
    if (below(1000000) < this.ackLoss) return;
    this.ackTimes[slot] = now + this.delay;
    this.ackWhose[slot] = index;
    this.ackBytes[slot] = bytes;
    this.ackLast++;
  }

  private arrive(): void {
    while (this.first != this.last && this.times[this.first & (RING - 1)] <= now) {
      const slot = this.first++ & (RING - 1),
        index = this.whose[slot],
        flow = this.flows[index];
      noteReceived(flow.receiver, 0, this.numbers[slot], true);
      flow.delivered += this.sizes[slot];
      if (ackWanted(flow.receiver) == 2) this.ack(index);
    }
    while (this.ackFirst != this.ackLast && this.ackTimes[this.ackFirst & (RING - 1)] <= now) {
      const slot = this.ackFirst++ & (RING - 1),
        flow = this.flows[this.ackWhose[slot]];
      const at = this.blocks + <usize>slot * BLOCK;
      assert(onAckBlock(flow.sender, 0, at, this.ackBytes[slot]) == Handled.OK);
      flow.wake = 0;
    }
  }

  /** Goes on for a while; senders with an ack, a deadline or a due batch send. */
  run(us: u64): void {
    const end = now + us;
    for (let i = 0; i < this.flows.length; i++) this.flows[i].wake = 0;
    while (now < end) {
      let next = end;
      for (let i = 0; i < this.flows.length; i++) {
        const flow = this.flows[i];
        onRecoveryTimer(flow.sender);
        if (ackWanted(flow.receiver) == 2) this.ack(i);
        if (flow.wake <= now || probesWanted(flow.sender)) this.send(i);
        next = min(next, min(flow.wake, recoveryDeadline(flow.sender)));
        next = min(next, ackDeadline(flow.receiver));
      }
      if (this.first != this.last) next = min(next, this.times[this.first & (RING - 1)]);
      if (this.ackFirst != this.ackLast) {
        next = min(next, this.ackTimes[this.ackFirst & (RING - 1)]);
      }
      setNow(max(next, now + 1));
      this.arrive();
    }
  }

  /** Share of the rate that arrived since `from` (bytes of all flows) in `us` microseconds. */
  used(from: u64, us: u64): f64 {
    return (<f64>(this.delivered() - from) * 1000000) / (this.rate * <f64>us);
  }

  delivered(): u64 {
    let sum: u64 = 0;
    for (let i = 0; i < this.flows.length; i++) sum += this.flows[i].delivered;
    return sum;
  }

  clearQueue(): void {
    this.queueMax = 0;
    this.queueSum = 0;
    this.queueCount = 0;
  }
}
