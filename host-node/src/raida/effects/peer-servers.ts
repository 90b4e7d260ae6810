/**
 * Tickets that other servers vouch for (2/50), as fix (2/80) asks for them: one TCP connection to
 * each, type 0, in the wire of this server (reference: RAIDA sections 5, 9, 11.5).
 */
import { EffectStatus } from '@andvari/host-common/engine/generated/layout';
import {
  COINS_PER_LIST_MAX,
  RAIDA_COUNT,
  VOTE_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import type { RaidaCodec, RaidaReply } from '@andvari/host-common/raida/codec';
import { Turns } from '../../files/turns.ts';
import { exchangeOverTcp } from '../tcp-exchange.ts';
import type { EffectResult } from './effect-result.ts';

export interface PeerServersOptions {
  /** Where each of the 25 listens, by its RAIDA number. */
  servers: readonly { host: string; port: number }[];
  /** Number of this server: it is never asked, and it says so to the others. */
  raidaId: number;
  /** Of the wire and coin id that all servers of the network share. */
  codec: RaidaCodec;
  /** For a whole ask, with the wait for its turn: 32 s, as the public servers take. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 32_000;
/** Asks at once: at most 24 connections each. */
const ASKS_MAX = 4;
/** Asks that wait; each holds a reply frame of the engine, of which there are fewer. */
const WAITING_MAX = 64;
const VALIDATE_TICKET = { group: 2, command: 50 } as const;
const COIN_BYTES = 5;
/** Header, the longest list, trailer. */
const REPLY_BYTES_MAX = 32 + COINS_PER_LIST_MAX * COIN_BYTES + 2;
const NO_ANSWER = 0xffffffff;

export class PeerServers {
  readonly #options: PeerServersOptions;
  readonly #turns = new Turns(ASKS_MAX, WAITING_MAX);

  constructor(options: PeerServersOptions) {
    if (options.servers.length !== RAIDA_COUNT) {
      throw new RangeError(`servers: wanted ${RAIDA_COUNT}, got ${options.servers.length}`);
    }
    this.#options = options;
  }

  /**
   * `tickets`: 25 numbers (u32, big-endian), 0: do not ask that one. OK with 25 answers of
   * VOTE_BYTES (EffectKind.ASK_SERVERS); a server that is silent, late or answers anything but a
   * reply to 2/50 has none. Rejects only when `signal` is aborted or too many asks wait.
   */
  async ask(tickets: Uint8Array, signal: AbortSignal): Promise<EffectResult> {
    const late = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS);
    const answers = await this.#turns.run(() => {
      const asked = this.#options.servers.map((_, raidaId) => {
        const ticket = tickets.slice(4 * raidaId, 4 * raidaId + 4);
        const isAsked = raidaId !== this.#options.raidaId && ticket.some((byte) => byte !== 0);
        return isAsked ? this.#askOne(raidaId, ticket, AbortSignal.any([signal, late])) : undefined;
      });
      return Promise.all(asked);
    }, signal);
    signal.throwIfAborted();
    const bytes = new Uint8Array(RAIDA_COUNT * VOTE_BYTES);
    const view = new DataView(bytes.buffer);
    answers.forEach((reply, raidaId) => {
      const at = raidaId * VOTE_BYTES;
      view.setUint32(at, reply?.status ?? NO_ANSWER, true);
      if (reply?.status !== Status.SUCCESS) return;
      view.setUint32(at + 4, reply.payload.length / COIN_BYTES, true);
      bytes.set(reply.payload, at + 8);
    });
    return { status: EffectStatus.OK, bytes };
  }

  async #askOne(
    raidaId: number,
    ticket: Uint8Array,
    signal: AbortSignal,
  ): Promise<RaidaReply | undefined> {
    const { servers, codec, raidaId: own } = this.#options;
    const { host, port } = servers[raidaId] as { host: string; port: number };
    const sealed = codec.seal({
      raidaId,
      ...VALIDATE_TICKET,
      payload: Uint8Array.of(own, ...ticket),
    });
    try {
      const replyBytesMax = REPLY_BYTES_MAX;
      const bytes = await exchangeOverTcp(sealed.bytes, { host, port, replyBytesMax, signal });
      const reply = sealed.open(bytes);
      return isCoinList(reply) ? reply : undefined;
    } catch {
      // Whatever it is: this server does not vote.
      return undefined;
    } finally {
      sealed.dispose();
    }
  }
}

/** A refusal has no list that matters. */
function isCoinList({ status, payload }: RaidaReply): boolean {
  if (status !== Status.SUCCESS) return true;
  return payload.length % COIN_BYTES === 0 && payload.length <= COINS_PER_LIST_MAX * COIN_BYTES;
}
