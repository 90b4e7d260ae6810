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
  /** Answers of 250 without which an ask is in vain, so that it ends when they cannot come [13]. */
  votesLeast?: number;
  /** How long an ask that has those waits for the rest at the most [2 s]. */
  restMs?: number;
}

const TIMEOUT_MS = 32_000;
/** With the vote of this server itself 14, which a coin needs to be fixed. */
const VOTES_LEAST = 13;
const REST_MS = 2000;
/** Asks at once: at most 24 connections each. */
const ASKS_MAX = 4;
/** Asks that wait; each holds a reply frame of the engine, of which there are fewer. */
const WAITING_MAX = 64;
/** Nobody answers in less. */
const ANSWER_LEAST_MS = 5;
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
   * reply to 2/50 has none. Nobody is waited for when too few can still say 250, so that tickets
   * which are none end at once, and for 2 s at most when enough have said it. Rejects only when
   * `signal` is aborted or too many asks wait.
   */
  async ask(tickets: Uint8Array, signal: AbortSignal): Promise<EffectResult> {
    const { timeoutMs = TIMEOUT_MS, servers } = this.#options;
    const endMs = performance.now() + timeoutMs;
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const answers = await this.#turns.run(async () => {
      // Its turn may come in the very millisecond in which its time, and that of others, is over.
      if (performance.now() > endMs - ANSWER_LEAST_MS) return servers.map(() => undefined);
      return await this.#askAll(tickets, until);
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

  /** An answer, or undefined, for each of the 25. */
  async #askAll(tickets: Uint8Array, until: AbortSignal): Promise<(RaidaReply | undefined)[]> {
    const { raidaId: own, servers, votesLeast = VOTES_LEAST, restMs = REST_MS } = this.#options;
    const ticketOf = (raidaId: number) => tickets.slice(4 * raidaId, 4 * raidaId + 4);
    const isAsked = (raidaId: number) =>
      raidaId !== own && ticketOf(raidaId).some((byte) => byte !== 0);
    const enough = new AbortController();
    const signal = AbortSignal.any([until, enough.signal]);
    let pending = servers.filter((_, raidaId) => isAsked(raidaId)).length;
    let good = 0;
    let rest: NodeJS.Timeout | undefined;
    const endIfEnough = () => {
      if (good + pending < votesLeast) enough.abort();
      else if (good >= votesLeast) rest ??= setTimeout(() => enough.abort(), restMs);
    };
    const ask = async (raidaId: number) => {
      const reply = await this.#askOne(raidaId, ticketOf(raidaId), signal);
      pending--;
      if (reply?.status === Status.SUCCESS) good++;
      endIfEnough();
      return reply;
    };
    endIfEnough();
    try {
      const all = servers.map((_, raidaId) => (isAsked(raidaId) ? ask(raidaId) : undefined));
      return await Promise.all(all);
    } finally {
      clearTimeout(rest);
    }
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
