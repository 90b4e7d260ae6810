/**
 * The connections of a peer node: libp2p asks here before each of them, and the gate answers.
 * Whatever the gate ends is closed here. Reference: peer sections 4 and 8.
 */
import type { GateHandle, PeerGate } from './gate.ts';
import type { Libp2pConnection, Libp2pGater, Libp2pPeerId, Libp2pRawConnection } from './libp2p.ts';
import type { WireVersion } from './messages.ts';
import { addressWord } from './peer-address.ts';
import type { PeerClock } from './peer-clock.ts';
import type { FailReason, PeerEvents } from './peer-events.ts';

/** One connection at the gate, from before its handshake on. */
export interface PeerLink {
  readonly handle: GateHandle;
  readonly raw: Libp2pRawConnection;
  /** Once the transport has proved who is there. */
  peer?: LinkedPeer;
  /** Once streams can be opened. */
  connection?: Libp2pConnection;
  /** Our handshake was due before streams could be opened. */
  isHandshakeDue: boolean;
  /** Ours is under way: it settles when the peer has answered, or has not. */
  handshake?: Promise<void> | undefined;
  /** Wire 3: the challenges of the peer's Hello and of our answer, until it has used them. */
  challenges?: { challenge: Uint8Array; answerChallenge: Uint8Array } | undefined;
  /** Streams of the peer that are being read or answered. */
  streams: number;
}

export interface LinkedPeer {
  /** base58. */
  readonly text: string;
  /** 38 bytes. */
  readonly id: Uint8Array;
  /** The same as libp2p has it. */
  readonly remote: Libp2pPeerId;
  readonly links: Set<PeerLink>;
  proved?: { key: Uint8Array; wire: WireVersion };
  /** Called once, when it is verified or gone. */
  readonly waiting: Set<() => void>;
}

/** What else has to be done. */
export interface LinkDuties {
  sendHandshake(link: PeerLink): void;
  onVerified(peer: LinkedPeer): void;
  /** One of its connections has closed, and others have not. */
  onFewer(peer: LinkedPeer): void;
  onGone(peer: LinkedPeer): void;
  /** The bans may have changed. */
  onBans(): void;
}

export class ConnectionEndedError extends Error {
  override readonly name = 'ConnectionEndedError';
  readonly code = 'ANDVARI_PEER_CONNECTION_ENDED';
}

export class PeerLinks {
  private readonly gate: PeerGate;
  private readonly clock: PeerClock;
  private readonly events: PeerEvents;
  private readonly duties: LinkDuties;
  /** Of addresses that are no numbers: nobody chooses whom he is counted with. */
  private readonly addressKey: number;
  private readonly byTimeline = new WeakMap<object, PeerLink>();
  private readonly byHandle = new Map<GateHandle, PeerLink>();
  private readonly byPeer = new Map<string, LinkedPeer>();
  /** Handles of dials that have no connection yet. */
  private readonly dialling = new Map<string, GateHandle[]>();
  private cancelTimer: () => void = () => {};
  private isSettling = false;
  private isUnsettled = false;
  private isStopped = false;

  constructor(options: {
    gate: PeerGate;
    clock: PeerClock;
    events: PeerEvents;
    duties: LinkDuties;
    addressKey: number;
  }) {
    this.gate = options.gate;
    this.clock = options.clock;
    this.events = options.events;
    this.duties = options.duties;
    this.addressKey = options.addressKey;
  }

  gater(): Libp2pGater {
    return {
      denyDialPeer: (peer) => this.isBarred(peer),
      denyInboundConnection: (raw) => this.accept(raw),
      denyOutboundConnection: (peer, raw) => this.take(peer, raw),
      denyInboundEncryptedConnection: (peer, raw) => this.open(peer, raw),
      denyOutboundEncryptedConnection: (peer, raw) => this.open(peer, raw),
    };
  }

  linkOf(connection: Libp2pRawConnection): PeerLink | undefined {
    return this.byTimeline.get(connection.timeline);
  }

  peer(text: string): LinkedPeer | undefined {
    return this.byPeer.get(text);
  }

  peers(): LinkedPeer[] {
    return [...this.byPeer.values()];
  }

  /** A connection over which something can be sent now. */
  openLink(peer: LinkedPeer): (PeerLink & { connection: Libp2pConnection }) | undefined {
    for (const link of peer.links) {
      const { connection } = link;
      if (connection?.status === 'open') return Object.assign(link, { connection });
    }
    return undefined;
  }

  /** Runs a dial for which the gate has given leave; else gives why there is none. */
  async dial<T>(
    id: Uint8Array,
    text: string,
    run: () => Promise<T>,
  ): Promise<{ refused: string } | { value: T }> {
    const { answer, handle } = this.gate.dial(id, this.clock.nowMs());
    if (answer !== 'OK') return { refused: answer };
    const handles = this.dialling.get(text) ?? [];
    this.dialling.set(text, handles);
    handles.push(handle);
    try {
      return { value: await run() };
    } finally {
      // Still there: no connection has come of it, or there was one already.
      const left = handles.indexOf(handle);
      if (left >= 0) {
        handles.splice(left, 1);
        this.gate.close(handle, this.clock.nowMs());
      }
      if (handles.length === 0) this.dialling.delete(text);
    }
  }

  /** Streams can be opened on it from here on. */
  attach(connection: Libp2pConnection): void {
    const link = this.linkOf(connection);
    if (!link?.peer || this.isStopped) {
      connection.abort(new ConnectionEndedError('no such connection is known'));
      return;
    }
    link.connection = connection;
    if (!link.isHandshakeDue) return;
    link.isHandshakeDue = false;
    this.duties.sendHandshake(link);
  }

  /** The gate has concluded that the peer is verified. */
  verified(link: PeerLink, proved: { key: Uint8Array; wire: WireVersion }): void {
    const { peer } = link;
    if (!peer || peer.proved) return;
    peer.proved = proved;
    this.events.emit('verified', { peerId: peer.text, ...proved });
    this.events.emit('flow', { peerId: peer.text, state: 'handshaked' });
    this.duties.onVerified(peer);
    this.wake(peer);
  }

  /** Closes all that a peer has, without a ban. */
  refuse(peer: LinkedPeer, reason: FailReason): void {
    const links = [...peer.links];
    for (const link of links) this.end(link, reason);
    if (links.length > 0) this.events.emit('failed', { peerId: peer.text, reason });
    this.settle();
  }

  /** After whatever may have changed something at the gate. */
  settle(): void {
    this.isUnsettled = true;
    if (this.isSettling || this.isStopped) return;
    this.isSettling = true;
    try {
      // What is told here may be answered by a call that changes the gate again.
      while (this.isUnsettled) this.settleOnce();
    } finally {
      this.isSettling = false;
    }
    this.duties.onBans();
  }

  private settleOnce(): void {
    this.isUnsettled = false;
    const now = this.clock.nowMs();
    this.gate.tick(now);
    this.closeWhatIsOver(now);
    for (const handle of this.gate.takeDueHandshakes(now)) this.due(handle);
    const nextMs = this.gate.tick(now);
    this.cancelTimer();
    this.cancelTimer = Number.isFinite(nextMs)
      ? this.clock.after(nextMs - now, () => this.settle())
      : () => {};
  }

  stop(): void {
    this.isStopped = true;
    this.cancelTimer();
    for (const link of [...this.byHandle.values()]) this.end(link, 'STOPPED');
  }

  private closeWhatIsOver(now: number): void {
    const failed = new Map<string, FailReason>();
    for (const { handle, reason } of this.gate.takeClosing(now)) {
      const link = this.byHandle.get(handle);
      if (!link) continue;
      if (link.peer) failed.set(link.peer.text, reason);
      this.end(link, reason);
    }
    for (const [peerId, reason] of failed) this.events.emit('failed', { peerId, reason });
  }

  private due(handle: GateHandle): void {
    const link = this.byHandle.get(handle);
    if (!link) return;
    if (link.connection) this.duties.sendHandshake(link);
    else link.isHandshakeDue = true;
  }

  private isBarred(peer: Libp2pPeerId): boolean {
    // Whoever dials asks the gate first (dial); libp2p itself never dials for us.
    return !this.dialling.has(peer.toString());
  }

  private accept(raw: Libp2pRawConnection): boolean {
    if (this.isStopped) return true;
    const address = addressWord(raw.remoteAddr.toString(), this.addressKey);
    const { answer, handle } = this.gate.accept(address, this.clock.nowMs());
    if (answer !== 'OK') return true;
    this.keep(handle, raw);
    this.settle();
    return false;
  }

  private take(peer: Libp2pPeerId, raw: Libp2pRawConnection): boolean {
    // Several addresses of a dial may be tried: the first has the dial's own handle.
    const handle =
      this.dialling.get(peer.toString())?.shift() ??
      this.gate.dial(peer.toMultihash().bytes, this.clock.nowMs()).handle;
    if (handle === 0 || this.isStopped) return true;
    this.keep(handle, raw);
    this.settle();
    return false;
  }

  private open(peer: Libp2pPeerId, raw: Libp2pRawConnection): boolean {
    const link = this.linkOf(raw);
    if (!link || this.isStopped) return true;
    const id = peer.toMultihash().bytes;
    if (this.gate.open(link.handle, id, this.clock.nowMs()) !== 'OK') return true;
    const text = peer.toString();
    const fresh = {
      text,
      id,
      remote: peer,
      links: new Set<PeerLink>(),
      waiting: new Set<() => void>(),
    };
    const linked = this.byPeer.get(text) ?? fresh;
    this.byPeer.set(text, linked);
    linked.links.add(link);
    link.peer = linked;
    this.settle();
    return false;
  }

  private keep(handle: GateHandle, raw: Libp2pRawConnection): void {
    const link: PeerLink = { handle, raw, isHandshakeDue: false, streams: 0 };
    this.byTimeline.set(raw.timeline, link);
    this.byHandle.set(handle, link);
    raw.addEventListener('close', () => this.drop(link));
  }

  private end(link: PeerLink, reason: string): void {
    const error = new ConnectionEndedError(`closed: ${reason}`);
    if (link.connection) link.connection.abort(error);
    else link.raw.abort(error);
    this.drop(link);
  }

  private drop(link: PeerLink): void {
    if (!this.byHandle.delete(link.handle)) return;
    this.gate.close(link.handle, this.clock.nowMs());
    const { peer } = link;
    if (peer?.links.delete(link)) {
      if (peer.links.size > 0) this.duties.onFewer(peer);
      else this.gone(peer);
    }
    this.settle();
  }

  private gone(peer: LinkedPeer): void {
    this.byPeer.delete(peer.text);
    this.wake(peer);
    this.duties.onGone(peer);
    this.events.emit('closed', { peerId: peer.text });
  }

  private wake(peer: LinkedPeer): void {
    const waiting = [...peer.waiting];
    peer.waiting.clear();
    for (const wake of waiting) wake();
  }
}
