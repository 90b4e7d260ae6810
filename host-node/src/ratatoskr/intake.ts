/**
 * What has come by one connection until it is judged: in its order, at its pace, and when others
 * have had their turn.
 */

import { TokenBucket } from '@andvari/host-common/token-bucket';
import {
  CONNECTION_BURST,
  CONNECTION_RATE_PER_SECOND,
  LARGE_MESSAGE_BYTES,
  STRANGER_BURST,
  STRANGER_FRAME_MS,
  UNDER_WAY_MAX,
} from './limits.ts';
import type { Pace } from './pace.ts';
import type { Moment } from './request-pipeline.ts';
import type { StrangerTime } from './stranger-time.ts';
import type { Turnstile } from './turnstile.ts';

export interface IntakeOptions {
  pace: Pace;
  turnstile: Turnstile;
  strangers: StrangerTime;
  rate: { burst?: number; perSecond?: number };
  now: () => Moment;
  /** It is its turn. */
  judge: (bytes: Uint8Array, at: Moment) => void;
  /** It has come without a token; what comes behind it waits. */
  tooFast: (bytes: Uint8Array, at: Moment) => void;
  /** One read has brought more than any client sends. */
  flooded: () => void;
  /** All that has come is judged. */
  judged: () => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #bucket: TokenBucket;
  /** That of a connection on which a device has spoken. */
  readonly #burst: number;
  /** What one read has brought behind what is waited for, in the order of its coming. */
  #held: Uint8Array[] = [];
  /** Frames without a message that one read has brought without a token. */
  #bare = 0;
  #isKnown = false;
  /** A connection request is being decided. */
  #undecided = false;
  /** A large message waits for its turn, or others have theirs after it. */
  #resting = false;
  /** There is no token for the next message. */
  #limited = false;
  /** Other strangers come first. */
  #inLine = false;
  #stopped = false;

  constructor(options: IntakeOptions) {
    const { rate, now } = options;
    this.#options = options;
    this.#burst = rate.burst ?? CONNECTION_BURST;
    this.#bucket = new TokenBucket(
      Math.min(STRANGER_BURST, this.#burst),
      rate.perSecond ?? CONNECTION_RATE_PER_SECOND,
      now().steadyMs,
    );
  }

  /** Whether what comes now has to wait. */
  get holds(): boolean {
    return this.#undecided || this.#resting || this.#limited || this.#inLine;
  }

  message(bytes: Uint8Array): void {
    this.#count();
    if (this.holds || this.#mustWait()) {
      this.#hold(bytes);
      return;
    }
    const at = this.#options.now();
    if (this.#bucket.take(at.steadyMs)) {
      this.#judge(bytes, at);
      return;
    }
    this.#spend(() => this.#options.tooFast(bytes, at));
    this.#awaitToken(at.steadyMs);
  }

  /** A frame without a message, such as PING and PONG of WebSocket: as much work to read as one. */
  bare(): void {
    this.#count();
    if (this.#limited) {
      if (++this.#bare > UNDER_WAY_MAX) this.#options.flooded();
      return;
    }
    const { steadyMs } = this.#options.now();
    if (!this.#bucket.take(steadyMs)) this.#awaitToken(steadyMs);
  }

  /** A registered device has spoken: it has more tokens, and its time is no more the strangers'. */
  meet(): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#bucket.widen(this.#burst);
  }

  /** What one read has brought behind a connection request may depend on how that is decided. */
  decide(undecided: boolean): void {
    this.#undecided = undecided;
    if (undecided) this.#options.pace.hold('session', true);
    else this.#judgeHeld();
  }

  /** Nothing more is judged. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  #count(): void {
    if (!this.#isKnown) this.#options.strangers.charge(STRANGER_FRAME_MS);
  }

  #spend(work: () => void): void {
    if (this.#isKnown) work();
    else this.#options.strangers.spend(work);
  }

  #hold(bytes: Uint8Array): void {
    if (this.#held.length < UNDER_WAY_MAX) this.#held.push(bytes);
    else this.#options.flooded();
  }

  /** Whether other strangers come first; then this one stands in their line. */
  #mustWait(): boolean {
    const { pace, strangers } = this.#options;
    if (this.#isKnown || strangers.isFree) return false;
    this.#inLine = true;
    pace.hold('line', true);
    strangers.wait(() => {
      this.#inLine = false;
      this.#judgeHeld(true);
    });
    return true;
  }

  #judge(bytes: Uint8Array, at: Moment): void {
    const { judge, now, pace, turnstile } = this.#options;
    if (bytes.length < LARGE_MESSAGE_BYTES) {
      this.#spend(() => judge(bytes, at));
      return;
    }
    this.#resting = true;
    pace.hold('turn', true);
    const work = () => {
      if (!this.#stopped) this.#spend(() => judge(bytes, now()));
    };
    const rested = () => {
      this.#resting = false;
      this.#judgeHeld();
    };
    turnstile.pass(work, rested);
  }

  #awaitToken(steadyMs: number): void {
    this.#limited = true;
    this.#options.pace.rest(this.#bucket.waitMs(steadyMs), () => {
      this.#limited = false;
      this.#bare = 0;
      this.#judgeHeld();
    });
  }

  /** Each as if it came now. @param isTurn the first has waited for its turn among strangers */
  #judgeHeld(isTurn = false): void {
    const { pace, judged, now } = this.#options;
    let isNext = isTurn;
    while (!this.holds && !this.#stopped && this.#held.length > 0) {
      if (!isNext && this.#mustWait()) break;
      isNext = false;
      const at = now();
      if (this.#bucket.take(at.steadyMs)) this.#judge(this.#held.shift() as Uint8Array, at);
      else this.#awaitToken(at.steadyMs);
    }
    pace.hold('session', this.#undecided);
    pace.hold('turn', this.#resting);
    pace.hold('line', this.#inLine);
    judged();
  }
}
