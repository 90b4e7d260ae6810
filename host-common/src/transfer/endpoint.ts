/**
 * A node of the transfer protocol: calls, answers calls, and carries the sessions of both over any
 * datagram transport. The engine does the work; here are its clock, its alarm, the handshakes, and
 * the web streams of its sessions. Reference: transfer, sections 1-6.
 */
import {
  CloseError,
  Compression,
  PacketVerdict,
  TransferEventKind,
} from '../engine/generated/transfer.ts';
import { hostRandom, type RandomBytes } from './byte-strings.ts';
import type { Datagram } from './datagram-transport.ts';
import { type EndpointClock, hostClock } from './endpoint-clock.ts';
import { openTransport } from './endpoint-opening.ts';
import { checkOptions, type EndpointOptions, guarded, isTrusted } from './endpoint-options.ts';
import { RekeyKeys } from './endpoint-rekey.ts';
import { EngineTransfer, type TransferEventOf } from './engine-transfer.ts';
import { Ephemerals } from './ephemerals.ts';
import { placeOf } from './far-end.ts';
import { frameLimits } from './frame-limits.ts';
import { type Agreed, compressionOf } from './handshake-outcome.ts';
import type { Call } from './handshakes.ts';
import { IncomingSessions } from './incoming-sessions.ts';
import { PacketOutput } from './packet-output.ts';
import { type ConnectOptions, checkCall, PendingCalls } from './pending-calls.ts';
import { SessionSetup } from './session-setup.ts';
import { TransferError } from './transfer-error.ts';
import { TransferSession } from './transfer-session.ts';
import { CANDIDATES_FRAME } from './upgrade/candidates.ts';
import { PathUpgrades, type UpgradeOptions } from './upgrade/path-upgrades.ts';
import { nobleX25519 } from './x25519.ts';

/** How long close() waits for goodbyes. */
const CLOSE_US = 3_000_000;
/** Between two ephemeral keys that are drawn in advance. */
const DRAW_US = 5_000;

export class TransferEndpoint {
  /** Sessions that peers began. */
  readonly incoming: ReadableStream<TransferSession>;
  private readonly options: EndpointOptions;
  private readonly transfer: EngineTransfer;
  private readonly clock: EndpointClock;
  private readonly random: RandomBytes;
  private readonly ephemerals: Ephemerals;
  private readonly setup: SessionSetup<TransferSession>;
  private readonly rekeys: RekeyKeys;
  private readonly upgrades: PathUpgrades;
  private readonly calls = new PendingCalls();
  private readonly untaken = new IncomingSessions();
  private readonly resetKey: Uint8Array | undefined;
  private outbox: Datagram[] = [];
  /** What sessions want said; each gives true when it is. Acks make room, and wake pump(). */
  private readonly unsaid = new Set<() => boolean>();
  private readonly output: PacketOutput;
  private kicked = false;
  private alarmUs = Number.POSITIVE_INFINITY;
  private cancelAlarm = () => {};
  private cancelDraw = () => {};
  private isDrawing = false;
  private isClosed = false;
  private closing: Promise<void> | undefined;
  /** Closed, and nobody is waited for any more. */
  private isOver = false;

  private constructor(options: EndpointOptions) {
    checkOptions(options);
    this.options = options;
    this.clock = options.clock ?? hostClock;
    this.random = options.random ?? hostRandom;
    this.resetKey = options.resets ? this.random(32) : undefined;
    this.transfer = new EngineTransfer(options.engine, () => this.clock.now().us);
    this.output = new PacketOutput(this.transfer, options.transport);
    this.ephemerals = new Ephemerals(this.random);
    const x25519 = options.x25519 ?? nobleX25519;
    this.rekeys = new RekeyKeys(this.transfer, this.ephemerals, x25519);
    this.upgrades = new PathUpgrades({
      clock: this.clock,
      random: this.random,
      stealth: options.stealth ?? false,
      options: upgradeOf(options),
      send: (datagram) => {
        this.outbox.push(datagram);
        this.kick();
      },
    });
    const handshake = {
      identity: options.identity,
      params: this.params,
      x25519,
      random: this.random,
      ephemerals: this.ephemerals,
      stealth: options.stealth ?? false,
    };
    this.setup = new SessionSetup<TransferSession>(handshake, {
      now: () => this.clock.now(),
      send: (datagram) => void this.outbox.push(datagram),
      open: (agreed, farEnd) => this.openSession(agreed, farEnd),
      ping: (handle) => void this.transfer.ping(handle),
      trusts: ({ peerId, peerKey }, farEnd) =>
        isTrusted(options, { peerId, peerKey, farEnd: placeOf(farEnd) }),
      hasRoom: () => this.untaken.hasRoom,
      show: (session, isContested) => void this.show(session, isContested),
      tell: (session, event) => session.take(event),
      calls: () => this.calls,
      settle: (call, outcome) => this.calls.settle(call, outcome),
    });
    this.incoming = this.untaken.readable;
  }

  /** Opens the transport, and answers calls from then on. */
  static async open(options: EndpointOptions): Promise<TransferEndpoint> {
    const endpoint = new TransferEndpoint(options);
    const places = endpoint.output.places(() => endpoint.kick());
    await openTransport(options, (datagrams) => endpoint.receive(datagrams), places);
    endpoint.drawAhead();
    return endpoint;
  }

  /**
   * A session with the peer at a far end (far-end.ts); it is there once both have shown that they
   * have its keys. If the peer calls us meanwhile, it may be the one that the peer began.
   * @throws HandshakeError, TransferError, the reason of an abort; TypeError, RangeError: what was
   * given is none
   */
  async connect(
    peerId: Uint8Array,
    farEnd: Uint8Array,
    options: ConnectOptions = {},
  ): Promise<TransferSession> {
    if (this.isClosed) throw closedError();
    checkCall(peerId, farEnd, options);
    this.calls.checkRoom();
    const call = this.setup.handshakes.call(peerId, farEnd, this.clock.now());
    this.kick();
    return this.calls.add(call, options.signal, (reason) => this.abort(call, reason));
  }

  /** How searches for direct ways have ended, and what was refused to peers meanwhile. */
  get upgradeCounts(): Pick<PathUpgrades, 'ended' | 'refused'> {
    return this.upgrades;
  }

  /** This machine has other addresses: sessions at a relay look for a direct way anew. */
  networkChanged(): void {
    this.upgrades.renew();
  }

  /**
   * Says goodbye to all peers, and closes the transport when they are gone, or after 3 s. Whoever
   * calls it again waits for the same.
   */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.isClosed = true;
    this.cancelDraw();
    this.upgrades.close();
    for (const call of this.calls) this.abort(call, closedError());
    for (const { session, handle } of this.setup.all()) {
      void session.close();
      this.transfer.close(handle, CloseError.NONE); // also what came for readers is given up
    }
    this.untaken.end();
    this.pump();
    const endUs = this.clock.now().us + CLOSE_US;
    while (this.setup.size > 0 && this.clock.now().us < endUs) {
      await new Promise<void>((resolve) => this.clock.alarm(this.clock.now().us + 20_000, resolve));
    }
    this.isOver = true;
    this.cancelAlarm();
    this.setup.handshakes.drop();
    this.ephemerals.drop();
    this.rekeys.drop();
    await this.options.transport.close();
  }

  private get params() {
    const { maxStreams = 256, windowKiB = 1024, stealth = false } = this.options;
    // The stealth form would hide nothing if packets behind it counted aloud.
    return { maxStreams, windowKiB, headerProtection: this.options.headerProtection || stealth };
  }

  private receive(datagrams: readonly Datagram[]): void {
    if (this.isOver) return;
    const laid: Datagram[] = [];
    const flush = () => {
      const count = this.transfer.receive();
      const now = this.clock.now();
      for (let i = 0; i < count; i++) {
        const datagram = laid[i];
        if (!datagram || this.transfer.verdict(i) !== PacketVerdict.UNCLAIMED) continue;
        if (this.isClosed || this.isUnclaimed(datagram)) continue;
        if (this.setup.handshakes.receiveAfter(datagram, now)) continue;
        if (this.resetKey && !this.output.isBlocked) this.reset(datagram, i);
      }
      laid.length = 0;
      this.drain();
    };
    const now = this.clock.now();
    for (const datagram of datagrams) {
      if (this.setup.handshakes.receiveBefore(datagram, now)) continue;
      if (!this.transfer.putReceived(datagram.bytes, datagram.farEnd)) {
        flush();
        if (!this.transfer.putReceived(datagram.bytes, datagram.farEnd)) continue;
      }
      laid.push(datagram);
    }
    flush();
    this.pump();
  }

  /** Nobody's session: a probe of a direct way, or the application's? */
  private isUnclaimed(datagram: Datagram): boolean {
    if (this.upgrades.receive(datagram)) return true;
    const { unclaimed } = this.options;
    return guarded(this.options, () => unclaimed?.(datagram)) === true;
  }

  private reset({ farEnd }: Datagram, index: number): void {
    const reset = this.transfer.resetFor(index, this.random);
    if (reset) this.options.transport.send([{ bytes: reset, farEnd }]);
  }

  /** Something may have to be sent: soon, together with what else comes up now. */
  private kick(): void {
    if (this.kicked || this.isOver) return;
    this.kicked = true;
    queueMicrotask(() => {
      if (this.kicked) this.pump();
    });
  }

  private pump(): void {
    this.kicked = false;
    if (this.isOver) return;
    this.transfer.step();
    this.drain();
    const { transport } = this.options;
    for (const say of this.unsaid) if (say()) this.unsaid.delete(say);
    if (this.outbox.length) transport.send(this.outbox.splice(0));
    this.output.run(() => this.drain());
    this.tellPrefixes();
    this.arm();
    this.drawAhead();
  }

  /** Sessions have begun, moved, taken new keys or ended. */
  private tellPrefixes(): void {
    const { transport } = this.options;
    if (!transport.prefixChanged) return;
    this.transfer.prefixChanges((place, prefix) => transport.prefixChanged?.(place, prefix));
  }

  private arm(): void {
    const dueUs = Math.min(this.transfer.wakeUs(), this.handshakesWakeUs);
    const wakeUs = this.output.wakeUs(dueUs, this.clock.now().us);
    if (wakeUs === this.alarmUs) return;
    this.cancelAlarm();
    this.alarmUs = wakeUs;
    if (wakeUs === Number.POSITIVE_INFINITY) return;
    this.cancelAlarm = this.clock.alarm(wakeUs, () => {
      this.alarmUs = Number.POSITIVE_INFINITY;
      const now = this.clock.now();
      if (this.handshakesWakeUs <= now.us) this.setup.handshakes.wake(now);
      this.pump();
    });
  }

  /** An endpoint that closes lets them lie: what is due is never done, and must wake nobody. */
  private get handshakesWakeUs(): number {
    return this.isClosed ? Number.POSITIVE_INFINITY : this.setup.handshakes.wakeUs;
  }

  private drain(): void {
    this.transfer.drain((event) => this.take(event));
  }

  private take(event: TransferEventOf): void {
    if (this.rekeys.take(event)) {
      this.kick();
      return;
    }
    if (this.upgrades.take(event)) return;
    this.setup.take(event);
    if (event.kind === TransferEventKind.SESSION_GONE) this.rekeys.forget(event.session);
  }

  private openSession(agreed: Agreed, farEnd: Uint8Array) {
    const { k1, k2, h: handshakeHash } = agreed.keys;
    const { idleMs, rekeySeconds, rekeyPackets, transport } = this.options;
    const { maxStreams, windowKiB } = this.params;
    const compression = compressionOf(agreed, this.options);
    const handle = this.transfer.open({
      k1,
      k2,
      handshakeHash,
      initiator: agreed.initiator,
      peerMaxStreams: agreed.theirParams.maxStreams,
      peerWindowKiB: agreed.theirParams.windowKiB,
      maxStreams,
      windowKiB,
      headerProtection: agreed.headerProtection,
      compression,
      mtuMax: transport.maxDatagramBytes,
      secret: this.random(32),
      path: farEnd,
      roundTripUs: agreed.rttUs,
      resetKey: this.resetKey,
      idleMs,
      rekeySeconds,
      rekeyPackets,
    });
    if (handle === undefined) return undefined;
    const { clock } = this;
    const say = (what: () => boolean) => void this.unsaid.add(what);
    const tell = (work: () => unknown) => void guarded(this.options, work);
    const link = { streams: this.transfer.streams, clock, kick: () => this.kick(), say, tell };
    const limits = frameLimits(transport.maxDatagramBytes);
    const compresses = compression === Compression.BOTH_WAYS;
    const facts = { handle, agreed, limits, compresses, startUs: this.clock.now().us, farEnd };
    const session = new TransferSession(this.transfer, link, facts);
    this.upgrade(session, handle, placeOf(farEnd));
    return { session, handle };
  }

  /** Looks for a direct way, if it goes through a relay. */
  private upgrade(session: TransferSession, handle: number, relayed: Uint8Array): void {
    const frame = (bytes: Uint8Array) =>
      this.transfer.extension(handle, CANDIDATES_FRAME, bytes) === 0;
    this.upgrades.open(handle, {
      ...{ initiator: session.initiator, relayed },
      say: (message) => {
        this.unsaid.add(() => !session.isOpen || frame(message));
        this.kick();
      },
      migrate: (farEnd) => session.migrate(farEnd),
      statistics: () => session.statistics(),
      changed: (upgrade) => {
        session.upgrade = upgrade;
      },
    });
  }

  private async show(session: TransferSession, isContested: boolean): Promise<void> {
    try {
      if (isContested) await session.ping();
      this.untaken.add(session);
    } catch {
      void session.close();
    }
  }

  private abort(call: Call, reason: unknown): void {
    if (!this.calls.has(call)) return;
    this.setup.abort(call);
    this.calls.settle(call, reason);
  }

  /** Draws keys for handshakes to come, a few, when there is time. */
  private drawAhead(): void {
    if (this.isDrawing || this.isClosed || this.ephemerals.isFull) return;
    this.isDrawing = true;
    this.cancelDraw = this.clock.alarm(this.clock.now().us + DRAW_US, () => {
      this.ephemerals.fill();
      this.isDrawing = false;
      this.drawAhead();
    });
  }
}

/** What the application says of direct ways; its faults are told, as those of events. */
function upgradeOf(options: EndpointOptions): UpgradeOptions | undefined {
  const { upgrade } = options;
  return (
    upgrade && {
      gather: async () => (await guarded(options, () => upgrade.gather())) ?? [],
      close: () => guarded(options, () => upgrade.close?.()),
    }
  );
}

function closedError(): TransferError {
  return new TransferError('ANDVARI_ENDPOINT_CLOSED', 'the endpoint is closed');
}
