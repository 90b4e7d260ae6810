/**
 * Handshakes of a peer node: ours when the gate says that one is due, and the peers'. Signatures
 * are made and verified here, everything else is the gate's. Reference: peer sections 3 to 6.
 */
import type { Ed25519Signer, Ed25519Verifier } from '../ratatoskr/signing.ts';
import type { RandomBytes } from '../transfer/byte-strings.ts';
import type { ChallengeContext, PeerCodec } from './codec.ts';
import type { GateAnswer, GateDirection, PeerGate } from './gate.ts';
import type { PeerHandshake, PeerHello, PeerResponse, WireVersion } from './messages.ts';
import { Deadline, type PeerClock } from './peer-clock.ts';
import type { LinkedPeer, PeerLink, PeerLinks } from './peer-links.ts';
import { exchange } from './peer-streams.ts';
import type { PeerWires } from './peer-wires.ts';

/** What is let in of somebody who is not verified: a handshake has 318 bytes. */
export const UNVERIFIED_BYTES_MAX = 4096;
const HANDSHAKE_MS = 30_000;
const CHALLENGE_BYTES = 32;
/** The peer is told no more than that. */
const REFUSED: PeerResponse = { type: 'error', code: 400, message: 'handshake refused' };
const RATE_LIMITED: PeerResponse = { type: 'error', code: 429, message: 'too many requests' };

export interface HandshakeServices {
  gate: PeerGate;
  codec: PeerCodec;
  clock: PeerClock;
  signer: Ed25519Signer;
  verifier: Ed25519Verifier;
  random: RandomBytes;
  wires: PeerWires;
  /** 38 bytes. */
  ownId: Uint8Array;
}

export class PeerHandshakes {
  private readonly services: HandshakeServices;
  private readonly links: () => PeerLinks;

  constructor(services: HandshakeServices, links: () => PeerLinks) {
    this.services = services;
    this.links = links;
  }

  /** Sends ours; whatever goes wrong, the gate says when to try again. */
  send(link: PeerLink): void {
    const sent = this.trySend(link).finally(() => {
      if (link.handshake === sent) link.handshake = undefined;
    });
    link.handshake = sent;
  }

  private async trySend(link: PeerLink): Promise<void> {
    const { clock } = this.services;
    const deadline = new Deadline(clock, clock.nowMs() + HANDSHAKE_MS);
    try {
      await this.ask(link, deadline);
    } catch {
      // The peer has gone, or what it answered is no answer: that is no handshake of it.
    } finally {
      deadline.end();
    }
  }

  /** A peer's handshake or Hello as the answer to it; undefined: it gets none. */
  async answer(
    link: PeerLink,
    request: PeerHandshake | PeerHello,
    wire: WireVersion,
  ): Promise<PeerResponse | undefined> {
    const { peer } = link;
    if (!peer) return undefined;
    if (request.type === 'hello') return this.challenge(link, request);
    const challenged = wire === 3 ? this.takeChallenges(link) : undefined;
    // Without a Hello before it there is nothing that it could be signed over.
    if (wire === 3 && !challenged) return REFUSED;
    const verdict = await this.judge({ link, peer, wire, challenged }, 'request', request);
    if (verdict === 'OK') {
      return this.own(peer, wire, challenged && { ...challenged, isConnecting: false });
    }
    if (verdict === 'RATE_LIMITED') return RATE_LIMITED;
    const isMute = verdict === 'UNLISTED' || verdict === 'UNKNOWN_CONNECTION';
    return isMute ? undefined : REFUSED;
  }

  private challenge(link: PeerLink, { challenge }: PeerHello): PeerResponse | undefined {
    const { gate, random, clock } = this.services;
    const counted = gate.receive(link.handle, clock.nowMs());
    if (counted === 'RATE_LIMITED') return RATE_LIMITED;
    if (counted !== 'OK' && counted !== 'NOT_VERIFIED') {
      this.links().settle();
      return undefined;
    }
    const answerChallenge = random(CHALLENGE_BYTES);
    link.challenges = { challenge, answerChallenge };
    return { type: 'hello', challenge: answerChallenge };
  }

  /** The challenges that the peer's Hello began, which serve once; it is the side that connects. */
  private takeChallenges(link: PeerLink): ChallengeContext | undefined {
    const { challenges } = link;
    link.challenges = undefined;
    const protocolId = this.services.wires.challengedId;
    return challenges && { ...challenges, isConnecting: true, protocolId };
  }

  private async ask(link: PeerLink, deadline: Deadline): Promise<void> {
    const { codec, wires, random } = this.services;
    const { peer, connection } = link;
    if (!peer || !connection) return;
    const challenge = random(CHALLENGE_BYTES);
    const basic = wires.basic && (await this.own(peer, wires.basic));
    const { protocol, answer } = await exchange(connection, {
      protocols: wires.protocols,
      document: (negotiated) =>
        negotiated === wires.challengedId || !basic
          ? codec.encodeRequest({ type: 'hello', challenge }, 3)
          : codec.encodeRequest(basic, wires.basic),
      bytesMax: UNVERIFIED_BYTES_MAX,
      deadline,
    });
    const wire = wires.of(protocol);
    const opened = codec.openResponse(answer, wire);
    if (!opened.ok) return;
    const { response } = opened;
    if (wire !== 3) await this.take({ link, peer, wire }, response);
    else if (response.type === 'hello') {
      const answerChallenge = response.challenge;
      const protocolId = wires.challengedId;
      const challenged = { isConnecting: true, challenge, answerChallenge, protocolId };
      await this.askChallenged({ link, peer, wire, challenged }, deadline);
    }
  }

  /** Wire 3: the second request, signed over both challenges. */
  private async askChallenged(proof: Proof, deadline: Deadline): Promise<void> {
    const { codec, wires } = this.services;
    const { link, peer, wire, challenged } = proof;
    if (!link.connection || !challenged) return;
    const own = await this.own(peer, wire, challenged);
    const { answer } = await exchange(link.connection, {
      protocols: [wires.challengedId],
      document: codec.encodeRequest(own, wire),
      bytesMax: UNVERIFIED_BYTES_MAX,
      deadline,
    });
    const opened = codec.openResponse(answer, wire);
    if (!opened.ok) return;
    await this.take(
      { ...proof, challenged: { ...challenged, isConnecting: false } },
      opened.response,
    );
  }

  private async take(proof: Proof, response: PeerResponse): Promise<void> {
    if (response.type === 'handshake') await this.judge(proof, 'response', response);
  }

  /** Ours for the peer, signed. */
  private async own(
    peer: LinkedPeer,
    wire: WireVersion,
    challenged?: ChallengeContext,
  ): Promise<PeerHandshake> {
    const { codec, signer, clock, ownId } = this.services;
    const timestampMs = BigInt(clock.nowMs());
    const sender = ownId;
    const context = { wire, sender, recipient: peer.id, timestampMs, challenged };
    const signature = await signer.sign(codec.signingBytes(context));
    const { publicKey } = signer;
    if (wire === 1) return { type: 'handshake', publicKey, signature };
    return { type: 'handshake', publicKey, signature, msg: { sender, timestampMs } };
  }

  private async judge(
    { link, wire, challenged }: Proof,
    direction: GateDirection,
    handshake: PeerHandshake,
  ): Promise<GateAnswer> {
    const { gate, verifier, clock } = this.services;
    const context = { wire, nowMs: clock.nowMs(), challenged };
    const begun = gate.begin(link.handle, direction, handshake, context);
    let verdict = begun.answer;
    if (verdict === 'OK') {
      const { publicKey, signature } = handshake;
      const isGood = await verifier.verify(publicKey, begun.signed, signature);
      verdict = gate.conclude(link.handle, direction, isGood === true, clock.nowMs());
    }
    if (verdict === 'OK') this.links().verified(link, { key: handshake.publicKey, wire });
    this.links().settle();
    return verdict;
  }
}

interface Proof {
  link: PeerLink;
  peer: LinkedPeer;
  wire: WireVersion;
  challenged?: ChallengeContext | undefined;
}
