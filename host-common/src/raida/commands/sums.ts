/**
 * Commands that name a list of coins and prove it with one sum, the XOR of their ANs (reference:
 * RAIDA section 9): detect sum 1/11, pown sum 1/21. All or nothing on each server.
 */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { AN_BYTES, authenticationNumber, type CoinKeys, KEYS_BYTES } from '../coin.ts';
import { COIN_BYTES, FieldWriter, sumOf, wantBytes } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';

/** The sum of the coins' ANs on one server. */
export function sumOfCoins(coins: readonly CoinKeys[], raidaId: number): Uint8Array<ArrayBuffer> {
  return sumOf(
    coins.map(({ authenticationNumbers }) => authenticationNumber(authenticationNumbers, raidaId)),
  );
}

const detectSum = (coins: readonly CoinKeys[]): Command<true> => ({
  group: 1,
  command: 11,
  payload: (raidaId) =>
    new FieldWriter(coins.length * COIN_BYTES + AN_BYTES)
      .coins(coins)
      .block(sumOfCoins(coins, raidaId)).bytes,
  good: [Status.ALL_PASS],
  read: readNothing,
});

const pownSum = (coins: readonly CoinKeys[], deltas: Uint8Array): Command<true> => ({
  group: 1,
  command: 21,
  payload: (raidaId) =>
    new FieldWriter(coins.length * COIN_BYTES + 2 * AN_BYTES)
      .coins(coins)
      .block(sumOfCoins(coins, raidaId))
      .block(authenticationNumber(deltas, raidaId)).bytes,
  good: [Status.ALL_PASS],
  read: readNothing,
});

export class SumCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** Are all the ANs right (1/11)? `fail`: at least one is not, or a coin is named twice. */
  detect(coins: readonly CoinKeys[], options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(detectSum(coins), options);
  }

  /**
   * Every AN becomes itself XOR the server's delta (1/21), if all are right. `deltas`: 400 bytes,
   * 16 for each server. To be saved before it is sent, as new ANs are.
   */
  pown(
    coins: readonly CoinKeys[],
    deltas: Uint8Array,
    options?: AskOptions<true>,
  ): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(pownSum(coins, wantBytes(deltas, KEYS_BYTES, 'deltas')), options);
  }
}
