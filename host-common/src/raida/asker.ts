/**
 * Puts commands before the servers: what all groups of commands have in common (who is asked, for
 * how long, in which encryption).
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import type { RaidaCodec } from './codec.ts';
import {
  type CoinCommand,
  type EncryptionChoice,
  exchangeOnce,
  type LaneSettings,
  type Progress,
  runLanes,
  tell,
} from './lanes.ts';
import { REQUEST_BYTES_DEFAULT, TIMEOUT_DEFAULT_MS } from './limits.ts';
import { type Command, outcomeOf, type ServerOutcome } from './outcome.ts';
import { type RaidaTransport, TransportError } from './transport.ts';

export interface RaidaClientOptions {
  codec: RaidaCodec;
  transport: RaidaTransport;
  /** Ids of the servers there are; all 25 if left out. The others' lights stay `none`. */
  raidaIds?: readonly number[];
  /** Time for each request, 5 s if left out. */
  timeoutMs?: number;
  /** Bytes of the largest request; 1400 (64 coins to detect, 36 to pown) suits datagrams. */
  requestBytesMax?: number;
  /** In clear if left out: then whoever is on the way reads the ANs. */
  encryption?: EncryptionChoice;
}

export interface OperationOptions<Answer> {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** Called for each answer as it comes in. */
  onAnswers?: ((progress: Progress<Answer>) => void) | undefined;
  /** Indices of the coins to ask a server about; all coins if left out. */
  select?: ((raidaId: number) => readonly number[]) | undefined;
  /** Bytes of the largest request of this operation. */
  requestBytesMax?: number | undefined;
}

/** How a command without a divisible list of coins is put. */
export interface AskOptions<Value> {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** Servers to ask; all of the client's if left out. */
  raidaIds?: readonly number[] | undefined;
  /** Called for each answer as it comes in. */
  onOutcome?: ((outcome: ServerOutcome<Value>) => void) | undefined;
}

export class Asker {
  readonly raidaIds: readonly number[];
  private readonly settings: Omit<LaneSettings, 'signal'>;

  constructor(options: RaidaClientOptions) {
    const { codec, transport, raidaIds, encryption = () => undefined } = options;
    const { timeoutMs = TIMEOUT_DEFAULT_MS, requestBytesMax = REQUEST_BYTES_DEFAULT } = options;
    this.raidaIds = raidaIds ?? Array.from({ length: RAIDA_COUNT }, (_, raidaId) => raidaId);
    this.settings = { codec, transport, timeoutMs, requestBytesMax, encryption };
  }

  laneSettings(
    options: Pick<OperationOptions<never>, 'signal' | 'timeoutMs' | 'requestBytesMax'>,
  ): LaneSettings {
    const timeoutMs = options.timeoutMs ?? this.settings.timeoutMs;
    const requestBytesMax = options.requestBytesMax ?? this.settings.requestBytesMax;
    return { ...this.settings, timeoutMs, requestBytesMax, signal: options.signal };
  }

  /** Gives [coin index][RAIDA id]. Rejects with the signal's reason, once all lanes have ended. */
  async askCoins<Answer>(
    command: CoinCommand<Answer>,
    coinCount: number,
    options: OperationOptions<Answer>,
  ): Promise<Answer[][]> {
    options.signal?.throwIfAborted();
    const { onAnswers, select } = options;
    const { raidaIds } = this;
    const settings = this.laneSettings(options as OperationOptions<never>);
    return runLanes(settings, command, { coinCount, raidaIds, select, onAnswers });
  }

  /**
   * One request to each server, side by side; one answer for each, in the order of the ids. Rejects
   * only if it is cancelled, or with RequestError for a request that cannot be put on the wire.
   */
  async askEach<Value>(
    command: Command<Value>,
    options: AskOptions<Value> = {},
  ): Promise<ServerOutcome<Value>[]> {
    options.signal?.throwIfAborted();
    const ended = await Promise.allSettled(
      (options.raidaIds ?? this.raidaIds).map(async (raidaId) => {
        const outcome = await this.ask(raidaId, command, options);
        tell(options.onOutcome, outcome);
        return outcome;
      }),
    );
    return ended.map((lane) => {
      if (lane.status === 'rejected') throw lane.reason;
      return lane.value;
    });
  }

  private async ask<Value>(
    raidaId: number,
    command: Command<Value>,
    options: Pick<AskOptions<Value>, 'signal' | 'timeoutMs'>,
  ): Promise<ServerOutcome<Value>> {
    const payload = command.payload?.(raidaId);
    const { group, command: number } = command;
    const request = payload
      ? { raidaId, group, command: number, payload }
      : { raidaId, group, command: number, payload: new Uint8Array(0), noBody: true };
    try {
      const result = await exchangeOnce(this.laneSettings(options), request);
      if ('reply' in result) return outcomeOf(command, raidaId, result);
      const { failed, error } = result;
      const known = error instanceof Error ? error : unreachable(raidaId, error);
      return { raidaId, status: failed, error: known };
    } finally {
      payload?.fill(0);
    }
  }
}

function unreachable(raidaId: number, cause: unknown): TransportError {
  return new TransportError('ANDVARI_UNREACHABLE', raidaId, 'no answer', { cause });
}
