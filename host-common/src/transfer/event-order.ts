/**
 * What came first of what happens at an endpoint. It is counted: within one tick of a clock, which
 * is 100 ms in a careful browser, a whole handshake may happen, and a clock may be set back.
 */
export class EventOrder {
  private last = 0;

  /** The place of what happens now, behind all that happened before. */
  next(): number {
    return ++this.last;
  }
}
