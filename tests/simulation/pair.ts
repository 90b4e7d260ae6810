/**
 * Two nodes of a run from the first call to the end of their session: they call, settle for one
 * session, transfer what is planned, end it, and agree on why. Whatever does not come about once
 * all is well again is an error with a name.
 */
import { ClosedBy, CloseError } from '../../host-common/src/engine/generated/transfer.ts';
import type { Statistics } from '../../host-common/src/transfer/engine-transfer.ts';
import type { Network } from './network.ts';
import type { Calling, NodeSession, SimulatedNode } from './node.ts';
import type { PairPlan, Reading } from './scenario.ts';
import { Workload } from './workload.ts';

/** Between two calls of which the first came to nothing. */
const CALL_AGAIN_US = 500_000;
/**
 * Once all is well: a call that was lost before it takes up to 10 s, and a session that only the
 * other side has stays for its idle time. Bytes wait for a probe at the longest, and for a peer's
 * word on a window. An end takes the idle time.
 */
const CALLING_US = 60e6;
const STANDSTILL_US = 20e6;
const ENDING_US = 120e6;

const AT_ONCE: Reading = { order: 'at once', seed: undefined };

export interface PairParts {
  plan: PairPlan;
  network: Network;
  nodes: [SimulatedNode, SimulatedNode];
  later: (us: number, action: () => void) => void;
  /**
   * May the session end by its idle time at any time? So it does if the address of a side that only
   * reads is another, unheard, and nothing keeps the session alive.
   */
  mayExpire: () => boolean;
}

type State = 'calling' | 'transfer' | 'ending' | 'over';

export class Pair {
  state: State = 'calling';
  readonly plan: PairPlan;
  workloads: [Workload, Workload] | undefined;
  /** The session as both have it. */
  sessions: [NodeSession, NodeSession] | undefined;
  calls = 0;
  private readonly nodes: [SimulatedNode, SimulatedNode];
  private readonly network: Network;
  private readonly later: PairParts['later'];
  private readonly mayExpire: PairParts['mayExpire'];
  private hasExpired = false;
  private readonly callings: Calling[] = [];
  private callsLater = false;
  /** Packets that were lost each way before its end was begun. */
  private lostBefore: [number, number] = [0, 0];
  /** What has been done, and since when nothing more has been. */
  private progress = '';
  private sinceUs = 0;

  constructor({ plan, nodes, network, later, mayExpire }: PairParts) {
    this.plan = plan;
    this.mayExpire = mayExpire;
    this.nodes = nodes;
    this.network = network;
    this.later = later;
  }

  get name(): string {
    return `${this.plan.caller} and ${this.plan.called}`;
  }

  /** Calls; whoever was to be called does not if it has a session with the caller already. */
  call(side: 0 | 1): void {
    if (this.state !== 'calling') return;
    const [caller, called] = this.nodes;
    if (side === 1 && called.sessionsWith(caller).length > 0) return;
    this.calls++;
    this.callings.push(this.nodes[side].call(this.nodes[1 - side] as SimulatedNode));
    this.pump(side);
  }

  private pump(side: number): void {
    this.nodes[side]?.endpoint.pump();
  }

  /** Looks where things are; after everything that happens. */
  look(): void {
    if (this.state === 'calling') this.settle();
    else if (this.state === 'transfer') this.transfer();
    else if (this.state === 'ending') this.ending();
  }

  /** Once all is well: does it go on? */
  watch(nowUs: number): void {
    const received = this.workloads?.map((one) => `${one.received},${one.gone}`).join();
    const progress = `${this.state}: ${received}`;
    if (progress !== this.progress) this.sinceUs = nowUs;
    this.progress = progress;
    const most = {
      calling: CALLING_US,
      transfer: STANDSTILL_US,
      ending: ENDING_US,
      over: Infinity,
    };
    if (nowUs - this.sinceUs <= most[this.state]) return;
    throw new Error(`nothing happens between ${this.name} (${progress}, ${this.calls} calls)`);
  }

  /** One session that both have, and no call under way. */
  private settle(): void {
    const [one, other] = this.nodes;
    if (this.calls === 0 || one.isCalling(other) || other.isCalling(one)) return;
    const theirs = other.sessionsWith(one);
    const common = one
      .sessionsWith(other)
      .map((mine) => [mine, theirs.find(({ name }) => name === mine.name)] as const)
      .filter((both): both is [NodeSession, NodeSession] => both[1] !== undefined);
    const [session] = common;
    if (session && common.length === 1) this.begin(session);
    else if (common.length > 1) throw new Error(`two sessions between ${this.name}`);
    else this.callAgain();
  }

  /** Who has been called meanwhile does not: it would want a second session. */
  private callAgain(): void {
    if (this.callsLater) return;
    this.callsLater = true;
    const [one, other] = this.nodes;
    const known = new Set(one.sessionsWith(other));
    this.later(CALL_AGAIN_US, () => {
      this.callsLater = false;
      if (one.sessionsWith(other).every((session) => known.has(session))) this.call(0);
    });
  }

  private begin(sessions: [NodeSession, NodeSession]): void {
    this.state = 'transfer';
    this.sessions = sessions;
    const { streams: plans, reading = AT_ONCE } = this.plan;
    const workloadOf = (side: 0 | 1) => {
      const { handle } = sessions[side];
      const what = { plans, side, reading };
      const workload = new Workload(this.nodes[side].endpoint, handle, what);
      sessions[side].user = (event) => workload.take(event);
      return workload;
    };
    const workloads: [Workload, Workload] = [workloadOf(0), workloadOf(1)];
    this.workloads = workloads;
    workloads.forEach((workload, side) => {
      workload.acked = (key, bytes) => {
        const read = workloads[1 - side]?.readOf(key);
        if (read !== undefined && read !== bytes)
          throw new Error(`${bytes} bytes were acked, and ${read} are there`);
      };
    });
    plans.forEach(({ side, atUs }, number) => {
      this.later(atUs, () => {
        workloads[side].release(number);
        this.pump(side);
      });
    });
  }

  /** Writes what finds room, at a node's turn. */
  turn(node: SimulatedNode): void {
    this.workloads?.[this.nodes.indexOf(node)]?.turn();
  }

  private transfer(): void {
    const { sessions, workloads, plan } = this;
    if (!sessions || !workloads) return;
    if (this.mayExpire() && sessions.some(({ end }) => end)) {
      this.hasExpired = true;
      this.state = 'ending';
      return;
    }
    for (const { end } of sessions) {
      if (end) throw new Error(`the session of ${this.name} ended: ${JSON.stringify(end)}`);
    }
    const [caller, called] = workloads;
    if (!caller.complete || !called.complete) return;
    if (caller.gone !== plan.streams.length || called.gone !== plan.streams.length) return;
    this.compareSums();
    this.end(sessions);
  }

  private statistics(side: 0 | 1): Statistics {
    const { handle } = this.sessions?.[side] ?? {};
    const statistics = this.nodes[side].endpoint.transfer.statistics(handle ?? 0);
    if (!statistics) throw new Error('no statistics of an open session');
    return statistics;
  }

  /** Never is more sent than was let; what was sent is what came, once all is over. */
  private compareSums(): void {
    const both = [this.statistics(0), this.statistics(1)] as const;
    both.forEach((mine, side) => {
      const theirs = both[1 - side] as Statistics;
      if (mine.DATA_SENT > mine.DATA_LIMIT) throw new Error('more was sent than was let');
      if (mine.DATA_LIMIT > theirs.DATA_GRANTED) throw new Error('a limit that nobody granted');
      if (mine.DATA_SENT === theirs.DATA_RECEIVED) return;
      throw new Error(`${mine.DATA_SENT} bytes were sent, ${theirs.DATA_RECEIVED} are booked`);
    });
  }

  private end(sessions: [NodeSession, NodeSession]): void {
    this.state = 'ending';
    this.lostBefore = [this.lostFrom(0), this.lostFrom(1)];
    const { ending, ender, error } = this.plan;
    const [one, other] = this.nodes;
    if (ending === 'idle') return;
    if (ending === 'vanish') {
      this.network.part(one.endpoint.host, other.endpoint.host);
      return;
    }
    const close = (side: number) => {
      sessions[side]?.close(error, `done by ${side}`);
      this.pump(side);
    };
    this.later(0, () => close(ender));
    if (ending === 'both close') this.later(0, () => close(1 - ender));
  }

  private lostFrom(side: 0 | 1): number {
    return this.network.lostFrom.get(this.nodes[side].endpoint.host) ?? 0;
  }

  private ending(): void {
    const { sessions } = this;
    if (!sessions?.every(({ isGone }) => isGone)) return;
    this.state = 'over';
    for (const side of [0, 1] as const) this.judgeEnd(sessions[side], side);
  }

  /** What a side was told is what was done. */
  private judgeEnd({ end }: NodeSession, side: 0 | 1): void {
    const { ending, ender, error } = this.plan;
    const told = `${end?.error}/${end?.by}/${end?.reason}`;
    const closed = !this.hasExpired && (ending === 'close' || ending === 'both close');
    const byUs = `${error}/${ClosedBy.US}/${side === ender || ending === 'both close' ? '' : '-'}`;
    const byPeer = `${error}/${ClosedBy.PEER}/done by ${1 - side}`;
    const inTime = `${CloseError.TIMEOUT}/${ClosedBy.US}/`;
    const allowed = new Set<string>();
    if (!closed) allowed.add(inTime);
    else if (ending === 'both close') allowed.add(byUs).add(byPeer);
    else allowed.add(side === ender ? byUs : byPeer);
    // A word that was lost is not heard again once its sender is gone.
    const lost = this.lostFrom((1 - side) as 0 | 1) !== this.lostBefore[1 - side];
    if (closed && lost && (side !== ender || ending === 'both close')) allowed.add(inTime);
    if (allowed.has(told)) return;
    throw new Error(
      `${this.name}: side ${side} was told ${told}, not ${[...allowed].join(' or ')}`,
    );
  }
}
