/**
 * One session's way from its relay to a direct one, and back when that dies. Whoever called asks:
 * it names its addresses, the peer answers with its own, both probe (probe-round.ts), and whoever
 * called moves the session to the first way that is open; the peer follows its packets. The engine
 * proves the way by its own challenge before anything else goes there, so that a lie costs probes
 * and no more. Reference: transfer, sections 6 (migration) and 8 (signalling through the relay).
 */
import { TokenBucket } from '../../token-bucket.ts';
import { equalBytes, type RandomBytes } from '../byte-strings.ts';
import type { Datagram } from '../datagram-transport.ts';
import type { EndpointClock } from '../endpoint-clock.ts';
import type { Statistics } from '../engine-transfer.ts';
import { hasHandle, readFarEnd } from '../far-end.ts';
import {
  type Candidate,
  type CandidateMessage,
  emitCandidates,
  isLoopback,
  mayProbe,
  PROBE_KEY_BYTES,
} from './candidates.ts';
import { DirectWatch } from './direct-watch.ts';
import { type Heard, ProbeRound } from './probe-round.ts';
import {
  NO_UPGRADE,
  type Refused,
  reasonOf,
  type Upgrade,
  type UpgradeCode,
} from './upgrade-state.ts';

/** How long the peer's addresses are waited for: it may have to ask servers for them. */
const ANSWER_US = 5_000_000;
/** Before the second attempt, and those after it; then there is no more. */
const BACK_OFF_US = [5_000_000, 15_000_000, 45_000_000, 120_000_000];
/** A direct way that has lasted so long is worth all attempts again. */
const LASTED_US = 60_000_000;
/** Questions of a peer that are answered at once, and how many more in a second. */
const QUESTIONS_MAX = 4;
const QUESTIONS_PER_SECOND = 1 / 4;
/** Between two attempts that changes of the network have begun: they come in bursts. */
const RENEW_US = 5_000_000;
/** The same of changes of the peer's network. */
const CHANGES_MAX = 4;
const CHANGES_PER_SECOND = 1 / 60;
/** Between two looks whether the engine is free to move, or the way alive. */
const LOOK_US = 100_000;
const ROUND_MAX = 0xffff;

/** What an upgrade needs of its session and endpoint. */
export interface UpgradeLink {
  clock: EndpointClock;
  random: RandomBytes;
  stealth: boolean;
  /** Did we call? */
  initiator: boolean;
  /** The peer at the relay. */
  relayed: Uint8Array;
  /** Own addresses, at most CANDIDATES_MAX of them; never rejects. */
  gather(): Promise<readonly Candidate[]>;
  /** Says it to the peer, in the session, as soon as there is room. */
  say(message: Uint8Array): void;
  send(datagram: Datagram): void;
  /** False: a move is on. */
  migrate(farEnd: Uint8Array): boolean;
  /** Undefined: the session is over. */
  statistics(): Statistics | undefined;
  /** Also when only one more thing was refused. */
  changed(upgrade: Upgrade): void;
}

type Phase = 'idle' | 'gathering' | 'asking' | 'probing' | 'direct' | 'returning';

export class PathUpgrade {
  private readonly link: UpgradeLink;
  private readonly startUs: number;
  private phase: Phase = 'idle';
  private upgrade = NO_UPGRADE;
  private attempts = 0;
  private roundNumber = 0;
  private key = new Uint8Array(0);
  private own: readonly Candidate[] = [];
  private round: ProbeRound | undefined;
  /** Ways that are open, the first one first, and those that have failed nevertheless. */
  private open: Datagram['farEnd'][] = [];
  private hasFailed = false;
  private moving: Uint8Array | undefined;
  private place: Upgrade['place'];
  private watch: DirectWatch | undefined;
  private directUs = 0;
  /** When something is due: of the phase, and the next attempt. */
  private dueUs = Number.POSITIVE_INFINITY;
  private cancelAlarm = () => {};
  private readonly questions: TokenBucket;
  private readonly changes: TokenBucket;
  /** The network has changed, and nothing was tried since. */
  private isStale = false;
  private renewUs = 0;
  private isOver = false;

  constructor(link: UpgradeLink) {
    this.link = link;
    this.startUs = link.clock.now().us;
    const startMs = this.startUs / 1000;
    this.questions = new TokenBucket(QUESTIONS_MAX, QUESTIONS_PER_SECOND, startMs);
    this.changes = new TokenBucket(CHANGES_MAX, CHANGES_PER_SECOND, startMs);
  }

  /** Does it look for probes now? */
  get isProbing(): boolean {
    return this.round !== undefined;
  }

  /** The peer has been heard: whoever called asks. */
  begin(): void {
    if (this.link.initiator) void this.ask();
  }

  /** The session is over. */
  end(): void {
    this.isOver = true;
    this.cancelAlarm();
    this.round = undefined;
  }

  /**
   * This machine is reached otherwise than before: what has failed may work now. A direct way is
   * left alone while it lives.
   */
  renew(): void {
    if (this.isOver || this.roundNumber === 0) return;
    if (this.link.initiator) this.askAnew();
    else if (this.changes.take(this.nowUs / 1000)) this.sayAgain();
  }

  /** A frame of the peer's. */
  take(message: CandidateMessage | undefined): void {
    if (message?.isAnswer === this.link.initiator) this.takeFitting(message);
    else this.refuses('questions');
  }

  /** A datagram that no session took. */
  receive(datagram: Datagram): Heard {
    const heard = this.round?.receive(datagram, this.nowUs) ?? { kind: 'nothing' };
    if (heard.kind === 'refused') this.refuses('probes');
    if (heard.kind === 'asked') this.link.send(heard.answer);
    if (heard.kind === 'answered') this.opened(heard);
    if (heard.kind !== 'nothing') this.run();
    return heard;
  }

  /** The engine goes by another way from now on. */
  migrated(farEnd: Uint8Array): void {
    this.moving = undefined;
    if (hasHandle(farEnd)) {
      if (this.phase === 'direct' || this.phase === 'returning') this.cameBack();
      return;
    }
    if (this.phase === 'direct') return;
    this.phase = 'direct';
    this.round = undefined;
    this.directUs = this.nowUs;
    this.watch = new DirectWatch(this.nowUs);
    const directAfterUs = this.nowUs - this.startUs;
    this.tell({ state: 'direct', place: this.place, farEnd, directAfterUs });
    this.wakeAt(this.nowUs + LOOK_US);
  }

  /** The engine's challenge was not answered. */
  failed(farEnd: Uint8Array): void {
    if (!this.moving || !equalBytes(this.moving, farEnd)) return;
    this.moving = undefined;
    this.hasFailed = true;
    this.open.shift();
    this.run();
  }

  private get nowUs(): number {
    return this.link.clock.now().us;
  }

  private takeFitting(message: CandidateMessage): void {
    if (!message.isAnswer) void this.answer(message);
    else if (message.isAgain && this.changes.take(this.nowUs / 1000)) this.askAnew();
    else if (this.phase === 'asking' && message.round === this.roundNumber) this.probe(message);
    else this.refuses('questions');
  }

  /** All attempts again, the first as soon as what is tried now has come to its end. */
  private askAnew(): void {
    this.isStale = true;
    if (this.phase === 'idle') this.wakeAt(Math.max(this.nowUs, this.renewUs));
  }

  private async ask(): Promise<void> {
    if (this.isStale) {
      this.isStale = false;
      this.renewUs = this.nowUs + RENEW_US;
      this.attempts = 0;
    }
    this.attempts++;
    this.begins(this.roundNumber + 1);
    const round = this.roundNumber;
    const own = await this.link.gather();
    if (!this.isAt('gathering', round)) return;
    this.own = own;
    this.phase = 'asking';
    this.say(false);
    this.wakeAt(this.nowUs + ANSWER_US);
  }

  private async answer(question: CandidateMessage): Promise<void> {
    const { round } = question;
    const isNext = round > this.roundNumber && this.phase !== 'direct';
    if (!isNext || !this.questions.take(this.nowUs / 1000)) {
      this.refuses('questions');
      return;
    }
    this.attempts++;
    this.begins(round);
    const own = await this.link.gather();
    if (!this.isAt('gathering', round)) return;
    this.own = own;
    this.say(true);
    this.probe(question);
  }

  private begins(round: number): void {
    this.phase = 'gathering';
    this.round = undefined;
    this.roundNumber = round;
    this.open = [];
    this.hasFailed = false;
    this.key = this.link.random(PROBE_KEY_BYTES).slice();
    this.tell({ state: 'trying' });
  }

  private isAt(phase: Phase, round: number): boolean {
    return !this.isOver && this.phase === phase && this.roundNumber === round;
  }

  private sayAgain(): void {
    const key = this.link.random(PROBE_KEY_BYTES);
    this.link.say(emitCandidates({ isAnswer: true, isAgain: true, round: 0, key, candidates: [] }));
  }

  private say(isAnswer: boolean): void {
    const { key, own: candidates, roundNumber: round } = this;
    this.link.say(emitCandidates({ isAnswer, round, key, candidates }));
  }

  private probe(theirs: CandidateMessage): void {
    // This machine's own addresses lead to the peer only if we name such a one too.
    const loopback = this.own.some(({ farEnd }) => isLoopback(readFarEnd(farEnd)));
    const may = (farEnd: Uint8Array) => mayProbe(farEnd, loopback);
    const candidates = theirs.candidates.filter(({ farEnd }) => may(farEnd));
    this.refuses('addresses', theirs.candidates.length - candidates.length);
    if (candidates.length === 0 && this.own.length === 0) {
      this.over('ANDVARI_UPGRADE_NO_ADDRESS');
      return;
    }
    const { random, stealth } = this.link;
    const keys = { ownKey: this.key, peerKey: theirs.key };
    const options = { round: theirs.round, ...keys, candidates, mayProbe: may, random, stealth };
    this.phase = 'probing';
    this.round = new ProbeRound(options, this.nowUs);
    this.run();
  }

  private opened({ farEnd, place }: Extract<Heard, { kind: 'answered' }>): void {
    if (!this.link.initiator) return;
    if (this.open.length === 0) this.place = place;
    if (!this.open.some((one) => equalBytes(one, farEnd))) this.open.push(farEnd);
  }

  /** Does what is due now, and sees to what is due next. */
  private run(): void {
    if (this.isOver) return;
    const { nowUs } = this;
    if (this.phase === 'probing') this.runRound(nowUs);
    else if (this.phase === 'direct' || this.phase === 'returning') this.look(nowUs);
    // Alarms may be a little early.
    else if (nowUs < this.dueUs) this.wakeAt(this.dueUs);
    else {
      if (this.phase === 'asking') this.over('ANDVARI_UPGRADE_NO_ANSWER');
      else if (this.phase === 'idle' && this.link.initiator) void this.ask();
    }
  }

  private runRound(nowUs: number): void {
    const { round, link } = this;
    if (!round) return;
    const question = round.ask(nowUs);
    if (question) link.send(question);
    const [best] = this.open;
    if (best && !this.moving && link.migrate(best)) this.moving = best;
    if (nowUs >= round.endUs && !this.moving) {
      if (best || this.hasFailed) this.over('ANDVARI_UPGRADE_PATH_FAILED');
      else this.over('ANDVARI_UPGRADE_NO_WAY', ` (${round.size} tried)`);
      return;
    }
    const isWaiting = best !== undefined && !this.moving;
    const wakeUs = isWaiting ? Math.min(nowUs + LOOK_US, round.wakeUs) : round.wakeUs;
    // A move that is on outlasts the round: its own end is told.
    if (nowUs < round.endUs) this.wakeAt(wakeUs);
  }

  /** Is the direct way alive? Else back to the relay, which is asked until it answers. */
  private look(nowUs: number): void {
    const statistics = this.link.statistics();
    if (!statistics) return;
    if (this.phase === 'direct' && this.watch?.isDead(statistics, nowUs)) this.phase = 'returning';
    if (this.phase === 'returning' && !this.moving && this.link.migrate(this.link.relayed)) {
      this.moving = this.link.relayed;
    }
    this.wakeAt(nowUs + LOOK_US);
  }

  private cameBack(): void {
    if (this.nowUs - this.directUs >= LASTED_US) this.attempts = 0;
    this.watch = undefined;
    this.over('ANDVARI_UPGRADE_PATH_DIED');
  }

  /** An attempt, or a direct way, has come to its end. */
  private over(code: UpgradeCode, more = ''): void {
    this.phase = 'idle';
    this.round = undefined;
    const { nowUs } = this;
    const waitUs = this.link.initiator ? this.waitUs : undefined;
    const isLast = this.link.initiator && waitUs === undefined;
    this.tell({ state: isLast ? 'failed' : 'waiting', why: reasonOf(code, more) });
    this.wakeAt(waitUs === undefined ? Number.POSITIVE_INFINITY : nowUs + waitUs);
  }

  /** Before the next attempt; undefined: there is none. */
  private get waitUs(): number | undefined {
    if (this.roundNumber >= ROUND_MAX) return undefined;
    if (this.isStale) return Math.max(0, this.renewUs - this.nowUs);
    return BACK_OFF_US[Math.max(0, this.attempts - 1)];
  }

  private wakeAt(us: number): void {
    this.cancelAlarm();
    this.dueUs = us;
    this.cancelAlarm = () => {};
    if (us === Number.POSITIVE_INFINITY || this.isOver) return;
    this.cancelAlarm = this.link.clock.alarm(us, () => this.run());
  }

  private refuses(what: keyof Refused, count = 1): void {
    const refused = { ...this.upgrade.refused };
    refused[what] += count;
    this.upgrade = { ...this.upgrade, refused };
    this.link.changed(this.upgrade);
  }

  private tell(news: Partial<Upgrade>): void {
    const { attempts } = this;
    const why = news.state === 'direct' ? undefined : (news.why ?? this.upgrade.why);
    this.upgrade = { ...this.upgrade, farEnd: undefined, ...news, attempts, why };
    this.link.changed(this.upgrade);
  }
}
