/** The rules of the gate of peers (peer sections 4, 5 and 8) with lists of objects; no engine. */
export const idOf = (n: number) =>
  Uint8Array.from([0, 0x24, 8, 1, 0x12, 0x20, ...new Uint8Array(32).fill(n + 1)]);
export const US = idOf(200);

export interface ShownHandshake {
  key: number;
  sender: number;
  timeMs: number;
  /** What tells its signature from others. */
  mark: number;
}

interface Connection {
  handle: number;
  isInbound: boolean;
  address: number;
  startedMs: number;
  peer?: Peer;
  check?: ShownHandshake | undefined;
  reason?: string;
}
interface Sent {
  windowMs: number;
  requests: number;
  broadcasts: number;
  passedOn: number;
}
interface Peer extends Sent {
  id: number;
  phase: 'connected' | 'verified' | 'failed';
  sinceMs: number;
  key?: number;
  isInvalid: boolean;
  tries: number;
}

export interface ModelLimits {
  target: number;
  requests: number;
  broadcasts: number;
}
interface Record {
  untilMs: number;
  failures: number;
  sinceMs: number;
}

export class GateModel {
  private readonly limits: ModelLimits;
  private connections: Connection[] = [];
  private readonly records = new Map<number, Record>();
  private listed: number[] = [];
  private seen: ShownHandshake[] = [];
  /** By key: what whoever was verified with it has sent. */
  private readonly spent = new Map<number, Sent>();
  private forgottenMs = 0;

  constructor(limits: ModelLimits) {
    this.limits = limits;
  }

  ask(handle: number, dialled: number | undefined, address: number, now: number): string {
    const isInbound = dialled === undefined;
    const fits = isInbound ? 'OK' : this.fits(dialled, now);
    if (fits !== 'OK') return fits;
    const pending = this.connections.filter((c) => isPending(c) && c.isInbound === isInbound);
    if (pending.length >= this.limits.target || this.isFull()) return 'TOO_MANY_CONNECTIONS';
    const unproved = this.connections.filter(
      (c) => c.isInbound && c.address === address && c.peer?.phase !== 'verified',
    );
    if (isInbound && unproved.length >= 8) return 'TOO_MANY_OF_ADDRESS';
    this.connections.push({ handle, isInbound, address, startedMs: now });
    return 'OK';
  }

  open(handle: number, id: number, now: number): string {
    const connection = this.connections.find((c) => c.handle === handle && isPending(c));
    if (!connection) return 'UNKNOWN_CONNECTION';
    let fits = this.fits(id, now);
    if (fits === 'OK' && this.isFull()) fits = 'TOO_MANY_CONNECTIONS';
    if (fits !== 'OK') this.drop(connection);
    else connection.peer = this.peer(id) ?? newPeer(id, now);
    return fits;
  }

  close(handle: number, now: number): string {
    const connection = this.connections.find((c) => c.handle === handle && !c.reason);
    if (!connection) return 'UNKNOWN_CONNECTION';
    this.leave(connection, now);
    return 'OK';
  }

  idOf(handle: number): number | undefined {
    return this.connections.find((c) => c.handle === handle)?.peer?.id;
  }

  begin(handle: number, shown: ShownHandshake, now: number): string {
    const connection = this.alive(handle, now);
    const peer = connection?.peer;
    if (!connection || !peer) return 'UNKNOWN_CONNECTION';
    if (connection.check) return 'BUSY';
    const may = peer.phase === 'verified' ? this.count(peer, now) : this.try(peer, now);
    if (may !== 'OK') return may;
    if (!this.listed.includes(shown.key)) {
      this.ban(peer.id, now + 3_600_000, now);
      return 'UNLISTED';
    }
    const verdict = freshness(shown, peer.id, now);
    if (verdict === 'OK') connection.check = shown;
    else peer.isInvalid = true;
    return verdict;
  }

  conclude(handle: number, isGood: boolean, now: number): string {
    const connection = this.alive(handle, now);
    const peer = connection?.peer;
    if (!connection || !peer) return 'UNKNOWN_CONNECTION';
    const { check } = connection;
    if (!check) return 'NOT_PENDING';
    connection.check = undefined;
    const verdict = isGood ? this.judge(peer, check, now) : 'SIGNATURE';
    if (verdict === 'OK') this.verify(peer, check.key, now);
    if (verdict === 'SIGNATURE' || verdict === 'REPLAYED') peer.isInvalid = true;
    return verdict;
  }

  receive(handle: number, now: number): string {
    const peer = this.alive(handle, now)?.peer;
    if (!peer) return 'UNKNOWN_CONNECTION';
    const counted = this.count(peer, now);
    if (counted !== 'OK') return counted;
    return peer.phase === 'verified' ? 'OK' : 'NOT_VERIFIED';
  }

  countGossip(handle: number, from: number, now: number): string {
    const peer = this.alive(handle, now)?.peer;
    if (peer?.phase !== 'verified') return 'NOT_VERIFIED';
    if (from === peer.id) return this.count(peer, now, 'broadcasts');
    renew(peer, now);
    peer.passedOn++;
    const { broadcasts, target } = this.limits;
    return peer.passedOn > broadcasts * target ? 'RATE_LIMITED' : 'OK';
  }

  ban(id: number, untilMs: number, now: number): string {
    const before = this.records.get(id) ?? { untilMs: 0, failures: 0, sinceMs: now };
    if (untilMs > before.untilMs) this.records.set(id, { ...before, untilMs, sinceMs: now });
    const peer = this.peer(id);
    if (peer && untilMs > now) this.fail(peer, 'BANNED', now);
    return 'OK';
  }

  unban(id: number): string {
    this.records.delete(id);
    return 'OK';
  }

  list(keys: number[], now: number): number {
    this.listed = keys;
    for (const { peer } of this.connections) {
      if (peer?.phase === 'verified' && !keys.includes(peer.key ?? -1)) {
        this.fail(peer, 'REMOVED', now);
      }
    }
    return 0;
  }

  tick(now: number): number {
    for (const [id, record] of this.records) if (endOf(record) <= now) this.records.delete(id);
    this.forget(now);
    for (const connection of this.connections) {
      if (isPending(connection) && connection.startedMs + 30_000 <= now) {
        connection.reason = 'TIMEOUT';
      }
      this.alive(connection.handle, now);
    }
    return 0;
  }

  takeClosing(now: number): string[] {
    const closing = this.connections.filter(({ reason }) => reason);
    for (const connection of closing) this.leave(connection, now);
    return closing.map(({ handle, reason }) => `${handle} ${reason}`);
  }

  phase(id: number): string {
    return this.peer(id)?.phase ?? 'none';
  }

  bansAsText(hex: (bytes: Uint8Array) => string): string[] {
    const banned = [...this.records].filter(([, { untilMs }]) => untilMs > 0);
    return banned.map(([id, { untilMs }]) => `${hex(idOf(id))} ${untilMs}`);
  }

  private peer(id: number): Peer | undefined {
    return this.connections.find(({ peer }) => peer?.id === id)?.peer;
  }

  private isFull(): boolean {
    return this.connections.filter((c) => !isPending(c)).length >= 2 * this.limits.target;
  }

  private fits(id: number, now: number): string {
    if ((this.records.get(id)?.untilMs ?? 0) > now) return 'BANNED';
    const own = this.connections.filter(({ peer }) => peer?.id === id);
    if (own[0]?.peer?.phase === 'failed') return 'FAILED';
    return own.length >= 2 ? 'TOO_MANY_OF_PEER' : 'OK';
  }

  /** An open connection whose peer's time is not over. */
  private alive(handle: number, now: number): Connection | undefined {
    const connection = this.connections.find((c) => c.handle === handle && c.peer && !c.reason);
    const peer = connection?.peer;
    if (peer?.phase !== 'connected' || now < peer.sinceMs + 30_000) return connection;
    this.fail(peer, 'TIMEOUT', now);
    return undefined;
  }

  private fail(peer: Peer, reason: string, now: number): void {
    if (peer.phase === 'connected' && peer.isInvalid) this.countFailure(peer.id, now);
    if (peer.phase === 'verified') this.keepSpent(peer);
    peer.phase = 'failed';
    for (const connection of this.connections) {
      if (connection.peer === peer) connection.reason ??= reason;
    }
  }

  private keepSpent({ key = -1, windowMs, requests, broadcasts, passedOn }: Peer): void {
    this.spent.set(key, { windowMs, requests, broadcasts, passedOn });
  }

  private verify(peer: Peer, key: number, now: number): void {
    Object.assign(peer, { phase: 'verified', key });
    renew(peer, now);
    const spent = this.spent.get(key);
    this.spent.delete(key);
    if (!spent || now - spent.windowMs >= 10_000) return;
    peer.windowMs = Math.min(peer.windowMs, spent.windowMs);
    peer.requests += spent.requests;
    peer.broadcasts += spent.broadcasts;
    peer.passedOn += spent.passedOn;
  }

  private countFailure(id: number, now: number): void {
    const before = this.records.get(id);
    const isOver = !before || endOf(before) <= now;
    const failures = isOver ? 1 : before.failures + 1;
    const untilMs = isOver ? 0 : before.untilMs;
    const banned = { untilMs: Math.max(untilMs, now + 300_000), failures: 0, sinceMs: now };
    this.records.set(id, failures < 3 ? { untilMs, failures, sinceMs: now } : banned);
  }

  private leave(connection: Connection, now: number): void {
    this.drop(connection);
    const { peer } = connection;
    if (!peer || this.peer(peer.id)) return;
    if (peer.phase === 'verified') this.keepSpent(peer);
    const isFlooding = peer.requests > this.limits.requests && now - peer.windowMs < 10_000;
    const isCounted = peer.isInvalid || isFlooding;
    if (peer.phase === 'connected' && isCounted) this.countFailure(peer.id, now);
  }

  private drop(connection: Connection): void {
    this.connections = this.connections.filter((other) => other !== connection);
  }

  private try(peer: Peer, now: number): string {
    peer.tries++;
    if (peer.tries <= 8) return 'OK';
    peer.isInvalid = true;
    this.fail(peer, 'HANDSHAKES', now);
    return 'TOO_MANY_HANDSHAKES';
  }

  private count(peer: Peer, now: number, what: 'requests' | 'broadcasts' = 'requests'): string {
    renew(peer, now);
    peer[what]++;
    if (peer[what] <= this.limits[what]) return 'OK';
    if (peer[what] <= 3 * this.limits[what]) return 'RATE_LIMITED';
    this.ban(peer.id, now + 300_000, now);
    return 'BANNED';
  }

  private judge(peer: Peer, shown: ShownHandshake, now: number): string {
    if (!this.listed.includes(shown.key)) return 'UNLISTED';
    const holder = this.connections.find(
      (c) => c.peer?.phase === 'verified' && c.peer.key === shown.key,
    )?.peer;
    if (holder && holder !== peer) return 'KEY_IN_USE';
    if (peer.phase === 'verified' && peer.key !== shown.key) return 'KEY_IN_USE';
    if (shown.timeMs + 30_000 < now) return 'TIMESTAMP_STALE';
    this.forget(now);
    if (shown.timeMs <= this.forgottenMs) return 'REPLAYED';
    const own = this.seen.filter(({ sender }) => sender === shown.sender);
    if (own.some(({ mark }) => mark === shown.mark)) return 'REPLAYED';
    if (own.length >= 36) return 'SEEN_FULL';
    this.seen.push(shown);
    return 'OK';
  }

  private forget(now: number): void {
    for (const { timeMs } of this.seen.filter((one) => one.timeMs + 35_000 <= now)) {
      this.forgottenMs = Math.max(this.forgottenMs, timeMs);
    }
    this.seen = this.seen.filter((one) => one.timeMs + 35_000 > now);
  }
}

function isPending(connection: Connection): boolean {
  return !connection.peer && !connection.reason;
}

function newPeer(id: number, now: number): Peer {
  const counts = { isInvalid: false, tries: 0, windowMs: now, ...NOTHING_SENT };
  return { id, phase: 'connected', sinceMs: now, ...counts };
}

const NOTHING_SENT = { requests: 0, broadcasts: 0, passedOn: 0 };
function renew(peer: Sent, now: number): void {
  if (now - peer.windowMs >= 10_000) Object.assign(peer, { windowMs: now, ...NOTHING_SENT });
}

function endOf({ untilMs, sinceMs }: Record): number {
  return untilMs || sinceMs + 300_000;
}

function freshness(shown: ShownHandshake, id: number, now: number): string {
  if (shown.sender !== id) return 'SENDER';
  if (shown.timeMs > now + 5000) return 'TIMESTAMP_FUTURE';
  return shown.timeMs < now - 30_000 ? 'TIMESTAMP_STALE' : 'OK';
}
