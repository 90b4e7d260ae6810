/**
 * The acknowledgement of a lone packet waits a little for the answer, to go in the same packet:
 * that saves a request a system call and its peer a packet. quiche itself waits for nothing.
 */

/**
 * Less than the 25 ms that peers allow for; and of two packets the second is acknowledged at once
 * (RFC 9000 section 13.2.1 and 13.2.2).
 */
const ACK_DELAY_MS = 10;

export class AckDelay {
  #untilMs = Number.POSITIVE_INFINITY;
  /** Something else than an acknowledgement may have to leave. */
  #urgent = false;
  /** Since the last packets left. */
  #packets = 0;
  #hasRead = false;

  /** A packet came. */
  received(): void {
    this.#packets++;
  }

  /** The application was given bytes: it may have something to say. */
  read(): void {
    this.#hasRead = true;
  }

  urgent(): void {
    this.#urgent = true;
  }

  /** What there was has left. */
  sent(): void {
    [this.#urgent, this.#packets, this.#hasRead] = [false, 0, false];
    this.#untilMs = Number.POSITIVE_INFINITY;
  }

  /** Whether packets need not leave now; then they do at `untilMs` at the latest. */
  waits(nowMs: number): boolean {
    if (this.#urgent || this.#packets !== 1 || !this.#hasRead) return false;
    this.#untilMs = Math.min(this.#untilMs, nowMs + ACK_DELAY_MS);
    return nowMs < this.#untilMs;
  }

  /** Infinity: nothing waits. */
  get untilMs(): number {
    return this.#untilMs;
  }
}
