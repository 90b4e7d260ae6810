/**
 * Who of the peers may connect, and what of them is let through: the state machine of the signed
 * peer protocol, in the engine, so the same in every host. The gate opens no connection and sends
 * nothing: the host asks it before and tells it after. Reference: peer sections 4, 5 and 8.
 *
 * Times are milliseconds since the epoch, peer ids 38 bytes (of an Ed25519 key), instance keys 32
 * bytes. After each call that gets a time, the host closes what takeClosing() gives.
 */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../engine/configuration.ts';
import { check, Engine } from '../engine/engine.ts';
import { Region } from '../engine/generated/layout.ts';
import {
  PeerBlock,
  PeerClosing,
  PeerField,
  PeerGateVerdict,
  PeerKeyKind,
  PeerKind,
  PeerState,
  PeerVerdict,
} from '../engine/generated/peer.ts';
import { Verdict } from '../engine/generated/ratatoskr.ts';
import { Status } from '../engine/generated/status.ts';
import type { ChallengeContext } from './codec.ts';
import { type GateLimits, gateLimits } from './gate-limits.ts';
import type { PeerHandshake, WireVersion } from './messages.ts';
import { PeerMessageBlock } from './peer-block.ts';

/** `OK`, or why not. Of those of handshakes, the peer is told a bare Error 400. */
export type GateAnswer =
  | keyof typeof PeerGateVerdict
  | keyof typeof PeerVerdict
  | 'SIGNATURE_S'
  | 'POINT_ENCODING'
  | 'POINT_SMALL_ORDER';

/** A connection at the gate: a u32 that is never used again for another one (in 2^22 uses). */
export type GateHandle = number;
export type GateDirection = 'request' | 'response';

export interface GateBan {
  /** 38 bytes. */
  peerId: Uint8Array;
  /** Infinity: until unban(). */
  untilMs: number;
}

/** The states of a peer; the two pending ones may be at once (section 4). */
export interface GateState {
  phase: 'none' | 'connected' | 'verified' | 'failed';
  isOutboundPending: boolean;
  isInboundPending: boolean;
}

const KEY_BYTES = 32;
const ID_START = [0, 0x24, 8, 1, 0x12, 0x20];
const KEYS_MAX = 4096;
const TWO_32 = 4294967296;
const FOREVER = 2n ** 64n - 1n;

const answers = new Map<number, GateAnswer>([
  ...Object.entries(PeerVerdict).map(([name, n]) => [n, name as GateAnswer] as const),
  ...Object.entries(PeerGateVerdict).map(([name, n]) => [n, name as GateAnswer] as const),
]);
const keyAnswers = new Map<number, GateAnswer>([
  [Verdict.SIGNATURE_S, 'SIGNATURE_S'],
  [Verdict.POINT_ENCODING, 'POINT_ENCODING'],
  [Verdict.POINT_SMALL_ORDER, 'POINT_SMALL_ORDER'],
]);
const closings = new Map<number, keyof typeof PeerClosing>(
  Object.entries(PeerClosing).map(([name, n]) => [n, name as keyof typeof PeerClosing]),
);

export class PeerGate {
  private readonly engine: Engine;
  private readonly block: PeerMessageBlock;
  private readonly base: number;

  private constructor(engine: Engine) {
    this.engine = engine;
    this.block = new PeerMessageBlock(engine);
    this.base = engine.region(Region.PEER);
  }

  /**
   * `module`: the compiled engine, plain build; `peerId`: our own; `targetPeers`: 1 to 256 [25]:
   * twice as many open connections, as many pending in and as many pending out. Throws RangeError
   * for a target or a limit out of bounds, or an id that is none.
   */
  static create(options: {
    module: WebAssembly.Module;
    peerId: Uint8Array;
    targetPeers?: number;
    limits?: GateLimits | undefined;
  }): PeerGate {
    const { module, peerId } = options;
    const limits = gateLimits(options);
    const sizes = { ...CLIENT_SIZES, peer: true };
    const gate = new PeerGate(Engine.create({ module, sizes, identity: CLIENT_IDENTITY }));
    if (!gate.start(peerId, limits)) {
      throw new RangeError('peer gate: wanted a peer id of 38 bytes');
    }
    return gate;
  }

  /** Before a dial. Refused: BANNED, OWN_ID, TOO_MANY_CONNECTIONS, TOO_MANY_OF_PEER (2), FAILED. */
  dial(peerId: Uint8Array, nowMs: number): { answer: GateAnswer; handle: GateHandle } {
    return this.withId(peerId, () => this.handed(this.engine.exports.peerGateDial(...two(nowMs))));
  }

  /**
   * Before the transport's handshake with whoever connected. `address`: an IPv4 address as a
   * number, or 32 bits of a keyed hash of the network half of an IPv6 one: 8 of one address may
   * be unverified. Refused: TOO_MANY_CONNECTIONS, TOO_MANY_OF_ADDRESS.
   */
  accept(address: number, nowMs: number): { answer: GateAnswer; handle: GateHandle } {
    return this.laidOut(() =>
      this.handed(this.engine.exports.peerGateAccept(address, ...two(nowMs))),
    );
  }

  /**
   * The transport has proved that `peerId` is at the other end. Other answers than OK (those of
   * dial() and UNKNOWN_CONNECTION): close it, the handle is gone.
   */
  open(handle: GateHandle, peerId: Uint8Array, nowMs: number): GateAnswer {
    return this.withId(peerId, () =>
      this.answer(this.engine.exports.peerGateOpen(handle, ...two(nowMs))),
    );
  }

  /** The transport has closed. With its last connection a peer loses all that it has proved. */
  close(handle: GateHandle, nowMs: number): GateAnswer {
    return this.answer(this.engine.exports.peerGateClose(handle, ...two(nowMs)));
  }

  /** Connections that the host has to close now, each told once; their handles are gone. */
  takeClosing(nowMs: number): { handle: GateHandle; reason: keyof typeof PeerClosing }[] {
    const taken = [];
    while (this.engine.exports.peerGateNextClosing(...two(nowMs)) === 1) {
      const reason = closings.get(this.word(PeerBlock.REASON)) ?? 'TIMEOUT';
      taken.push({ handle: this.word(PeerBlock.HANDLE), reason });
    }
    return taken;
  }

  /**
   * Connections on which our handshake is to be sent now: at once when a peer's first one opens,
   * then every 3 s until it is verified.
   */
  takeDueHandshakes(nowMs: number): GateHandle[] {
    const taken = [];
    while (this.engine.exports.peerGateNextHandshake(...two(nowMs)) === 1) {
      taken.push(this.word(PeerBlock.HANDLE));
    }
    return taken;
  }

  /**
   * A handshake came, as request or as the response to ours. OK: verify its Ed25519 signature over
   * `signed`, then conclude(). UNLISTED: no answer, the peer is banned for 1 h. ALREADY_VERIFIED: a
   * response to ignore. Wire 3 wants `challenged`; throws RangeError for fields that are too long.
   */
  begin(
    handle: GateHandle,
    direction: GateDirection,
    handshake: PeerHandshake,
    context: { wire: WireVersion; nowMs: number; challenged?: ChallengeContext | undefined },
  ): { answer: GateAnswer; signed: Uint8Array } {
    const { wire, nowMs, challenged } = context;
    return this.laidOut(() => {
      const { exports } = this.engine;
      const kind = kindOf(direction);
      this.layOut(handshake, challenged);
      const begun = this.answer(exports.peerGateBegin(handle, kind, wire, ...two(nowMs)));
      const [key, signature] = [PeerField.KEY, PeerField.SIGNATURE];
      const at = [this.block.address(key), this.block.address(signature)] as const;
      const weak = begun === 'OK' ? keyAnswers.get(exports.ed25519Check(...at)) : undefined;
      // No provider is asked about such a one: it is concluded as bad.
      if (weak) exports.peerGateConclude(handle, kind, 0, ...two(nowMs));
      const answer = weak ?? begun;
      return { answer, signed: answer === 'OK' ? this.block.written() : new Uint8Array(0) };
    });
  }

  /**
   * The signature of begin() is verified. OK: the peer is; a request is to be answered with our
   * handshake. UNKNOWN_CONNECTION: it has gone meanwhile, and nothing is verified.
   */
  conclude(
    handle: GateHandle,
    direction: GateDirection,
    isGood: boolean,
    nowMs: number,
  ): GateAnswer {
    const { exports } = this.engine;
    const good = isGood ? 1 : 0;
    return this.answer(exports.peerGateConclude(handle, kindOf(direction), good, ...two(nowMs)));
  }

  /** A Protocol request came. NOT_VERIFIED: Error 403; RATE_LIMITED: Error 429. */
  receive(handle: GateHandle, nowMs: number): GateAnswer {
    return this.answer(this.engine.exports.peerGateReceive(handle, ...two(nowMs)));
  }

  /** We want to send one. QUEUED (64 at most): when the peer is verified; drop it when it fails. */
  send(handle: GateHandle, nowMs: number): GateAnswer {
    return this.answer(this.engine.exports.peerGateSend(handle, ...two(nowMs)));
  }

  /** The message inside a request. SENDER: it is not the connection's peer; RECIPIENT: not us. */
  receiveDirect(
    handle: GateHandle,
    routing: { sender: Uint8Array; recipient?: Uint8Array | undefined },
    nowMs: number,
  ): GateAnswer {
    return this.laidOut(() => {
      this.block.setBytes(PeerField.SENDER, routing.sender);
      if (routing.recipient) this.block.setBytes(PeerField.RECIPIENT, routing.recipient);
      return this.answer(this.engine.exports.peerGateDirect(handle, ...two(nowMs)));
    });
  }

  /**
   * Counts a broadcast that the peer of `handle` sent; `from` is whoever signed it. RATE_LIMITED:
   * drop it; BANNED: three times too many of its own.
   */
  countGossip(handle: GateHandle, from: Uint8Array, nowMs: number): GateAnswer {
    return this.withId(from, () =>
      this.answer(this.engine.exports.peerGateCountGossip(handle, ...two(nowMs))),
    );
  }

  /**
   * A broadcast that was counted: `from` is whoever signed it, `sender` what it says inside.
   * NOT_VERIFIED: one of the two peers is not.
   */
  receiveGossip(
    handle: GateHandle,
    routing: { from: Uint8Array; sender: Uint8Array },
    nowMs: number,
  ): GateAnswer {
    return this.withId(routing.from, () => {
      this.block.setBytes(PeerField.SENDER, routing.sender);
      return this.answer(this.engine.exports.peerGateGossip(handle, ...two(nowMs)));
    });
  }

  /** Ends what is over; gives when to call again, or Infinity. */
  tick(nowMs: number): number {
    this.engine.exports.peerGateTick(...two(nowMs));
    return this.until();
  }

  state(peerId: Uint8Array): GateState {
    return this.withId(peerId, () => {
      const bits = this.engine.exports.peerGateState();
      const isOutboundPending = (bits & PeerState.OUTBOUND_PENDING) !== 0;
      const isInboundPending = (bits & PeerState.INBOUND_PENDING) !== 0;
      return { phase: phaseOf(bits), isOutboundPending, isInboundPending };
    });
  }

  /**
   * Bans a peer and closes what it has. `untilMs`: Infinity for until unban(). A ban never makes
   * another one shorter. BANS_FULL: 4096 bans without an end are there.
   */
  ban(peerId: Uint8Array, untilMs: number, nowMs: number): GateAnswer {
    const until: [number, number] = untilMs === Number.POSITIVE_INFINITY ? [-1, -1] : two(untilMs);
    return this.withId(peerId, () =>
      this.answer(this.engine.exports.peerGateBan(...until, ...two(nowMs))),
    );
  }

  /** Ends a ban and forgets the peer's failures. */
  unban(peerId: Uint8Array): GateAnswer {
    return this.withId(peerId, () => this.answer(this.engine.exports.peerGateUnban()));
  }

  /** The bans, for a host that keeps them over a restart: it hands them to ban() again. */
  bans(): GateBan[] {
    const found: GateBan[] = [];
    for (let i = 0; this.engine.exports.peerGateBanAt(i) === 1; i++) {
      const peerId = Uint8Array.from([...ID_START, ...this.block.bytes(PeerField.KEY)]);
      const untilMs = this.until();
      if (untilMs > 0) found.push({ peerId, untilMs });
    }
    return found;
  }

  /**
   * The instance keys that may take part, at most 4096, all at once: whoever is verified with a
   * key that is not among them is closed (REMOVED). Throws RangeError, and the old list stays.
   */
  replaceWhitelist(keys: readonly Uint8Array[], nowMs: number): void {
    if (keys.length > KEYS_MAX || keys.some((key) => key.length !== KEY_BYTES)) {
      throw new RangeError(`whitelist: wanted at most ${KEYS_MAX} keys of ${KEY_BYTES} bytes`);
    }
    const at = this.base + PeerBlock.IN;
    for (const [index, key] of keys.entries()) this.engine.u8.set(key, at + KEY_BYTES * index);
    check('peerGateAllow', this.engine.exports.peerGateAllow(keys.length, ...two(nowMs)));
    this.engine.u8.fill(0, at, at + KEY_BYTES * keys.length);
  }

  /** Place of an instance key in the list's order, which is that of its bytes; -1: not on it. */
  participant(key: Uint8Array): number {
    if (key.length !== KEY_BYTES) return -1;
    return this.laidOut(() => {
      this.block.setBytes(PeerField.KEY, key);
      return this.engine.exports.peerGateParticipant(this.block.address(PeerField.KEY)) | 0;
    });
  }

  private start(peerId: Uint8Array, limits: ReturnType<typeof gateLimits>): boolean {
    const { targetPeers, requests, broadcasts } = limits;
    return this.laidOut(() => {
      this.block.setBytes(PeerField.RECIPIENT, peerId);
      return this.engine.exports.peerGateStart(targetPeers, requests, broadcasts) === Status.OK;
    });
  }

  private layOut(handshake: PeerHandshake, challenged: ChallengeContext | undefined): void {
    const { block } = this;
    block.setBytes(PeerField.KEY, handshake.publicKey);
    block.setNumber(PeerField.KEY_KIND, BigInt(PeerKeyKind.INSTANCE_PUBLIC_KEY));
    block.setBytes(PeerField.SIGNATURE, handshake.signature);
    block.setBytes(PeerField.SENDER, handshake.msg?.sender ?? new Uint8Array(0));
    block.setTimestamp(handshake.msg?.timestampMs ?? 0n);
    if (!challenged) return;
    block.setNumber(PeerField.ROLE, challenged.isConnecting ? 0n : 1n);
    block.setBytes(PeerField.CHALLENGE, challenged.challenge);
    block.setBytes(PeerField.ANSWER_CHALLENGE, challenged.answerChallenge);
    block.setText(PeerField.PROTOCOL, challenged.protocolId);
  }

  private handed(verdict: number): { answer: GateAnswer; handle: GateHandle } {
    const answer = this.answer(verdict);
    return { answer, handle: answer === 'OK' ? this.word(PeerBlock.HANDLE) : 0 };
  }

  private answer(verdict: number): GateAnswer {
    const answer = answers.get(verdict);
    if (!answer) throw new Error(`the engine gave a verdict that nobody knows: ${verdict}`);
    return answer;
  }

  private word(offset: number): number {
    return this.engine.u32[(this.base + offset) >>> 2] ?? 0;
  }

  /** UNTIL: Infinity for what has no end. */
  private until(): number {
    const until = this.engine.u64[(this.base + PeerBlock.UNTIL) >>> 3] ?? 0n;
    return until === FOREVER ? Number.POSITIVE_INFINITY : Number(until);
  }

  private withId<T>(peerId: Uint8Array, work: () => T): T {
    return this.laidOut(() => {
      this.block.setBytes(PeerField.CONNECTION, peerId);
      return work();
    });
  }

  private laidOut<T>(work: () => T): T {
    try {
      this.block.begin();
      return work();
    } finally {
      this.block.wipe();
    }
  }
}

function kindOf(direction: GateDirection): number {
  return direction === 'request' ? PeerKind.REQUEST : PeerKind.RESPONSE;
}

function phaseOf(bits: number): GateState['phase'] {
  if (bits & PeerState.FAILED) return 'failed';
  if (bits & PeerState.VERIFIED) return 'verified';
  return bits & PeerState.CONNECTED ? 'connected' : 'none';
}

/** Two words of a time, low first. Throws RangeError for what is none. */
function two(timeMs: number): [number, number] {
  if (!(timeMs >= 0 && timeMs <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`wanted milliseconds since the epoch, got ${timeMs}`);
  }
  return [timeMs >>> 0, (timeMs / TWO_32) >>> 0];
}
