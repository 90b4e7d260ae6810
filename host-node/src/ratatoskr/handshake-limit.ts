/**
 * Sockets that are no WebSockets yet: in their TLS handshake, or in their HTTP request. They have
 * places of their own, each address a share of them, and whoever is new gets in: another one goes
 * for it. A device needs a few round trips, so it is through before its turn to go has come,
 * however many are silent.
 */
import { isLoopback } from '../raida/origin.ts';
import {
  HANDSHAKE_GRACE_MS,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
  HANDSHAKES_STAGE_PART,
} from './limits.ts';
import { networkOf } from './stranger-limit.ts';

/** What is seen of a socket from outside: it has said something, it was answered. */
export interface Handshaking {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface HandshakeBounds {
  max: number;
  perAddressMax: number;
  graceMs: number;
}

const bounds: HandshakeBounds = {
  max: HANDSHAKES_MAX,
  perAddressMax: HANDSHAKES_PER_ADDRESS_MAX,
  graceMs: HANDSHAKE_GRACE_MS,
};

export class HandshakeLimit<T extends Handshaking> {
  readonly #bounds: HandshakeBounds;
  readonly #crowds = new Map<string, Crowd<T>>();
  readonly #networks = new Map<T, string>();

  constructor(options: Partial<HandshakeBounds> = {}) {
    this.#bounds = { ...bounds, ...options };
  }

  get size(): number {
    return this.#networks.size;
  }

  /**
   * One more. Returns who has to go for it, and forgets it; undefined: there is room.
   * @param nowMs of a clock that nobody sets
   */
  add(socket: T, address: string, nowMs: number): T | undefined {
    const network = networkOf(address);
    const leaving = this.#crowdFullFor(network, address)?.choose(nowMs - this.#bounds.graceMs);
    if (leaving !== undefined) this.delete(leaving);
    const crowd = this.#crowds.get(network) ?? new Crowd<T>();
    crowd.add(socket, nowMs);
    this.#crowds.set(network, crowd);
    this.#networks.set(socket, network);
    return leaving;
  }

  /** It has ended, or is a WebSocket now. */
  delete(socket: T): void {
    const network = this.#networks.get(socket);
    if (network === undefined) return;
    this.#networks.delete(socket);
    const crowd = this.#crowds.get(network);
    crowd?.delete(socket);
    if (crowd?.size === 0) this.#crowds.delete(network);
  }

  /** Those of whom one has to go: of this address, or of that which has most. */
  #crowdFullFor(network: string, address: string): Crowd<T> | undefined {
    const { max, perAddressMax } = this.#bounds;
    const own = this.#crowds.get(network);
    // What comes from this machine comes for others: a proxy.
    if (own && own.size >= perAddressMax && !isLoopback(address)) return own;
    if (this.size < max) return undefined;
    let most: Crowd<T> | undefined;
    for (const crowd of this.#crowds.values()) if (crowd.size > (most?.size ?? 0)) most = crowd;
    return most;
  }
}

/**
 * Those of one address, in the order of their coming. What they have done is looked at when one has
 * to go, from the oldest on, and each is looked at twice at the most.
 */
class Crowd<T extends Handshaking> {
  /**
   * Each with when it came. All of `answered` came before all of `spoken`, and these before all of
   * `arrived`, of which nothing is known yet.
   */
  readonly #arrived = new Map<T, number>();
  readonly #spoken = new Map<T, number>();
  readonly #answered = new Map<T, number>();

  get size(): number {
    return this.#arrived.size + this.#spoken.size + this.#answered.size;
  }

  add(socket: T, nowMs: number): void {
    this.#arrived.set(socket, nowMs);
  }

  delete(socket: T): void {
    for (const stage of [this.#arrived, this.#spoken, this.#answered]) stage.delete(socket);
  }

  /**
   * The oldest, if it came before then: that is no device. Else one that has done least, the oldest
   * of those. But a part stays at each stage: those that are on their way to the next one.
   */
  choose(thenMs: number): T | undefined {
    const [oldest] = [...first(this.#answered), ...first(this.#spoken), ...first(this.#arrived)];
    if (!oldest) return undefined;
    const [socket, sinceMs] = oldest;
    if (sinceMs < thenMs) return socket;
    const kept = this.size * HANDSHAKES_STAGE_PART;
    const silent = pass(this.#arrived, this.#spoken, {
      kept,
      hasPassed: ({ bytesRead }) => bytesRead > 0,
    });
    if (silent !== undefined) return silent;
    const unanswered = pass(this.#spoken, this.#answered, {
      kept,
      hasPassed: ({ bytesWritten }) => bytesWritten > 0,
    });
    return unanswered ?? first(this.#answered)[0]?.[0] ?? socket;
  }
}

function first<T>(stage: Map<T, number>): [T, number][] {
  for (const entry of stage) return [entry];
  return [];
}

/** Moves on who has passed, until one has not, whom it returns, or no more than `kept` are left. */
function pass<T>(
  from: Map<T, number>,
  to: Map<T, number>,
  { kept, hasPassed }: { kept: number; hasPassed: (socket: T) => boolean },
): T | undefined {
  for (const [socket, sinceMs] of from) {
    if (from.size <= kept) return undefined;
    if (!hasPassed(socket)) return socket;
    from.delete(socket);
    to.set(socket, sinceMs);
  }
  return undefined;
}
