/**
 * PINGs of a session that somebody waits for. One is under way at a time: whoever asks meanwhile
 * waits for the next. Nothing repeats a lost PING or PONG (reference: transfer, section 6), so a
 * new one goes when the answer is late, and who asked is told when it does not come at all.
 */
import type { EndpointClock } from './endpoint-clock.ts';
import { TransferError } from './transfer-error.ts';

/** How long an answer is waited for, unless it is said otherwise. */
export const PING_TIMEOUT_MS = 10_000;
/** Who may wait for an answer at once: all of them are looked at whenever one asks or is told. */
export const PINGS_MAX = 1024;
/** The longest time between two PINGs of one question, as of probes (section 6). */
const WAIT_US_MAX = 5_000_000;

/** What the PINGs need of their session. */
export interface PingLink {
  clock: EndpointClock;
  /** Sends a PING under a new id. */
  ping(): void;
  /** After how many microseconds an answer is late. */
  lateUs(): number;
}

interface Asking {
  resolve(roundTripUs: number): void;
  reject(error: unknown): void;
  untilUs: number;
}

export class SessionPings {
  private readonly link: PingLink;
  /** Who waits for the PING under way, and who for the one after it. */
  private asking: Asking[] = [];
  private later: Asking[] = [];
  private tries = 0;
  private againUs = Number.POSITIVE_INFINITY;
  private cancelAlarm = () => {};

  constructor(link: PingLink) {
    this.link = link;
  }

  /**
   * Round trip of a PING that goes after this call, microseconds.
   * @throws TransferError ANDVARI_PING_TIMEOUT, ANDVARI_TOO_MANY_PINGS
   */
  async ask(timeoutMs: number): Promise<number> {
    if (this.asking.length + this.later.length >= PINGS_MAX) {
      const message = `${PINGS_MAX} pings wait for an answer: one has to end before the next`;
      throw new TransferError('ANDVARI_TOO_MANY_PINGS', message);
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const asking = { resolve, reject, untilUs: this.link.clock.now().us + timeoutMs * 1000 };
    if (this.asking.length > 0) {
      this.later.push(asking);
      this.arm();
    } else this.begin([asking]);
    return promise;
  }

  /** The PING under way is answered. */
  answered(roundTripUs: number): void {
    const answered = this.asking;
    this.begin(this.later);
    for (const { resolve } of answered) resolve(roundTripUs);
  }

  /** The session is over. */
  end(error: TransferError): void {
    const all = [...this.asking, ...this.later];
    this.begin([]);
    for (const { reject } of all) reject(error);
  }

  private begin(asking: Asking[]): void {
    this.asking = asking;
    this.later = [];
    this.tries = 0;
    this.send();
  }

  private send(): void {
    this.againUs = Number.POSITIVE_INFINITY;
    if (this.asking.length > 0) {
      const waitUs = Math.min(this.link.lateUs() * 2 ** this.tries++, WAIT_US_MAX);
      this.againUs = this.link.clock.now().us + waitUs;
      this.link.ping();
    }
    this.arm();
  }

  private arm(): void {
    this.cancelAlarm();
    const times = [...this.asking, ...this.later].map(({ untilUs }) => untilUs);
    const wakeUs = Math.min(this.againUs, ...times);
    if (wakeUs === Number.POSITIVE_INFINITY) this.cancelAlarm = () => {};
    else this.cancelAlarm = this.link.clock.alarm(wakeUs, () => this.wake());
  }

  private wake(): void {
    const nowUs = this.link.clock.now().us;
    const late = [...this.asking, ...this.later].filter(({ untilUs }) => untilUs <= nowUs);
    const waits = ({ untilUs }: Asking) => untilUs > nowUs;
    this.asking = this.asking.filter(waits);
    this.later = this.later.filter(waits);
    if (this.asking.length === 0) this.begin(this.later);
    else if (this.againUs <= nowUs) this.send();
    else this.arm();
    const error = new TransferError('ANDVARI_PING_TIMEOUT', 'the peer has not answered in time');
    for (const { reject } of late) reject(error);
  }
}
