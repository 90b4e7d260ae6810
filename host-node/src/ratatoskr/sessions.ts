import { randomUUID } from 'node:crypto';
import { SESSION_S } from './limits.ts';

export interface Session {
  /** UUIDv4. For people and logs: no message carries it, and nothing is looked up by it. */
  readonly id: string;
  readonly deviceId: string;
  readonly userId: string;
  /** Unix seconds. */
  readonly expiresAtS: number;
}

export type SessionVerdict = 'ok' | 'NO_SESSION' | 'SESSION_EXPIRED' | 'OTHER_DEVICE';

/**
 * The session of one connection (reference: Ratatoskr section 4, 7). It lives here and nowhere
 * else, so it ends with the connection, and no message can name another's.
 */
export class ConnectionSession {
  #session: Session | undefined;

  /** Also one that has expired; undefined: none was ever opened, or it has ended. */
  get current(): Session | undefined {
    return this.#session;
  }

  /** Whether this device may open a session here: the first, or one in place of its own. */
  admits(deviceId: string): boolean {
    return this.#session === undefined || this.#session.deviceId === deviceId;
  }

  /** In place of the one before, expired or not. */
  open(owner: { deviceId: string; userId: string }, nowS: number): Session {
    const { deviceId, userId } = owner;
    this.#session = { id: randomUUID(), deviceId, userId, expiresAtS: nowS + SESSION_S };
    return this.#session;
  }

  /** Whether a message of this device and user belongs to the session, and it still holds. */
  check(from: { deviceId: string; userId: string }, nowS: number): SessionVerdict {
    const session = this.#session;
    if (!session) return 'NO_SESSION';
    if (from.deviceId !== session.deviceId || from.userId !== session.userId) return 'OTHER_DEVICE';
    return nowS >= session.expiresAtS ? 'SESSION_EXPIRED' : 'ok';
  }
}
