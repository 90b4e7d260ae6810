/**
 * What a frame's handler says. CLOSE + CloseError ends the session with that error. A handler that
 * says NO_ROOM has kept nothing of the frame, or the first bytes that a reader waits for: its
 * packet stays unacked, so that it comes again.
 */
export const enum Handled {
  OK = 0,
  NO_ROOM = 1,
  CLOSE = 256,
}
