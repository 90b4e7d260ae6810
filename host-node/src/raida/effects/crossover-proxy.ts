/**
 * The proxy that watches and sends Bitcoin transactions for the crossover commands: a program of
 * the operator's, spoken to like a RAIDA of number 25, in type 1 with a key of its own, over TCP
 * (reference: RAIDA sections 9, 11.37).
 */
import { EffectStatus } from '@andvari/host-common/engine/generated/layout';
import { LARGE_FRAME_BYTES } from '@andvari/host-common/engine/generated/limits';
import {
  type RaidaCodec,
  ReplyError,
  RequestError,
  type SealedRequest,
} from '@andvari/host-common/raida/codec';
import type { Secret } from '../../config/secret.ts';
import { Turns } from '../../files/turns.ts';
import { exchangeOverTcp, TcpExchangeError } from '../tcp-exchange.ts';
import type { EffectResult } from './effect-result.ts';

export interface CrossoverProxyOptions {
  host: string;
  port: number;
  /** 16 bytes. */
  key: Secret;
  /** Number of this server, by which the proxy knows whose key it is. */
  raidaId: number;
  /** Of the wire and coin id of this server. */
  codec: RaidaCodec;
  /** From the call to the whole reply, with the wait for its turn: 32 s. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 32_000;
/** Connections at once. */
const CONNECTIONS_MAX = 4;
/** Requests that wait; each holds a reply frame of the engine, of which there are fewer. */
const WAITING_MAX = 64;
const CROSSOVER_GROUP = 11;
const PROXY_NUMBER = 25;
/** Where a header says whom it is for, and whose key it uses (reference: RAIDA section 1.1). */
const HEADER_RAIDA = 2;
const HEADER_KEY_OWNER = 17;

export class CrossoverProxy {
  readonly #options: CrossoverProxyOptions;
  readonly #turns = new Turns(CONNECTIONS_MAX, WAITING_MAX);

  constructor(options: CrossoverProxyOptions) {
    this.#options = options;
  }

  /**
   * Command `command` of group 11. OK with the wire status (u32, little-endian) and the decrypted
   * payload, whatever it is; UNREACHABLE: no connection, no answer in time; FAILED: the request
   * cannot be sent, or the reply is no reply to it. Rejects only when `signal` is aborted or too
   * many requests wait.
   */
  async ask(command: number, payload: Uint8Array, signal: AbortSignal): Promise<EffectResult> {
    const late = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS);
    let sealed: SealedRequest | undefined;
    try {
      return await this.#turns.run(() => {
        sealed = this.#seal(command, payload);
        return this.#exchange(sealed, AbortSignal.any([signal, late]));
      }, signal);
    } catch (error) {
      signal.throwIfAborted();
      return endOf(error, late);
    } finally {
      sealed?.dispose();
      sealed?.bytes.fill(0);
    }
  }

  #seal(command: number, payload: Uint8Array): SealedRequest {
    const { codec, key: secret, raidaId } = this.#options;
    const key = secret.reveal();
    try {
      const encryption = { type: 1, denomination: 0, serialNumber: 0, key } as const;
      const sealed = codec.seal({
        ...{ raidaId: 0, group: CROSSOVER_GROUP, command, payload },
        encryption,
      });
      // Neither number is one that a coin's request may bear. Both bytes are outside the nonce of
      // either wire, and nothing signs them.
      sealed.bytes[HEADER_RAIDA] = PROXY_NUMBER;
      sealed.bytes[HEADER_KEY_OWNER] = raidaId;
      return sealed;
    } finally {
      key.fill(0);
    }
  }

  async #exchange(sealed: SealedRequest, signal: AbortSignal): Promise<EffectResult> {
    const { host, port } = this.#options;
    const replyBytesMax = LARGE_FRAME_BYTES;
    const reply = await exchangeOverTcp(sealed.bytes, { host, port, replyBytesMax, signal });
    if (reply[0] !== PROXY_NUMBER) return failed('a reply of another number');
    reply[0] = 0;
    const { status, payload } = sealed.open(reply);
    const bytes = new Uint8Array(4 + payload.length);
    bytes[0] = status;
    bytes.set(payload, 4);
    payload.fill(0);
    return { status: EffectStatus.OK, bytes };
  }
}

function failed(why: string): EffectResult {
  return { status: EffectStatus.FAILED, problem: `proxy: ${why}` };
}

function endOf(error: unknown, late: AbortSignal): EffectResult {
  if (late.aborted) {
    return { status: EffectStatus.UNREACHABLE, problem: 'proxy: no answer in time' };
  }
  if (error instanceof ReplyError || error instanceof RequestError) return failed(error.message);
  if (!(error instanceof TcpExchangeError)) throw error;
  // Without a cause of the system's it is what came that was wrong: cut short, or announced as too
  // long.
  if (error.connected && error.cause === undefined) return failed(error.message);
  return { status: EffectStatus.UNREACHABLE, problem: `proxy: ${error.message}` };
}
