/**
 * Group Locker (reference: RAIDA section 9). A locker is the coins whose AN is its key; a key ends
 * ff ff ff ff. Each server has a key of its own: `keys` are 400 bytes, 16 for each server.
 */
import { Status } from '../../engine/generated/status.ts';
import { type CoinAnswer, readBits, readCoinList, readVerdicts } from '../answers.ts';
import type { Asker, AskOptions, OperationOptions } from '../asker.ts';
import {
  AN_BYTES,
  authenticationNumber,
  type Coin,
  type CoinKeys,
  type CoinProposal,
  KEYS_BYTES,
  pick,
} from '../coin.ts';
import { COIN_BYTES, FieldWriter, wantBytes } from '../fields.ts';
import type { CoinCommand } from '../lanes.ts';
import type { Command, ServerOutcome } from '../outcome.ts';
import { sumOfCoins } from './sums.ts';

const COUNT_BYTES = 2;

/** Coins and the keys of the locker that takes them. */
export interface LockerDeposit {
  coins: readonly CoinKeys[];
  keys: Uint8Array;
}

function keyOf(keys: Uint8Array, raidaId: number): Uint8Array {
  return authenticationNumber(wantBytes(keys, KEYS_BYTES, 'locker keys'), raidaId);
}

const put = (coins: readonly CoinKeys[], keys: Uint8Array): CoinCommand<CoinAnswer> => ({
  group: 8,
  command: 82,
  coinBytes: COIN_BYTES,
  emit: (index, _, into) => void new FieldWriter(COIN_BYTES, into).coin(pick(coins, index)),
  tail: (indices, raidaId) => {
    const sum = sumOfCoins(
      indices.map((index) => pick(coins, index)),
      raidaId,
    );
    return new FieldWriter(2 * AN_BYTES).block(sum).block(keyOf(keys, raidaId)).bytes;
  },
  // All or nothing: a bitmap would be an answer to something else.
  read: ({ status, payload }, { length }, { encrypted }) =>
    readVerdicts({ status, payload }, length, encrypted).map((answer) =>
      status === Status.MIXED ? { status: 'error', wireStatus: status } : answer,
    ),
  noAnswer: (status) => ({ status }),
  unknownCoin: (wireStatus) => ({ status: 'fail', wireStatus }),
});

const remove = (coins: readonly CoinProposal[], keys: Uint8Array): CoinCommand<CoinAnswer> => ({
  group: 8,
  command: 84,
  coinBytes: COIN_BYTES + AN_BYTES,
  head: (raidaId) => keyOf(keys, raidaId),
  emit: (index, raidaId, into) => {
    const coin = pick(coins, index);
    const an = authenticationNumber(coin.proposedNumbers, raidaId);
    new FieldWriter(COIN_BYTES + AN_BYTES, into).coin(coin).block(an);
  },
  read: ({ status, payload }, { length }, { encrypted }) => {
    // 242 without a body: no such locker. Else a bitmap of n / 8 + 1 bytes, whatever the status.
    const none = status === Status.ALL_FAIL && payload.length === 0;
    const known = status === Status.ALL_PASS || status === Status.MIXED;
    if (none || !(known || status === Status.ALL_FAIL)) {
      return readVerdicts({ status, payload }, length, encrypted);
    }
    const full = Math.ceil(length / 8);
    const surplus = payload.subarray(full).every((byte) => byte === 0);
    const fits = payload.length === Math.floor(length / 8) + 1 && surplus;
    const bits = fits ? readBits(payload.subarray(0, full), length) : undefined;
    const all = status === Status.ALL_PASS;
    const contradicts = status !== Status.MIXED && bits?.some((bit) => bit !== all);
    if (!bits || contradicts) {
      return Array.from({ length }, () => ({ status: 'error', wireStatus: status }));
    }
    return bits.map((bit) => ({ status: bit ? 'pass' : 'fail', wireStatus: status }));
  },
  noAnswer: (status) => ({ status }),
  unknownCoin: (wireStatus) => ({ status: 'fail', wireStatus }),
});

const peek = (keys: Uint8Array): Command<Coin[]> => ({
  group: 8,
  command: 83,
  payload: (raidaId) => new Uint8Array(keyOf(keys, raidaId)),
  good: [Status.ALL_PASS],
  read: ({ payload }) => readCoinList(payload),
});

const putMany = (deposits: readonly LockerDeposit[]): Command<CoinAnswer[]> => ({
  group: 8,
  command: 88,
  payload: (raidaId) => {
    const bytes = deposits.map(
      ({ coins }) => COUNT_BYTES + coins.length * COIN_BYTES + 2 * AN_BYTES,
    );
    const writer = new FieldWriter(bytes.reduce((sum, one) => sum + one, 1)).u8(deposits.length);
    for (const { coins, keys } of deposits) {
      writer.u16BE(coins.length).coins(coins);
      writer.block(sumOfCoins(coins, raidaId)).block(keyOf(keys, raidaId));
    }
    return writer.bytes;
  },
  good: [Status.ALL_PASS, Status.ALL_FAIL, Status.MIXED],
  read: (reply) => {
    const answers = readVerdicts(reply, deposits.length, false);
    return answers.some(({ status }) => status === 'error') ? undefined : answers;
  },
});

export class LockerCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /**
   * Puts coins in the locker (8/82): their ANs become its keys. Gives [coin index][RAIDA id]. A
   * request whose sum of ANs is wrong fails as a whole; large lists go in several requests.
   */
  put(
    coins: readonly CoinKeys[],
    keys: Uint8Array,
    options: OperationOptions<CoinAnswer> = {},
  ): Promise<CoinAnswer[][]> {
    return this.asker.askCoins(put(coins, keys), coins.length, options);
  }

  /** What is in the locker (8/83), the oldest first. `fail`: there is no such locker. */
  peek(keys: Uint8Array, options?: AskOptions<Coin[]>): Promise<ServerOutcome<Coin[]>[]> {
    return this.asker.askEach(peek(keys), options);
  }

  /**
   * Takes coins out (8/84): their ANs become the proposed ones. Gives [coin index][RAIDA id];
   * `fail`: the coin, or the locker, is not there. After no answer, find tells what happened.
   */
  remove(
    coins: readonly CoinProposal[],
    keys: Uint8Array,
    options: OperationOptions<CoinAnswer> = {},
  ): Promise<CoinAnswer[][]> {
    return this.asker.askCoins(remove(coins, keys), coins.length, options);
  }

  /** Fills several lockers in one request (8/88): an answer for each. */
  putMany(
    deposits: readonly LockerDeposit[],
    options?: AskOptions<CoinAnswer[]>,
  ): Promise<ServerOutcome<CoinAnswer[]>[]> {
    return this.asker.askEach(putMany(deposits), options);
  }
}
