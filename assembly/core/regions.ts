/** Where a host finds each region. */
import { CONTROL } from "./control";
import { Region } from "./layout";
import {
  CELLS,
  COUNTS,
  EFFECTS,
  FRAMES,
  HELD,
  IN_USE,
  JOURNAL,
  LARGE_FRAMES,
  MERKLE,
  PAGE_DATA,
  PAGE_INDEX,
  PAGE_META,
  PARKED,
  PEER,
  RANDOM,
  RATATOSKR,
  READY,
  READY_SLOTS,
  REPLY_FRAMES,
  REQUESTS,
  RX,
  regionsEnd,
  STATISTICS,
  TICKET_COINS,
  TICKET_META,
  TRANSFER,
} from "./memory";
import { CLIENT_BLOCK } from "./scratch";
import { TRANSFER_EVENTS } from "./transfer-memory";

/**
 * Start of a region (core/layout.ts, Region), for this instance's worker; 0: there is no such
 * region.
 */
export function regions(index: u32): usize {
  switch (index) {
    case Region.CONTROL:
      return CONTROL;
    case Region.PAGE_INDEX:
      return PAGE_INDEX;
    case Region.PAGE_META:
      return PAGE_META;
    case Region.PAGE_DATA:
      return PAGE_DATA;
    case Region.JOURNAL:
      return JOURNAL;
    case Region.COUNTS:
      return COUNTS;
    case Region.STATISTICS:
      return STATISTICS;
    case Region.TICKET_META:
      return TICKET_META;
    case Region.TICKET_COINS:
      return TICKET_COINS;
    case Region.RX:
      return RX;
    case Region.READY:
      return READY;
    case Region.HELD:
      return HELD;
    case Region.EFFECTS:
      return EFFECTS;
    case Region.PARKED:
      return PARKED;
    case Region.FRAMES:
      return FRAMES;
    case Region.LARGE_FRAMES:
      return LARGE_FRAMES;
    case Region.REPLY_FRAMES:
      return REPLY_FRAMES;
    case Region.RANDOM:
      return RANDOM;
    case Region.CLIENT_BLOCK:
      return CLIENT_BLOCK;
    case Region.IN_USE:
      return IN_USE;
    case Region.CELLS:
      return CELLS;
    case Region.MERKLE:
      return MERKLE;
    case Region.REQUESTS:
      return REQUESTS;
    case Region.READY_SLOTS:
      return READY_SLOTS;
    case Region.RATATOSKR:
      return RATATOSKR;
    case Region.TRANSFER:
      return TRANSFER;
    case Region.TRANSFER_EVENTS:
      return TRANSFER ? TRANSFER_EVENTS : 0;
    case Region.PEER:
      return PEER;
    case Region.END:
      return regionsEnd();
  }
  return 0;
}
