/**
 * A client of the 25 RAIDA servers: groups Status, Auth and Healing (reference: RAIDA section 9).
 * The codec seals requests and checks replies, the transport moves them; this file knows commands.
 */
import { Status } from '../engine/generated/status.ts';
import {
  type CoinAnswer,
  type FindAnswer,
  type NoAnswer,
  otherStatus,
  readCoinList,
  readFound,
  readTicket,
  readVerdicts,
} from './answers.ts';
import { Asker, type OperationOptions, type RaidaClientOptions } from './asker.ts';
import type { RaidaRequest } from './codec.ts';
import {
  AN_BYTES,
  authenticationNumber,
  type Coin,
  type CoinKeys,
  type CoinProposal,
  pick,
} from './coin.ts';
import { ChangeCommands } from './commands/change.ts';
import { CrossoverCommands } from './commands/crossover.ts';
import { ExecutiveCommands } from './commands/executive.ts';
import { FilesystemCommands } from './commands/filesystem.ts';
import { FixCommands } from './commands/fix.ts';
import { KeyExchangeCommands } from './commands/key-exchange.ts';
import { LockerCommands } from './commands/locker.ts';
import { LookupCommands } from './commands/lookup.ts';
import { ShardCommands } from './commands/shard.ts';
import { StatusCommands } from './commands/status.ts';
import { SumCommands } from './commands/sums.ts';
import { TradeCommands } from './commands/trade.ts';
import { COIN_BYTES } from './fields.ts';
import {
  type CoinCommand,
  type EncryptionChoice,
  exchangeOnce,
  type LaneSettings,
} from './lanes.ts';

const ECHO = { group: 0, command: 0 } as const;
const VERSION = { group: 0, command: 1 } as const;
const DETECT = { group: 1, command: 10 } as const;
const POWN = { group: 1, command: 20 } as const;
const GET_TICKET = { group: 2, command: 40 } as const;
const VALIDATE_TICKET = { group: 2, command: 50 } as const;
const FIND = { group: 2, command: 60 } as const;

const DETECT_BYTES = COIN_BYTES + AN_BYTES;
const POWN_BYTES = COIN_BYTES + 2 * AN_BYTES;

export type { AskOptions, OperationOptions, RaidaClientOptions } from './asker.ts';
export type { CoinProposal } from './coin.ts';

/** One server's answer to echo or version. */
export interface ServerAnswer {
  raidaId: number;
  status: 'pass' | NoAnswer;
  wireStatus?: number;
  /** From the call to the answer, or to giving up. */
  elapsedMs: number;
  /** The server's own account of its working time. */
  executionUs?: number;
  /** Version only: eight digits, yyyymmdd. */
  version?: string;
}

export interface Ticket {
  raidaId: number;
  ticket: number;
  /** Coins that the ticket stands for. */
  indices: number[];
}

export interface Tickets {
  /** [coin index][RAIDA id] */
  answers: CoinAnswer[][];
  tickets: Ticket[];
}

/** Encrypts with a coin that all servers know: type 1, its AN on that server. */
export function encryptWith(coin: CoinKeys): EncryptionChoice {
  const { denomination, serialNumber, authenticationNumbers } = coin;
  return (raidaId) => {
    const key = authenticationNumber(authenticationNumbers, raidaId);
    return { type: 1, denomination, serialNumber, key };
  };
}

function emitCoin({ denomination, serialNumber }: Coin, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset);
  view.setInt8(0, denomination);
  view.setUint32(1, serialNumber);
}

function emitKeys(coin: CoinKeys, raidaId: number, into: Uint8Array): void {
  emitCoin(coin, into);
  into.set(authenticationNumber(coin.authenticationNumbers, raidaId), COIN_BYTES);
}

function emitProposal(coin: CoinProposal, raidaId: number, into: Uint8Array): void {
  emitKeys(coin, raidaId, into);
  into.set(authenticationNumber(coin.proposedNumbers, raidaId), COIN_BYTES + AN_BYTES);
}

export class RaidaClient {
  /** What operators ask: 0/2, 0/3. */
  readonly status: StatusCommands;
  /** Coins proven by a sum: 1/11, 1/21. */
  readonly sums: SumCommands;
  /** 2/80. */
  readonly fixing: FixCommands;
  /** Making and deleting coins: group 3. */
  readonly executive: ExecutiveCommands;
  /** Group 4. */
  readonly keyExchange: KeyExchangeCommands;
  /** 8/82 to 8/84, 8/88. */
  readonly lockers: LockerCommands;
  /** Coins for sale: 8/81, 8/85 to 8/87, 8/89. */
  readonly trades: TradeCommands;
  /** Group 9. */
  readonly change: ChangeCommands;
  /** 10/172. */
  readonly shards: ShardCommands;
  /** Group 11. */
  readonly crossover: CrossoverCommands;
  /** 12/120. */
  readonly names: LookupCommands;
  /** Group 13. */
  readonly files: FilesystemCommands;
  private readonly asker: Asker;

  constructor(options: RaidaClientOptions) {
    const asker = new Asker(options);
    this.asker = asker;
    this.status = new StatusCommands(asker);
    this.sums = new SumCommands(asker);
    this.fixing = new FixCommands(asker);
    this.executive = new ExecutiveCommands(asker);
    this.keyExchange = new KeyExchangeCommands(asker);
    this.lockers = new LockerCommands(asker);
    this.trades = new TradeCommands(asker);
    this.change = new ChangeCommands(asker);
    this.shards = new ShardCommands(asker);
    this.crossover = new CrossoverCommands(asker);
    this.names = new LookupCommands(asker);
    this.files = new FilesystemCommands(asker);
  }

  /** Ids of the servers that are asked. */
  get raidaIds(): readonly number[] {
    return this.asker.raidaIds;
  }

  /** Which servers are there (0/0). */
  echo(options: Omit<OperationOptions<ServerAnswer>, 'select'> = {}): Promise<ServerAnswer[]> {
    return this.askEach(ECHO, options);
  }

  /** Which software they run (0/1); an answer that is not eight digits is an error. */
  version(options: Omit<OperationOptions<ServerAnswer>, 'select'> = {}): Promise<ServerAnswer[]> {
    return this.askEach(VERSION, options);
  }

  /** Are the ANs right (1/10)? Gives [coin index][RAIDA id]. */
  detect(
    coins: readonly CoinKeys[],
    options: OperationOptions<CoinAnswer> = {},
  ): Promise<CoinAnswer[][]> {
    const command: CoinCommand<CoinAnswer> = {
      ...DETECT,
      coinBytes: DETECT_BYTES,
      emit: (index, raidaId, into) => emitKeys(pick(coins, index), raidaId, into),
      read: (reply, { length }, { encrypted }) => readVerdicts(reply, length, encrypted),
      noAnswer: (status) => ({ status }),
    };
    return this.asker.askCoins(command, coins.length, options);
  }

  /**
   * Puts the proposed ANs in the place of the ANs (1/20). Only `pass` says that it happened; after
   * `fail` and after no answer, find tells which of the two the server holds.
   */
  pown(
    coins: readonly CoinProposal[],
    options: OperationOptions<CoinAnswer> = {},
  ): Promise<CoinAnswer[][]> {
    const command: CoinCommand<CoinAnswer> = {
      ...POWN,
      coinBytes: POWN_BYTES,
      emit: (index, raidaId, into) => emitProposal(pick(coins, index), raidaId, into),
      read: (reply, { length }, { encrypted }) => readVerdicts(reply, length, encrypted),
      noAnswer: (status) => ({ status }),
    };
    return this.asker.askCoins(command, coins.length, options);
  }

  /** Which of AN and proposed AN does each server hold (2/60)? A coin it cannot have: `neither`. */
  find(
    coins: readonly CoinProposal[],
    options: OperationOptions<FindAnswer> = {},
  ): Promise<FindAnswer[][]> {
    const command: CoinCommand<FindAnswer> = {
      ...FIND,
      coinBytes: POWN_BYTES,
      emit: (index, raidaId, into) => emitProposal(pick(coins, index), raidaId, into),
      read: (reply, { length }, { encrypted }) => readFound(reply, length, encrypted),
      noAnswer: (status) => ({ status }),
      unknownCoin: (wireStatus) => ({ status: 'neither', wireStatus }),
    };
    return this.asker.askCoins(command, coins.length, options);
  }

  /** Tickets for the coins that each server finds authentic (2/40). */
  async getTickets(
    coins: readonly CoinKeys[],
    options: OperationOptions<CoinAnswer> = {},
  ): Promise<Tickets> {
    const tickets: Ticket[] = [];
    const command: CoinCommand<CoinAnswer> = {
      ...GET_TICKET,
      coinBytes: DETECT_BYTES,
      emit: (index, raidaId, into) => emitKeys(pick(coins, index), raidaId, into),
      read: (reply, indices, { raidaId, encrypted }) => {
        const { answers, ticket } = readTicket(reply, indices.length, encrypted);
        if (ticket !== undefined) {
          const passed = indices.filter((_, place) => answers[place]?.status === 'pass');
          tickets.push({ raidaId, ticket, indices: passed });
        }
        return answers;
      },
      noAnswer: (status) => ({ status }),
      unknownCoin: (wireStatus) => ({ status: 'fail', wireStatus }),
    };
    const answers = await this.asker.askCoins(command, coins.length, options);
    return { answers, tickets };
  }

  /** Claims a ticket of one server as another (2/50): the coins it stands for. */
  async validateTicket(
    raidaId: number,
    { claimerId, ticket }: { claimerId: number; ticket: number },
    options: Pick<OperationOptions<never>, 'signal' | 'timeoutMs'> = {},
  ): Promise<{ status: 'pass' | NoAnswer; wireStatus?: number; coins: Coin[] }> {
    const payload = new Uint8Array(5);
    payload[0] = claimerId;
    new DataView(payload.buffer).setUint32(1, ticket);
    const settings = this.asker.laneSettings(options);
    const result = await exchangeOnce(settings, { raidaId, ...VALIDATE_TICKET, payload });
    if ('failed' in result) return { status: result.failed, coins: [] };
    const { reply, encrypted } = result;
    const coins = reply.status === Status.SUCCESS ? readCoinList(reply.payload) : undefined;
    if (coins) return { status: 'pass', wireStatus: reply.status, coins };
    const { status } = otherStatus(reply.status, encrypted);
    return { status: status as NoAnswer, wireStatus: reply.status, coins: [] };
  }

  /** A request without coins to every server: a list of one "coin" of no bytes does not exist. */
  private async askEach(
    command: Pick<RaidaRequest, 'group' | 'command'>,
    options: Omit<OperationOptions<ServerAnswer>, 'select'>,
  ): Promise<ServerAnswer[]> {
    options.signal?.throwIfAborted();
    const settings = this.asker.laneSettings(options as OperationOptions<never>);
    const ended = await Promise.allSettled(
      this.raidaIds.map(async (raidaId) => {
        const answer = await askServer(settings, raidaId, command);
        options.onAnswers?.({ raidaId, indices: [], answers: [answer] });
        return answer;
      }),
    );
    return ended.map((lane) => {
      if (lane.status === 'rejected') throw lane.reason;
      return lane.value;
    });
  }
}

async function askServer(
  settings: LaneSettings,
  raidaId: number,
  command: Pick<RaidaRequest, 'group' | 'command'>,
): Promise<ServerAnswer> {
  const startMs = performance.now();
  const request = { raidaId, ...command, payload: new Uint8Array(0), noBody: true };
  const result = await exchangeOnce(settings, request);
  const elapsedMs = performance.now() - startMs;
  if ('failed' in result) return { raidaId, status: result.failed, elapsedMs };
  const { status: wireStatus, payload, executionUs } = result.reply;
  const answer = { raidaId, wireStatus, elapsedMs, executionUs };
  if (wireStatus !== Status.SUCCESS) return { ...answer, status: 'error' };
  if (command === ECHO) return { ...answer, status: payload.length === 0 ? 'pass' : 'error' };
  const version = String.fromCharCode(...payload.subarray(0, 8));
  if (payload.length !== 8 || !/^\d{8}$/.test(version)) return { ...answer, status: 'error' };
  return { ...answer, status: 'pass', version };
}
