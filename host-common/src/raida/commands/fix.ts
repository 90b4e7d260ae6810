/** Fix 2/80: a server takes the word of 13 others for a coin it does not know (RAIDA section 9). */
import { RAIDA_COUNT } from '../../engine/generated/limits.ts';
import { Status } from '../../engine/generated/status.ts';
import { type CoinAnswer, readVerdicts } from '../answers.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { AN_BYTES, type Coin } from '../coin.ts';
import { COIN_BYTES, FieldWriter, want16 } from '../fields.ts';
import { FIX_TIMEOUT_MS } from '../limits.ts';
import type { Command, ServerOutcome } from '../outcome.ts';

const TICKET_BYTES = 4;
/** What the new AN is the MD5 of: RAIDA number, denomination, serial number, PG. */
const SEED_BYTES = 1 + COIN_BYTES + AN_BYTES;

export interface FixRequest {
  coins: readonly Coin[];
  /** 16 random bytes, for this server alone: whoever knows them knows the new ANs. */
  generator: Uint8Array;
  /** 25 tickets in order of RAIDA id that stand for the coins; 0 where there is none. */
  tickets: readonly number[];
}

/** The bytes whose MD5 becomes the coin's AN on the server that fixes it. */
export function fixedNumberSeed(
  raidaId: number,
  coin: Coin,
  generator: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const writer = new FieldWriter(SEED_BYTES).u8(raidaId).coin(coin);
  return writer.block(want16(generator, 'generator')).bytes;
}

const fix = (requestOf: (raidaId: number) => FixRequest): Command<CoinAnswer[]> => ({
  group: 2,
  command: 80,
  payload: (raidaId) => {
    const { coins, generator, tickets } = requestOf(raidaId);
    if (tickets.length !== RAIDA_COUNT) {
      throw new RangeError(`tickets: wanted ${RAIDA_COUNT}, got ${tickets.length}`);
    }
    const size = coins.length * COIN_BYTES + AN_BYTES + RAIDA_COUNT * TICKET_BYTES;
    const writer = new FieldWriter(size).coins(coins).block(want16(generator, 'generator'));
    for (const ticket of tickets) writer.u32BE(ticket);
    return writer.bytes;
  },
  good: [Status.ALL_PASS, Status.ALL_FAIL, Status.MIXED],
  read: (reply, raidaId) => {
    const answers = readVerdicts(reply, requestOf(raidaId).coins.length, false);
    return answers.some(({ status }) => status === 'error') ? undefined : answers;
  },
});

export class FixCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /**
   * Asks each server of `raidaIds` to fix the coins that `requestOf` names for it: at most 4096.
   * Only `pass` says that the coin has its new AN there: after no answer, find tells. Waits 40 s
   * for an answer if `timeoutMs` is left out: the server asks 24 others.
   */
  fix(
    raidaIds: readonly number[],
    requestOf: (raidaId: number) => FixRequest,
    options: Omit<AskOptions<CoinAnswer[]>, 'raidaIds'> = {},
  ): Promise<ServerOutcome<CoinAnswer[]>[]> {
    const { timeoutMs = FIX_TIMEOUT_MS } = options;
    return this.asker.askEach(fix(requestOf), { ...options, timeoutMs, raidaIds });
  }
}
