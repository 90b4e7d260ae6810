/**
 * Group Change (reference: RAIDA section 9): one coin becomes ten of the next smaller denomination,
 * or ten become one. All or nothing on each server.
 */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { RequestError } from '../codec.ts';
import { AN_BYTES, authenticationNumber, type CoinKeys } from '../coin.ts';
import { COIN_BYTES, FieldReader, FieldWriter } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';

const SESSION_BYTES = 4;
const OPERATION = { break: 1, join: 2 } as const;
const SERIALS_MAX = 64;
/** Coins that one of the next larger denomination is worth. */
export const CHANGE_COINS = 10;

/** Session, the one coin, the ten. */
const CHANGE_BYTES = SESSION_BYTES + (1 + CHANGE_COINS) * (COIN_BYTES + AN_BYTES);

export type ChangeKind = keyof typeof OPERATION;

/** Free serial numbers for the coins to make. */
export interface ChangeOffer {
  denomination: number;
  serialNumbers: number[];
}

/** One coin against ten; for each the ANs that it has, or is to have. */
export interface ChangeOrder {
  session: number;
  large: CoinKeys;
  /** Ten. */
  small: readonly CoinKeys[];
}

interface OfferQuestion {
  session: number;
  kind: ChangeKind;
  /** Of what is given in change. */
  denomination: number;
}

const offer = ({ session, kind, denomination }: OfferQuestion): Command<ChangeOffer> => ({
  group: 9,
  command: 91,
  payload: () =>
    new FieldWriter(SESSION_BYTES + 2).u32BE(session).u8(OPERATION[kind]).i8(denomination).bytes,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const target = reader.denomination();
    if (target !== denomination + (kind === 'break' ? -1 : 1)) return undefined;
    const serialNumbers: number[] = [];
    while (!reader.whole) serialNumbers.push(reader.u32BE());
    const once = new Set(serialNumbers).size === serialNumbers.length;
    if (serialNumbers.length > SERIALS_MAX || !once) return undefined;
    return { denomination: target, serialNumbers };
  },
});

const exchange = (kind: ChangeKind, { session, large, small }: ChangeOrder): Command<true> => ({
  group: 9,
  command: kind === 'break' ? 92 : 93,
  payload: (raidaId) => {
    if (small.length !== CHANGE_COINS) {
      throw new RequestError(`small coins: wanted ${CHANGE_COINS}, got ${small.length}`);
    }
    const writer = new FieldWriter(CHANGE_BYTES).u32BE(session);
    for (const coin of [large, ...small]) {
      writer.coin(coin).block(authenticationNumber(coin.authenticationNumbers, raidaId));
    }
    return writer.bytes;
  },
  good: [Status.SUCCESS],
  read: readNothing,
});

export class ChangeCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /**
   * Free serial numbers for what the change makes (9/91), up to 64; their pages are reserved for
   * the session (not 0) for 16 s.
   */
  offer(
    question: OfferQuestion,
    options?: AskOptions<ChangeOffer>,
  ): Promise<ServerOutcome<ChangeOffer>[]> {
    return this.asker.askEach(offer(question), options);
  }

  /** Breaks the large coin into ten (9/92). `fail`: its AN is not right. */
  break(order: ChangeOrder, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(exchange('break', order), options);
  }

  /** Joins ten coins to a large one (9/93). `fail`: one of the ANs is not right. */
  join(order: ChangeOrder, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(exchange('join', order), options);
  }
}
