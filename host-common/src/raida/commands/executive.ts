/**
 * Group Executive (reference: RAIDA section 9): an operator makes and deletes coins. Every command
 * carries the admin key; servers take it in clear from this machine only.
 */
import { Status } from '../../engine/generated/status.ts';
import { type CoinAnswer, readVerdicts } from '../answers.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { AN_BYTES, authenticationNumber, type Coin, type CoinKeys } from '../coin.ts';
import { COIN_BYTES, FieldReader, FieldWriter, want16 } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';
import { denominationFlags, type FreeSerials, readFreeSerials } from '../serial-ranges.ts';

const SESSION_BYTES = 4;

/** Who asks: 16 bytes of admin key; the session, never 0, under which pages are reserved. */
export interface AdminSession {
  adminKey: Uint8Array;
  session: number;
}

/** Coins in use of one denomination: bit i % 8 of byte i / 8 is serial number i. */
export interface InUse {
  denomination: number;
  bitmap: Uint8Array;
}

function head({ session, adminKey }: AdminSession, more: number): FieldWriter {
  const writer = new FieldWriter(SESSION_BYTES + AN_BYTES + more);
  return writer.u32BE(session).block(want16(adminKey, 'admin key'));
}

const freeSerials = (
  admin: AdminSession,
  denominations: readonly number[],
): Command<FreeSerials[]> => ({
  group: 3,
  command: 120,
  payload: () => {
    const flags = denominationFlags(denominations);
    return head(admin, flags.length).block(flags).bytes;
  },
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const list = readFreeSerials(payload);
    return list?.every(({ denomination }) => denominations.includes(denomination))
      ? list
      : undefined;
  },
});

const create = (admin: AdminSession, coins: readonly Coin[]): Command<Uint8Array[]> => ({
  group: 3,
  command: 130,
  payload: () => head(admin, coins.length * COIN_BYTES).coins(coins).bytes,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const old = coins.map(() => reader.block(AN_BYTES));
    return reader.whole ? old : undefined;
  },
});

const remove = (adminKey: Uint8Array, coins: readonly CoinKeys[]): Command<CoinAnswer[]> => ({
  group: 3,
  command: 140,
  payload: (raidaId) => {
    const writer = new FieldWriter(AN_BYTES + coins.length * (COIN_BYTES + AN_BYTES));
    writer.block(want16(adminKey, 'admin key'));
    for (const coin of coins) {
      writer.coin(coin).block(authenticationNumber(coin.authenticationNumbers, raidaId));
    }
    return writer.bytes;
  },
  good: [Status.ALL_PASS, Status.ALL_FAIL, Status.MIXED],
  read: (reply) => {
    const answers = readVerdicts(reply, coins.length, false);
    return answers.some(({ status }) => status === 'error') ? undefined : answers;
  },
});

const free = (admin: AdminSession, coins: readonly Coin[]): Command<true> => ({
  group: 3,
  command: 150,
  payload: () => head(admin, coins.length * COIN_BYTES).coins(coins).bytes,
  good: [Status.SUCCESS],
  read: readNothing,
});

const inUse = (adminKey: Uint8Array, denomination: number): Command<InUse> => ({
  group: 3,
  command: 160,
  payload: () =>
    new FieldWriter(AN_BYTES + 1).block(want16(adminKey, 'admin key')).i8(denomination).bytes,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    if (reader.denomination() !== denomination) return undefined;
    const bitmap = reader.block(reader.u32BE());
    return reader.whole ? { denomination, bitmap } : undefined;
  },
});

export class ExecutiveCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /**
   * Free serial numbers of the denominations (3/120). Their pages are reserved for the session for
   * 16 s; pages that are reserved already, also for this session, are left out.
   */
  freeSerials(
    admin: AdminSession,
    denominations: readonly number[],
    options?: AskOptions<FreeSerials[]>,
  ): Promise<ServerOutcome<FreeSerials[]>[]> {
    return this.asker.askEach(freeSerials(admin, denominations), options);
  }

  /** Makes coins on reserved pages (3/130): the ANs that they had before, in the same order. */
  create(
    admin: AdminSession,
    coins: readonly Coin[],
    options?: AskOptions<Uint8Array[]>,
  ): Promise<ServerOutcome<Uint8Array[]>[]> {
    return this.asker.askEach(create(admin, coins), options);
  }

  /** Deletes coins whose ANs are right (3/140): an answer for each. At most 3119 coins. */
  delete(
    adminKey: Uint8Array,
    coins: readonly CoinKeys[],
    options?: AskOptions<CoinAnswer[]>,
  ): Promise<ServerOutcome<CoinAnswer[]>[]> {
    return this.asker.askEach(remove(adminKey, coins), options);
  }

  /** Deletes coins whatever their ANs (3/150). */
  free(
    admin: AdminSession,
    coins: readonly Coin[],
    options?: AskOptions<true>,
  ): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(free(admin, coins), options);
  }

  /** Which coins of a denomination are in use (3/160). */
  inUse(
    adminKey: Uint8Array,
    denomination: number,
    options?: AskOptions<InUse>,
  ): Promise<ServerOutcome<InUse>[]> {
    return this.asker.askEach(inUse(adminKey, denomination), options);
  }
}
