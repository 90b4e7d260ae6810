/**
 * What the other servers say of the coins that a fix names: a server votes for a coin when the list
 * of its ticket names it, however often. Linear in both lists. Reference: RAIDA section 9.
 */
import { EffectStatus } from "../../core/layout";
import { COINS_PER_LIST_MAX, PAGE_RECORDS, RAIDA_COUNT, VOTE_BYTES } from "../../core/limits";
import { SEEN } from "../../core/memory";
import { Status } from "../../core/status";
import { NO_PAGE } from "../coins";
import * as effects from "../effects";
import { COIN_BYTES, keyAt, serialAt } from "../pages-of-request";

/** Answer of a server: wire status (u32), count (u32), coins. */
const COUNT: usize = 4;
const COINS: usize = 8;

/** All answers of ASK_SERVERS. */
export const ANSWERS_BYTES: u32 = RAIDA_COUNT * VOTE_BYTES;

/**
 * Writes the votes of `count` coins (5 bytes each, all on existing pages), a byte each, to `votes`:
 * the server's own, and one for each server that was asked (a bit each) and names the coin.
 */
export function countVotes(list: usize, count: u32, asked: u32, votes: usize): void {
  memory.fill(votes, 1, count);
  for (let raida: u32 = 0; raida < RAIDA_COUNT; raida++) {
    const named = asked & (1 << raida) ? coinsOf(raida) : 0;
    if (named == 0) continue;
    const coins = answerOf(raida) + COINS;
    mark(coins, named, true);
    for (let i: u32 = 0; i < count; i++) {
      const coin = list + <usize>i * COIN_BYTES;
      store<u8>(votes + i, load<u8>(votes + i) + u32(isMarked(coin)));
    }
    mark(coins, named, false);
  }
}

function answerOf(raida: u32): usize {
  return effects.result() + <usize>raida * VOTE_BYTES;
}

/** How many coins the answer names; 0 also when it is no answer, or is not all there. */
function coinsOf(raida: u32): u32 {
  const start = raida * VOTE_BYTES;
  if (effects.status != EffectStatus.OK || effects.bytes < start + <u32>COINS) return 0;
  const answer = answerOf(raida),
    named = load<u32>(answer, COUNT);
  if (load<u32>(answer) != Status.SUCCESS || named > COINS_PER_LIST_MAX) return 0;
  return effects.bytes < start + <u32>COINS + named * COIN_BYTES ? 0 : named;
}

/** Sets or clears the bits of those coins that lie on a page of this server. */
export function mark(coins: usize, count: u32, on: bool): void {
  for (; count; count--, coins += COIN_BYTES) {
    const key = keyAt(coins);
    if (key == NO_PAGE) continue;
    const word = wordOf(key, serialAt(coins)),
      bit: u32 = 1 << (serialAt(coins) & 31);
    store<u32>(word, on ? load<u32>(word) | bit : load<u32>(word) & ~bit);
  }
}

export function isMarked(coin: usize): bool {
  const serial = serialAt(coin);
  return ((load<u32>(wordOf(keyAt(coin), serial)) >>> (serial & 31)) & 1) != 0;
}

function wordOf(key: u32, serial: u32): usize {
  const number = key * PAGE_RECORDS + (serial & (PAGE_RECORDS - 1));
  return SEEN + ((<usize>(number >> 5)) << 2);
}
