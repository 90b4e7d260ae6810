/** What openUring() takes besides the options of every packet socket. */
import { checkOpenOptions, checkWholeNumber, type OpenOptions } from './port-options.ts';

/**
 * Frames that make one receive buffer: a datagram of 65,507 bytes lies in one piece. Only the first
 * of them is given to the engine; the others cost memory only when a long datagram has used them.
 */
export const URING_FRAMES_PER_BUFFER = 17;

export interface UringOptions extends OpenOptions {
  /**
   * Microseconds, at most 10,000, for which turn() looks for datagrams before it says that there
   * are none [0]. The network device is polled too where this process may ask for it. It costs the
   * whole core and saves the wake-up.
   */
  busyPoll?: number;
  /** A thread of the kernel takes replies, so that turn() makes no system call [false]. */
  sqpoll?: boolean;
}

const BUSY_POLL_MAX_US = 10_000;

/** Throws a TypeError or a RangeError that names the argument. */
export function checkUringOptions(options: UringOptions): void {
  checkOpenOptions(options, ['busyPoll', 'sqpoll']);
  const { busyPoll, sqpoll } = options;
  if (busyPoll !== undefined) checkWholeNumber('busyPoll', busyPoll, BUSY_POLL_MAX_US);
  if (sqpoll !== undefined && typeof sqpoll !== 'boolean') {
    throw new TypeError(`sqpoll: wanted true or false, got ${typeof sqpoll}`);
  }
}
