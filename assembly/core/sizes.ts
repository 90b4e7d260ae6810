/**
 * Every configured size in itself and against the others; what this accepts can serve its largest
 * request.
 */
import { word } from "./control";
import { Config } from "./layout";
import {
  DENOMINATIONS,
  GROUP_RECORDS_MAX,
  JOURNAL_RECORDS_MAX,
  LOCKER_COINS_MAX,
  PAGES_PER_DENOMINATION_MAX,
  PARK_SLOTS_MAX,
  RAIDA_COUNT,
  REPLAY_ENTRIES_MAX,
  REPLY_FRAMES_MAX,
  REQUEST_PAGES_MAX,
  RING_ENTRIES_MAX,
  TICKETS_MAX,
  TRANSFER_BLOCKS_MAX,
  TRANSFER_CHUNKS_MAX,
  TRANSFER_RANGES_MAX,
  TRANSFER_SESSIONS_MAX,
  TRANSFER_STREAMS_MAX,
  WORKERS_MAX,
} from "./limits";

function powerOfTwo(value: u32, least: u32, most: u32): bool {
  return value >= least && value <= most && (value & (value - 1)) == 0;
}

export function sizesFit(): bool {
  const perDenomination = word(Config.PAGES_PER_DENOMINATION);
  if (word(Config.WORKERS) < 1 || word(Config.WORKERS) > WORKERS_MAX) return false;
  if (perDenomination < 1 || perDenomination > PAGES_PER_DENOMINATION_MAX) return false;
  const fit = pagesFit(DENOMINATIONS * perDenomination) && framesFit() && identityFits();
  return fit && messagesFit() && transferFits();
}

/** Indices of sessions, blocks and chunks fit 16 or 24 bits of a handle; rings are masked. */
function transferFits(): bool {
  if (word(Config.TRANSFER_SESSIONS) == 0) return true;
  if (word(Config.TRANSFER_SESSIONS) > TRANSFER_SESSIONS_MAX) return false;
  if (!between(Config.TRANSFER_STREAMS, TRANSFER_STREAMS_MAX)) return false;
  if (!between(Config.TRANSFER_SENT_CHUNKS, TRANSFER_CHUNKS_MAX)) return false;
  if (!between(Config.TRANSFER_KEY_CHUNKS, TRANSFER_CHUNKS_MAX)) return false;
  if (!between(Config.TRANSFER_BLOCKS, TRANSFER_BLOCKS_MAX)) return false;
  if (!between(Config.TRANSFER_RANGES, TRANSFER_RANGES_MAX)) return false;
  if (!between(Config.TRANSFER_MESSAGES, TRANSFER_CHUNKS_MAX)) return false;
  return powerOfTwo(word(Config.TRANSFER_EVENTS), 64, RING_ENTRIES_MAX);
}

function between(index: u32, most: u32): bool {
  return word(index) >= 1 && word(index) <= most;
}

/** A replay cache is asked through the block of the messages. */
function messagesFit(): bool {
  if (word(Config.PEER) > 1) return false;
  if (word(Config.RATATOSKR) > 1 || word(Config.REPLAY_ENTRIES) > REPLAY_ENTRIES_MAX) return false;
  return word(Config.REPLAY_ENTRIES) == 0 || word(Config.RATATOSKR) == 1;
}

function pagesFit(pages: u32): bool {
  if (word(Config.PAGE_SLOTS) > pages) return false;
  // One page more than a request's own, or two requests could evict each other for ever; key pages
  // are read and let go before.
  if (word(Config.PAGE_SLOTS) < min<u32>(pages, REQUEST_PAGES_MAX + 1)) return false;
  if (!powerOfTwo(word(Config.LOCKER_COINS), 16, LOCKER_COINS_MAX)) return false;
  return powerOfTwo(word(Config.JOURNAL_RECORDS), GROUP_RECORDS_MAX, JOURNAL_RECORDS_MAX);
}

function framesFit(): bool {
  if (!powerOfTwo(word(Config.RING_ENTRIES), 4, RING_ENTRIES_MAX)) return false;
  if (word(Config.PARK_SLOTS) < 1 || word(Config.PARK_SLOTS) > PARK_SLOTS_MAX) return false;
  if (word(Config.FRAMES) < 1 || word(Config.FRAMES) > RING_ENTRIES_MAX) return false;
  if (word(Config.LARGE_FRAMES) > RING_ENTRIES_MAX) return false;
  return word(Config.REPLY_FRAMES) <= REPLY_FRAMES_MAX;
}

function identityFits(): bool {
  if (word(Config.TICKETS) > TICKETS_MAX || word(Config.RAIDA_ID) >= RAIDA_COUNT) return false;
  if (word(Config.COIN_ID) > 0xffff || word(Config.BTC_CONFIRMATIONS) > 0xff) return false;
  return word(Config.WIRE) <= 1 && word(Config.MODERN) <= 1;
}
