/** What a relay knows of one client: who it is once it has shown it, and what it may still send. */
import { randomBytes } from 'node:crypto';
import { TokenBucket } from '@andvari/host-common/token-bucket';
import { relayData, verifyPurpose } from '@andvari/host-common/transfer/identity';
import {
  emitRelayFrame,
  parseRelayFrame,
  RELAY_CHALLENGE_BYTES,
  RELAY_SIGNATURE_BYTES,
  RelayCommand,
  type RelayFrame,
  RelayFrameError,
} from '@andvari/host-common/transfer/relay/frames';
import { RelayClose } from '@andvari/host-common/transfer/relay/relay-channel';
import type { ChannelHandler, MessageChannel } from '../../ratatoskr/channel.ts';
import { NodeEd25519Verifier } from '../../ratatoskr/node-ed25519.ts';
import {
  BURST_BYTES_MIN,
  BURST_S,
  FRAME_COST_BYTES,
  QUEUED_BYTES_MAX,
  REACHED_MAX,
} from './limits.ts';

const UNSUPPORTED_DATA = 1003;
const verifier = new NodeEd25519Verifier();

/** A relay's channel to a client: what the listener has made of a WebSocket. */
export type ClientChannel = MessageChannel & { terminate(): void };

/** What has become of a frame that a subscribed client has sent. */
export type FrameFate = 'forwarded' | 'absent' | 'hops' | 'slow';

/** What a connection asks of the relay that it is of. */
export interface RelayHome {
  readonly bytesPerSecond: number;
  nowMs(): number;
  /** The connection has shown whose it is. */
  subscribed(connection: RelayConnection): void;
  /** A SEND. */
  forward(from: RelayConnection, frame: RelayFrame): void;
  /** It is not read for a while, as it has used up what it may send. */
  rested(): void;
  /** A subscription that was not granted, or what was no frame. */
  refused(): void;
  closed(connection: RelayConnection): void;
}

export class RelayConnection implements ChannelHandler {
  readonly channel: ClientChannel;
  readonly sinceMs: number;
  heardMs: number;
  /** Whose it is, once that is shown. */
  key: Uint8Array | undefined;
  /** Names (nameOfKey) of clients that got packets from it, the first one first. */
  reached = new Set<string>();
  readonly #home: RelayHome;
  readonly #host: string;
  readonly #challenge = new Uint8Array(randomBytes(RELAY_CHALLENGE_BYTES));
  readonly #budget: TokenBucket;
  #rest: NodeJS.Timeout | undefined;
  #isVerifying = false;
  #isOver = false;

  /** @param host as the client has dialed it */
  constructor(channel: ClientChannel, host: string, home: RelayHome) {
    this.channel = channel;
    this.#host = host;
    this.#home = home;
    const { bytesPerSecond } = home;
    const nowMs = home.nowMs();
    this.sinceMs = nowMs;
    this.heardMs = nowMs;
    const burst = Math.max(BURST_BYTES_MIN, bytesPerSecond * BURST_S);
    this.#budget = new TokenBucket(burst, bytesPerSecond, nowMs);
  }

  /** Asks who is there. */
  begin(): void {
    this.channel.send(emitRelayFrame(RelayCommand.SUBSCRIBE, undefined, this.#challenge));
  }

  get hasRoom(): boolean {
    return !this.#isOver && this.channel.bufferedBytes < QUEUED_BYTES_MAX;
  }

  /** What does not fit is lost. False: it was. */
  send(frame: Uint8Array): boolean {
    if (this.#isOver || this.channel.bufferedBytes + frame.length > QUEUED_BYTES_MAX) return false;
    this.channel.send(frame);
    return true;
  }

  /** A client of this name has got something from it. */
  reach(name: string): void {
    if (this.reached.has(name)) return;
    this.reached.add(name);
    for (const first of this.reached) {
      if (this.reached.size <= REACHED_MAX) break;
      this.reached.delete(first);
    }
  }

  close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#rest);
    this.channel.close(code, reason);
  }

  /** Without a word: it gives way to another one. */
  terminate(): void {
    this.#isOver = true;
    clearTimeout(this.#rest);
    this.channel.terminate();
  }

  message(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.heardMs = this.#home.nowMs();
    this.#read(bytes.length);
    try {
      const frame = parseRelayFrame(bytes);
      if (this.key) this.#handle(frame);
      else this.#subscribe(frame);
    } catch (error) {
      if (!(error instanceof RelayFrameError)) throw error;
      this.#home.refused();
      this.close(RelayClose.PROTOCOL, error.message);
    }
  }

  text(): void {
    this.#home.refused();
    this.close(UNSUPPORTED_DATA, 'binary messages only');
  }

  /** Of WebSocket, not of ours: a life sign too, which costs as a frame does. */
  bare(): void {
    if (this.#isOver) return;
    this.heardMs = this.#home.nowMs();
    this.#read(0);
  }

  ended(): void {}

  closed(): void {
    this.#isOver = true;
    clearTimeout(this.#rest);
    this.#home.closed(this);
  }

  /**
   * Whoever has used up what it may send is not read until it has more: what it sends meanwhile
   * waits on its side, or is lost there. What was read already goes on credit.
   */
  #read(bytes: number): void {
    this.#budget.charge(bytes + FRAME_COST_BYTES);
    if (this.#rest !== undefined || this.#budget.has(this.heardMs)) return;
    this.channel.pause();
    this.#home.rested();
    this.#waitForBudget();
  }

  #waitForBudget(): void {
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      if (this.#budget.has(this.#home.nowMs())) this.channel.resume();
      else this.#waitForBudget();
    }, this.#budget.waitMs(this.#home.nowMs()));
  }

  /** @throws RelayFrameError */
  #handle(frame: RelayFrame): void {
    const { command, payload } = frame;
    if (command === RelayCommand.KEEPALIVE || command === RelayCommand.PONG) return;
    if (command !== RelayCommand.SEND && command !== RelayCommand.PING) {
      throw new RelayFrameError(`a client sends no command ${command} here`);
    }
    if (command === RelayCommand.SEND) this.#home.forward(this, frame);
    else this.send(emitRelayFrame(RelayCommand.PONG, undefined, payload));
  }

  /** @throws RelayFrameError: anything but the one answer */
  #subscribe({ command, key, payload }: RelayFrame): void {
    const isAnswer = command === RelayCommand.SUBSCRIBE && payload.length === RELAY_SIGNATURE_BYTES;
    if (!isAnswer || this.#isVerifying) {
      throw new RelayFrameError(`command ${command} before a subscription`);
    }
    this.#isVerifying = true;
    void this.#verify(key.slice(), payload.slice());
  }

  async #verify(peerId: Uint8Array, signature: Uint8Array): Promise<void> {
    const data = relayData(this.#host, this.#challenge);
    const claim = { peerId, purpose: 'wraith-v1-relay-auth' as const, data, signature };
    const isGood = await verifyPurpose(verifier, claim);
    if (this.#isOver) return;
    if (!isGood) {
      this.#home.refused();
      this.close(RelayClose.REFUSED, `no signature of this key for ${this.#host}`.slice(0, 120));
      return;
    }
    this.key = peerId;
    this.channel.known();
    this.#home.subscribed(this);
    this.channel.send(emitRelayFrame(RelayCommand.SUBSCRIBE, peerId));
  }
}
