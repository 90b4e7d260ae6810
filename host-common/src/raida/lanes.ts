/**
 * One lane for each server: its requests in turn, all servers side by side. What happens on one
 * lane never touches another.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import { Status } from '../engine/generated/status.ts';
import type { NoAnswer } from './answers.ts';
import type { RaidaCodec, RaidaReply, RaidaRequest } from './codec.ts';
import { AN_BYTES } from './coin.ts';
import { REQUEST_BODY_MAX, REQUEST_COINS_MAX, SILENCE_MAX } from './limits.ts';
import type { RaidaTransport } from './transport.ts';

/** The encryption of requests to one server; undefined: in clear (type 0). */
export type EncryptionChoice = (raidaId: number) => RaidaRequest['encryption'];

/** Some coins' answers from one server, as they come in. */
export interface Progress<Answer> {
  raidaId: number;
  /** Indices into the coins of the operation. */
  indices: readonly number[];
  /** One for each index. */
  answers: readonly Answer[];
}

/** A command over a list of coins of equal size. */
export interface CoinCommand<Answer> {
  group: number;
  command: number;
  /** Bytes of one coin in the payload. */
  coinBytes: number;
  /** 16 bytes of the payload before the coins. */
  head?(raidaId: number): Uint8Array;
  /** At most 32 bytes of the payload behind the coins, such as the sum of their ANs. */
  tail?(indices: readonly number[], raidaId: number): Uint8Array;
  /** Writes the bytes of the coin with this index for this server. */
  emit(index: number, raidaId: number, into: Uint8Array): void;
  read(reply: RaidaReply, indices: readonly number[], context: ReadContext): Answer[];
  /** An answer that says nothing; the same object may stand for many coins. */
  noAnswer(status: NoAnswer): Answer;
  /**
   * The answer for a coin whose page the server does not have. Then a whole list answers 40, and is
   * asked again in halves until the coin is alone. Undefined: such a list is answered coin by coin.
   */
  unknownCoin?(wireStatus: number): Answer;
}

export interface ReadContext {
  raidaId: number;
  encrypted: boolean;
}

export interface LaneSettings {
  codec: RaidaCodec;
  transport: RaidaTransport;
  timeoutMs: number;
  /** Header and body of one request. */
  requestBytesMax: number;
  encryption: EncryptionChoice;
  signal: AbortSignal | undefined;
}

/** A reply, or why there is none. */
export type Exchanged =
  | { reply: RaidaReply; encrypted: boolean }
  | { failed: NoAnswer; error: unknown };

const NOTHING = new Uint8Array(0);
const TAIL_BYTES_MAX = 2 * AN_BYTES;
const MESSAGE_BYTES = { narrow: 32 + 16 + 2, wide: 48 + 32 + 2 } as const;
const BODY_BYTES = { narrow: 16 + 2, wide: 32 + 2 } as const;

/** Coins that fit one request. */
function batchCoins<Answer>(
  settings: LaneSettings,
  raidaId: number,
  command: CoinCommand<Answer>,
): number {
  const type = settings.encryption(raidaId)?.type ?? 0;
  const shape = type >= 4 ? 'wide' : 'narrow';
  const { coinBytes } = command;
  const fixed = (command.head ? AN_BYTES : 0) + (command.tail ? TAIL_BYTES_MAX : 0);
  const wanted = Math.floor((settings.requestBytesMax - MESSAGE_BYTES[shape] - fixed) / coinBytes);
  const possible = Math.floor((REQUEST_BODY_MAX - BODY_BYTES[shape] - fixed) / coinBytes);
  return Math.max(1, Math.min(wanted, possible, REQUEST_COINS_MAX));
}

/** The payload of a request about these coins, to be wiped after use. */
function payloadOf<Answer>(
  command: CoinCommand<Answer>,
  list: readonly number[],
  raidaId: number,
): Uint8Array {
  const head = command.head?.(raidaId) ?? NOTHING;
  const tail = command.tail?.(list, raidaId) ?? NOTHING;
  const { coinBytes } = command;
  const payload = new Uint8Array(head.length + list.length * coinBytes + tail.length);
  payload.set(head);
  for (const [place, index] of list.entries()) {
    const start = head.length + place * coinBytes;
    command.emit(index, raidaId, payload.subarray(start, start + coinBytes));
  }
  payload.set(tail, payload.length - tail.length);
  return payload;
}

/** Sends one request. Rejects only if it is cancelled, or cannot be sealed. */
export async function exchangeOnce(
  settings: LaneSettings,
  request: Omit<RaidaRequest, 'encryption'>,
): Promise<Exchanged> {
  const { codec, transport, timeoutMs, signal } = settings;
  const encryption = request.noBody ? undefined : settings.encryption(request.raidaId);
  const sealed = codec.seal(encryption ? { ...request, encryption } : request);
  try {
    let bytes: Uint8Array;
    try {
      const options = signal ? { timeoutMs, signal } : { timeoutMs };
      bytes = await transport.exchange(request.raidaId, sealed.bytes, options);
    } catch (error) {
      signal?.throwIfAborted();
      const timeout = (error as { code?: unknown } | null)?.code === 'ANDVARI_TIMEOUT';
      return { failed: timeout ? 'timeout' : 'unreachable', error };
    }
    try {
      return { reply: sealed.open(bytes), encrypted: encryption !== undefined };
    } catch (error) {
      // Not the reply to this request, or damaged: this server's own fault.
      return { failed: 'error', error };
    }
  } finally {
    sealed.dispose();
  }
}

/** Asks one server about the coins with these indices, in as many requests as it takes. */
async function runLane<Answer>(
  settings: LaneSettings,
  command: CoinCommand<Answer>,
  { raidaId, indices }: { raidaId: number; indices: readonly number[] },
  report: (progress: Progress<Answer>) => void,
): Promise<void> {
  const lists: (readonly number[])[] = [];
  let next = 0;
  let silence = 0;
  while (lists.length > 0 || next < indices.length) {
    settings.signal?.throwIfAborted();
    let list = lists.pop();
    if (!list) {
      list = indices.slice(next, next + batchCoins(settings, raidaId, command));
      next += list.length;
    }
    const payload = payloadOf(command, list, raidaId);
    const { group, command: number } = command;
    const result = await exchangeOnce(settings, { raidaId, group, command: number, payload });
    payload.fill(0);
    if ('reply' in result) {
      silence = 0;
      const { reply, encrypted } = result;
      const unknown = reply.status === Status.INVALID_SN_OR_DENOMINATION;
      if (unknown && command.unknownCoin && list.length > 1) {
        const middle = list.length >> 1;
        lists.push(list.slice(middle), list.slice(0, middle));
        continue;
      }
      const answers =
        unknown && command.unknownCoin
          ? [command.unknownCoin(reply.status)]
          : command.read(reply, list, { raidaId, encrypted });
      report({ raidaId, indices: list, answers });
      continue;
    }
    const { failed } = result;
    silence = failed === 'error' ? 0 : silence + 1;
    const answer = command.noAnswer(failed);
    report({ raidaId, indices: list, answers: list.map(() => answer) });
    if (silence < SILENCE_MAX) continue;
    const rest = [...lists.reverse().flat(), ...indices.slice(next)];
    if (rest.length > 0) report({ raidaId, indices: rest, answers: rest.map(() => answer) });
    return;
  }
}

export interface LanesOptions<Answer> {
  coinCount: number;
  raidaIds: readonly number[];
  /** Coins to ask this server about; all if left out. */
  select?: ((raidaId: number) => readonly number[]) | undefined;
  onAnswers?: ((progress: Progress<Answer>) => void) | undefined;
}

/** A listener's fault must not end an operation that moves money: it surfaces as in an event. */
export function tell<News>(listener: ((news: News) => void) | undefined, news: News): void {
  try {
    listener?.(news);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/**
 * Asks all servers side by side. Gives answers[coin index][RAIDA id]; servers that are not in
 * `raidaIds` have `noAnswer('none')`. Rejects, once every lane has ended, with the signal's reason.
 */
export async function runLanes<Answer>(
  settings: LaneSettings,
  command: CoinCommand<Answer>,
  { coinCount, raidaIds, select, onAnswers }: LanesOptions<Answer>,
): Promise<Answer[][]> {
  const none = command.noAnswer('none');
  const answers = Array.from({ length: coinCount }, () =>
    new Array<Answer>(RAIDA_COUNT).fill(none),
  );
  const report = (progress: Progress<Answer>): void => {
    for (const [place, index] of progress.indices.entries()) {
      const row = answers[index];
      if (row) row[progress.raidaId] = progress.answers[place] ?? none;
    }
    tell(onAnswers, progress);
  };
  const all = Array.from({ length: coinCount }, (_, index) => index);
  const lanes = raidaIds.map((raidaId) =>
    runLane(settings, command, { raidaId, indices: select?.(raidaId) ?? all }, report),
  );
  const ended = await Promise.allSettled(lanes);
  const failed = ended.find((lane) => lane.status === 'rejected');
  if (failed) throw failed.reason;
  return answers;
}
