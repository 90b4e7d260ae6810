/**
 * Group Crossover (reference: RAIDA section 9): CloudCoin against other currencies, by way of each
 * server's proxy. Without a proxy a server answers PROXY_CONNECT.
 */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { RequestError } from '../codec.ts';
import { AN_BYTES, authenticationNumber, KEYS_BYTES } from '../coin.ts';
import { FieldReader, FieldWriter, want16, wantBytes } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';
import { memoBytes, textBytes } from './trade.ts';

const TICKER_BYTES = 3;
const TXID_BYTES = 32;
const ADDRESS_BYTES = { min: 26, max: 62 } as const;

interface CrossoverNote {
  /** 400 bytes: the locker that coins come to or from. */
  lockerKeys: Uint8Array;
  /** Three letters, such as BTC. */
  ticker: string;
  /** 16 bytes. */
  receipt: Uint8Array;
  /** At most 254 bytes of UTF-8. */
  memo: string;
}

export interface CrossoverReservation extends CrossoverNote {
  amount: bigint;
  /** 26 to 62 characters. */
  address: string;
}

export interface DepositoryQuestion extends CrossoverNote {
  /** 32 bytes. */
  transactionId: Uint8Array;
}

export interface Withdrawal extends CrossoverNote {
  cost: bigint;
  /** 26 to 62 characters. */
  address: string;
}

function tickerBytes(ticker: string): Uint8Array {
  if (/^[A-Z]{3}$/.test(ticker)) return new TextEncoder().encode(ticker);
  throw new RequestError('ticker: wanted three capital letters');
}

function head({ lockerKeys, ticker }: CrossoverNote, raidaId: number, more: number): FieldWriter {
  const keys = wantBytes(lockerKeys, KEYS_BYTES, 'locker keys');
  const writer = new FieldWriter(AN_BYTES + TICKER_BYTES + more);
  return writer.block(authenticationNumber(keys, raidaId)).block(tickerBytes(ticker));
}

/** 110 and 112 have the same fields: an amount, an address, receipt and memo. */
function addressed(note: CrossoverNote & { address: string }, amount: bigint, raidaId: number) {
  const address = textBytes(note.address, 'address', ADDRESS_BYTES);
  const memo = memoBytes(note.memo);
  const size = 8 + 1 + address.length + AN_BYTES + memo.length;
  const writer = head(note, raidaId, size).u64BE(amount).u8(address.length).block(address);
  return writer.block(want16(note.receipt, 'receipt')).block(memo).bytes;
}

const reserve = (reservation: CrossoverReservation): Command<true> => ({
  group: 11,
  command: 110,
  payload: (raidaId) => addressed(reservation, reservation.amount, raidaId),
  good: [Status.SUCCESS],
  read: readNothing,
});

const check = (question: DepositoryQuestion): Command<true> => ({
  group: 11,
  command: 111,
  payload: (raidaId) => {
    const memo = memoBytes(question.memo);
    return head(question, raidaId, TXID_BYTES + AN_BYTES + memo.length)
      .block(wantBytes(question.transactionId, TXID_BYTES, 'transaction id'))
      .block(want16(question.receipt, 'receipt'))
      .block(memo).bytes;
  },
  good: [Status.SUCCESS],
  read: readNothing,
});

const withdraw = (withdrawal: Withdrawal): Command<true> => ({
  group: 11,
  command: 112,
  payload: (raidaId) => addressed(withdrawal, withdrawal.cost, raidaId),
  good: [Status.SUCCESS],
  read: readNothing,
});

const rate = (ticker: string): Command<bigint> => ({
  group: 11,
  command: 114,
  payload: () => new FieldWriter(TICKER_BYTES).block(tickerBytes(ticker)).bytes,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const price = reader.u64BE();
    return reader.whole ? price : undefined;
  },
});

export class CrossoverCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** Announces that coins are wanted for a payment to come (11/110); kept for an hour. */
  reserve(
    reservation: CrossoverReservation,
    options?: AskOptions<true>,
  ): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(reserve(reservation), options);
  }

  /** Asks whether the payment has come (11/111). */
  checkDepository(
    question: DepositoryQuestion,
    options?: AskOptions<true>,
  ): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(check(question), options);
  }

  /** Pays the coins of a locker out to an address (11/112). */
  withdraw(withdrawal: Withdrawal, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(withdraw(withdrawal), options);
  }

  /** What one coin costs (11/114). */
  rate(ticker: string, options?: AskOptions<bigint>): Promise<ServerOutcome<bigint>[]> {
    return this.asker.askEach(rate(ticker), options);
  }
}
