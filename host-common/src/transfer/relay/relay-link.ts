/**
 * One connection to a relay: the relay asks, the client signs for its key and for the relay's name
 * as dialed, the relay agrees; then packets go, and signs of life.
 */
import { nameOf, type RandomBytes } from '../byte-strings.ts';
import type { EndpointClock } from '../endpoint-clock.ts';
import { type PurposeSigner, relayData } from '../identity.ts';
import {
  emitRelayFrame,
  emitRelayPacket,
  parseRelayFrame,
  RELAY_CHALLENGE_BYTES,
  RELAY_PACKET_OVERHEAD,
  RelayCommand,
  type RelayFrame,
  RelayFrameError,
  relayPacketOf,
} from './frames.ts';
import { type RelayChannel, RelayClose, type RelayTransport } from './relay-channel.ts';
import { RelayError } from './relay-error.ts';

/** Bytes that may wait for the network: more would only make the round trip longer. */
const QUEUED_BYTES_MAX = 256 * 1024;
/** Between two looks at who has said something; NAT and proxies forget a silent one in 30 s. */
const LOOK_US = 15_000_000;
/** Looks in a row that have heard nothing, though the relay was asked: it is gone. */
const SILENT_LOOKS_MAX = 3;
/** For an answer when the network has changed: sessions wait for the relay meanwhile. */
const PROOF_US = 2_000_000;
const PING_BYTES = 8;
const NORMAL = 1000;

export interface RelayLinkOptions {
  transport: RelayTransport;
  /** 32 bytes: whom others send to. */
  peerId: Uint8Array;
  /** Of the same identity (identity.ts, purposeSigner). */
  signer: PurposeSigner;
  clock: EndpointClock;
  random: RandomBytes;
}

export interface RelayLinkEvents {
  /** A packet that a peer sent; views, good until this returns or longer. */
  packet(from: Uint8Array, packet: Uint8Array): void;
  /** It had sent something, and has left. */
  peerGone(peer: Uint8Array): void;
  /** It is not at this relay: what was sent to it is lost. */
  notHere(peer: Uint8Array): void;
  /** Once, when a subscription has ended that was there, but not by close(). */
  ended(error: RelayError): void;
}

export class RelayLink {
  private readonly options: RelayLinkOptions;
  private readonly events: RelayLinkEvents;
  private readonly subscribed = Promise.withResolvers<void>();
  private channel: RelayChannel | undefined;
  private challenge: Uint8Array | undefined;
  private state: 'new' | 'asked' | 'answered' | 'open' | 'over' = 'new';
  private hasHeard = false;
  private hasSaid = false;
  private silentLooks = 0;
  private cancelLook = () => {};
  private isProving = false;
  private cancelProof = () => {};

  private constructor(options: RelayLinkOptions, events: RelayLinkEvents) {
    this.options = options;
    this.events = events;
    // Whoever waits hears of it in open().
    this.subscribed.promise.catch(() => {});
  }

  /**
   * Connects and subscribes.
   * @throws RelayError, what the transport says, the reason of the signal
   */
  static async open(
    options: RelayLinkOptions,
    events: RelayLinkEvents,
    signal: AbortSignal,
  ): Promise<RelayLink> {
    const link = new RelayLink(options, events);
    const aborted = () => link.subscribed.reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      signal.throwIfAborted();
      await link.connect(signal);
      await link.subscribed.promise;
      return link;
    } catch (error) {
      link.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', aborted);
    }
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** False: it is lost, as the connection is not there or takes no more. */
  send(to: Uint8Array, packet: Uint8Array): boolean {
    const { channel } = this;
    if (!channel || !this.isOpen) return false;
    const bytes = channel.queuedBytes + packet.length + RELAY_PACKET_OVERHEAD;
    if (bytes > QUEUED_BYTES_MAX) return false;
    this.say(emitRelayPacket(RelayCommand.SEND, { key: to, hops: 0, packet }));
    return true;
  }

  /** Is the relay still there? Else it has ended in 2 s: the network here is another one. */
  prove(): void {
    if (!this.isOpen || this.isProving) return;
    const { clock, random } = this.options;
    this.isProving = true;
    this.say(emitRelayFrame(RelayCommand.PING, undefined, random(PING_BYTES)));
    this.cancelProof = clock.alarm(clock.now().us + PROOF_US, () => {
      this.fail(this.lost(RelayClose.SILENT, 'it says nothing any more'));
    });
  }

  /** Leaves; nothing is told any more. */
  close(code: number = NORMAL, reason = ''): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.cancelLook();
    this.cancelProof();
    this.channel?.close(code, reason);
  }

  private async connect(signal: AbortSignal): Promise<void> {
    const channel = await this.options.transport.connect(
      {
        message: (bytes) => this.take(bytes),
        closed: (code, reason) => this.fail(this.lost(code, reason)),
      },
      signal,
    );
    this.channel = channel;
    if (this.state === 'over') channel.close(NORMAL, '');
    else if (this.challenge) void this.answer(this.challenge);
  }

  private take(bytes: Uint8Array): void {
    if (this.state === 'over') return;
    this.hasHeard = true;
    if (this.isProving) this.cancelProof();
    this.isProving = false;
    try {
      this.handle(parseRelayFrame(bytes));
    } catch (error) {
      if (!(error instanceof RelayFrameError)) throw error;
      const message = `the relay ${this.options.transport.host}: ${error.message}`;
      this.fail(new RelayError('ANDVARI_RELAY_PROTOCOL', message, error), RelayClose.PROTOCOL);
    }
  }

  /** @throws RelayFrameError: nothing that a relay says to a client, or not now */
  private handle(frame: RelayFrame): void {
    const { command, key, payload } = frame;
    if (command === RelayCommand.SUBSCRIBE) this.subscribe(frame);
    else if (!this.isOpen) throw new RelayFrameError(`command ${command} before a subscription`);
    else if (command === RelayCommand.RECV) this.events.packet(key, relayPacketOf(frame).packet);
    else if (command === RelayCommand.PEER_GONE) this.events.peerGone(key);
    else if (command === RelayCommand.NOT_HERE) this.events.notHere(key);
    else if (command === RelayCommand.PING) {
      this.say(emitRelayFrame(RelayCommand.PONG, undefined, payload));
    } else if (command === RelayCommand.SEND) throw new RelayFrameError('a relay sends no SEND');
  }

  private subscribe({ key, payload }: RelayFrame): void {
    const { peerId } = this.options;
    if (this.state === 'new' && payload.length === RELAY_CHALLENGE_BYTES) {
      this.state = 'asked';
      this.challenge = payload.slice();
      if (this.channel) void this.answer(this.challenge);
      return;
    }
    const isOurs = payload.length === 0 && nameOf(key) === nameOf(peerId);
    if (this.state !== 'answered' || !isOurs) throw new RelayFrameError('a SUBSCRIBE out of turn');
    this.state = 'open';
    this.look();
    this.subscribed.resolve();
  }

  private async answer(challenge: Uint8Array): Promise<void> {
    const { signer, transport, peerId } = this.options;
    try {
      const data = relayData(transport.host, challenge);
      const signature = await signer.sign('wraith-v1-relay-auth', data);
      if (this.state !== 'asked') return;
      this.state = 'answered';
      this.say(emitRelayFrame(RelayCommand.SUBSCRIBE, peerId, signature));
    } catch (error) {
      this.subscribed.reject(error);
    }
  }

  private say(frame: Uint8Array<ArrayBuffer>): void {
    this.hasSaid = true;
    this.channel?.send(frame);
  }

  /** Says something if nothing else was said, and asks if nothing was heard. */
  private look(): void {
    const { clock, random } = this.options;
    this.cancelLook = clock.alarm(clock.now().us + LOOK_US, () => {
      this.silentLooks = this.hasHeard ? 0 : this.silentLooks + 1;
      if (this.silentLooks >= SILENT_LOOKS_MAX) {
        this.fail(this.lost(RelayClose.SILENT, 'it says nothing any more'));
        return;
      }
      const [isSilent, wasSaid] = [!this.hasHeard, this.hasSaid];
      this.hasHeard = false;
      if (isSilent) this.say(emitRelayFrame(RelayCommand.PING, undefined, random(PING_BYTES)));
      else if (!wasSaid) this.say(emitRelayFrame(RelayCommand.KEEPALIVE));
      this.hasSaid = false;
      this.look();
    });
  }

  private fail(error: RelayError, code: number = NORMAL): void {
    const wasOpen = this.isOpen;
    this.close(code);
    this.subscribed.reject(error);
    if (wasOpen) this.events.ended(error);
  }

  /** What a close of the relay's, or of the network's, means. */
  private lost(code: number, reason: string): RelayError {
    const { host } = this.options.transport;
    // It goes to a terminal, perhaps, and the relay has a say in it.
    const why = reason.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim() || `code ${code}`;
    if (code === RelayClose.REFUSED) {
      return new RelayError('ANDVARI_RELAY_REFUSED', `the relay ${host} refuses us: ${why}`);
    }
    if (code === RelayClose.REPLACED) {
      const message = `another connection to the relay ${host} has this node's identity: ${why}`;
      return new RelayError('ANDVARI_RELAY_REPLACED', message);
    }
    const message = `the relay ${host} has ended the connection: ${why}`;
    return new RelayError('ANDVARI_RELAY_UNREACHABLE', message);
  }
}
