/**
 * Reads the engine's locker index out of its memory and checks every link of it on the way; offsets
 * as assembly/raida/lockers.ts lays them out. Web-standard only.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Control, Region } from '@andvari/host-common/engine/generated/layout';
import { CONFIG_WORDS } from '@andvari/host-common/engine/generated/limits';
import { coinValue, hexOf } from './derived-store.ts';

/** Behind the configuration words stands the table of regions; rows of entries and nodes in it. */
const CONFIG_BYTES = 4 * CONFIG_WORDS;
const ENTRIES_ROW = 11;
const NODES_ROW = 12;
const ENTRY_BYTES = 64;
const NODE_BYTES = 24;
/** Words of the control line. */
const COINS = 16;
const OPENED_ENTRIES = 32;
/** First and last offer of each coin type. */
const OFFERS = 36;
const COIN_TYPES = 3;
/** Words of an entry. */
const FIRST = 16;
const LAST = 20;
const COUNT = 24;
const VALUE = 40;
const NEXT_OFFER = 48;
const TYPE_AT = 13;
/** Words of a node. */
const NODE_COIN = 4;
const NODE_NEXT = 8;
const NODE_PREVIOUS = 12;

/** Coins of every locker by its key (hex), in their order. Throws when a link is wrong. */
export function walkLockers(engine: Engine): Map<string, number[]> {
  const word = (at: number) => engine.u32[at >>> 2] ?? 0;
  const table = engine.exports.configBlock() + CONFIG_BYTES;
  const entries = word(table + 4 * ENTRIES_ROW);
  const nodes = word(table + 4 * NODES_ROW);
  const line = engine.region(Region.CONTROL) + Control.LOCKERS;
  const lockers = new Map<string, number[]>();
  let coinsInAll = 0;
  const trades = new Set<number>();
  for (let index = 1; index <= word(line + OPENED_ENTRIES); index++) {
    const entry = entries + (index - 1) * ENTRY_BYTES;
    const count = word(entry + COUNT);
    if (count === 0) continue;
    const key = hexOf(engine.u8.slice(entry, entry + 16));
    if (key.endsWith('eeee')) trades.add(index);
    const { coins, value } = coinsOf(word, { entry, nodes, index });
    const told = BigInt(word(entry + VALUE)) + (BigInt(word(entry + VALUE + 4)) << 32n);
    if (coins.length !== count) throw new Error(`locker ${key}: ${coins.length} of ${count} coins`);
    if (value !== told) throw new Error(`locker ${key}: value ${told} for ${value}`);
    if (lockers.has(key)) throw new Error(`locker ${key}: twice in the index`);
    lockers.set(key, coins);
    coinsInAll += count;
  }
  if (coinsInAll !== word(line + COINS)) throw new Error(`${word(line + COINS)} coins counted`);
  for (let type = 0; type < COIN_TYPES; type++) {
    for (let index = word(line + OFFERS + 8 * type); index; ) {
      const entry = entries + (index - 1) * ENTRY_BYTES;
      const belongs = trades.delete(index) && engine.u8[entry + TYPE_AT] === type;
      if (!belongs) throw new Error(`offers of type ${type}: entry ${index} does not belong there`);
      index = word(entry + NEXT_OFFER);
    }
  }
  if (trades.size) throw new Error(`lists of offers: ${trades.size} are missing`);
  return lockers;
}

function coinsOf(
  word: (at: number) => number,
  of: { entry: number; nodes: number; index: number },
): { coins: number[]; value: bigint } {
  const coins: number[] = [];
  let value = 0n;
  let before = 0;
  for (let node = word(of.entry + FIRST); node; ) {
    const at = of.nodes + (node - 1) * NODE_BYTES;
    const coin = word(at + NODE_COIN);
    if (word(at) !== of.index) throw new Error(`node ${node}: of another locker`);
    if (word(at + NODE_PREVIOUS) !== before) throw new Error(`node ${node}: wrong link back`);
    coins.push(coin);
    value += coinValue(coin >>> 20);
    before = node;
    node = word(at + NODE_NEXT);
  }
  if (word(of.entry + LAST) !== before) throw new Error(`entry ${of.index}: wrong last node`);
  return { coins, value };
}
