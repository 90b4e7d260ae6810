import { Wire } from "../../core/layout";
import { TICKET_META, TICKET_META_BYTES } from "../../core/memory";
import { Status } from "../../core/status";
import { GUARD } from "../../crypto/__tests__/bytes";
import * as tickets from "../tickets";
import { startNode } from "./node";

startNode(Wire.LEGACY, false);

const LIFE: u64 = 300000000;
const GUARD_LIFE: u64 = 600000000;
const START: u64 = 1795219200000000;
/** Client addresses. */
const HOME: u32 = 0x7f000001;
const AWAY: u32 = 0x0a000001;

/** Forgets all tickets and locks. */
function empty(): void {
  memory.fill(TICKET_META, 0, 4 * TICKET_META_BYTES);
}

/** A ticket made at `now`; its address, or 0. */
function open(number: u32, position: u64, now: u64): usize {
  const ticket = tickets.reserveTicket(now, HOME);
  if (ticket) tickets.openTicket(ticket, number, 1, position, now);
  return ticket;
}

/** Is the ticket alive? It is let go at once. */
function found(number: u32, now: u64): bool {
  const ticket = tickets.findTicket(number, now);
  if (ticket) tickets.releaseTicket(ticket);
  return ticket !== 0;
}

/** Slots whose lock is held. */
function locked(): u32 {
  let count: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    if (load<u32>(TICKET_META + i * TICKET_META_BYTES) !== 0) count++;
  }
  return count;
}

describe("a ticket", () => {
  test("is reserved, filled and found by its number", () => {
    empty();
    const ticket = tickets.reserveTicket(START, HOME);
    expect(locked()).toBe(1);
    expect(found(0, START)).toBe(false, "a free slot is no ticket 0");
    memory.fill(tickets.ticketCoins(ticket), GUARD, 5);
    tickets.openTicket(ticket, 77, 1, 5, START);
    expect(locked()).toBe(0);
    expect(tickets.findTicket(77, START)).toBe(ticket);
    expect(locked()).toBe(1, "it is held until it is released");
    expect(tickets.ticketNumber(ticket)).toBe(77);
    expect(tickets.ticketCoinCount(ticket)).toBe(1);
    expect(tickets.ticketPosition(ticket)).toBe(5);
    expect(load<u8>(tickets.ticketCoins(ticket), 4)).toBe(GUARD);
    tickets.releaseTicket(ticket);
    expect(found(78, START)).toBe(false);
    expect(locked()).toBe(0);
  });

  test("has room of its own for 4096 coins", () => {
    empty();
    const first = tickets.reserveTicket(START, HOME);
    const second = tickets.reserveTicket(START, HOME);
    expect(tickets.ticketCoins(second) - tickets.ticketCoins(first)).toBe(
      13 * 4096,
      "coins and hashes of their ANs",
    );
  });

  test("that was reserved and not opened leaves its slot free", () => {
    empty();
    tickets.releaseTicket(tickets.reserveTicket(START, HOME));
    for (let i: u32 = 1; i <= 4; i++) expect(open(i, 0, START)).not.toBe(0);
    expect(open(5, 0, START)).toBe(0);
  });
});

describe("the life of a ticket", () => {
  test("is 300 seconds to the microsecond", () => {
    empty();
    open(1, 0, START);
    expect(found(1, START + LIFE)).toBe(true);
    expect(found(1, START + LIFE + 1)).toBe(false);
  });

  test("guards its coins for 600 seconds, if nobody needs the slot", () => {
    empty();
    const ticket = open(1, 0, START);
    expect(tickets.takeGuarding(0, START + GUARD_LIFE)).toBe(ticket);
    tickets.releaseTicket(ticket);
    expect(tickets.takeGuarding(0, START + GUARD_LIFE + 1)).toBe(0);
    expect(tickets.takeGuarding(1, START)).toBe(0, "a free slot");
    expect(open(2, 0, START + LIFE + 1)).not.toBe(ticket, "there are others");
    expect(locked()).toBe(0);
  });

  test("ends when the clock goes back", () => {
    empty();
    open(1, 0, START);
    expect(found(1, START - 1)).toBe(true, "another worker's clock is behind");
    expect(found(1, START - LIFE)).toBe(true);
    expect(found(1, START - LIFE - 1)).toBe(false);
  });

  test("frees its slot for another when the pool is full", () => {
    empty();
    for (let i: u32 = 1; i <= 4; i++) open(i, 0, START + i);
    expect(open(5, 0, START + LIFE + 1)).toBe(0);
    expect(open(5, 0, START + LIFE + 2)).toBe(TICKET_META, "the oldest has expired");
    expect(found(1, START + LIFE + 2)).toBe(false);
    expect(found(2, START + LIFE + 2)).toBe(true);
    expect(found(5, START + LIFE + 2)).toBe(true);
  });

  test("is swept, but for a ticket that someone holds", () => {
    empty();
    open(1, 0, START);
    open(2, 0, START);
    open(3, 0, START + 9);
    const held = tickets.findTicket(2, START);
    tickets.sweepTickets(START + GUARD_LIFE + 1);
    expect(load<u32>(TICKET_META, 4)).toBe(0);
    expect(tickets.ticketNumber(held)).toBe(2);
    expect(tickets.ticketNumber(TICKET_META + 2 * TICKET_META_BYTES)).toBe(3);
    expect(locked()).toBe(1);
    tickets.releaseTicket(held);
    tickets.sweepTickets(START + GUARD_LIFE + 1);
    expect(tickets.ticketNumber(held)).toBe(0);
  });

  test("does not end while someone else asks for a slot and holds it", () => {
    empty();
    for (let i: u32 = 1; i <= 4; i++) open(i, 0, START);
    for (let i: u32 = 1; i <= 3; i++) tickets.findTicket(i, START);
    expect(open(9, 0, START + LIFE + 1)).toBe(TICKET_META + 3 * TICKET_META_BYTES);
    expect(open(10, 0, START + LIFE + 1)).toBe(0);
  });
});

describe("a full pool", () => {
  test("gives a newcomer the oldest slot of the address that holds the most", () => {
    empty();
    for (let i: u32 = 1; i <= 4; i++) open(i, 0, START + i);
    const ticket = tickets.reserveTicket(START + 5, AWAY);
    expect(ticket).toBe(TICKET_META);
    tickets.openTicket(ticket, 5, 1, 0, START + 5);
    expect(found(1, START + 5)).toBe(false);
    expect(found(5, START + 5)).toBe(true);
  });

  test("shares out no further than to holdings of one size", () => {
    empty();
    for (let i: u32 = 1; i <= 4; i++) open(i, 0, START + i);
    tickets.openTicket(tickets.reserveTicket(START, AWAY), 5, 1, 0, START);
    tickets.openTicket(tickets.reserveTicket(START, AWAY), 6, 1, 0, START);
    expect(tickets.reserveTicket(START, AWAY)).toBe(0, "2 and 2");
    expect(tickets.reserveTicket(START, HOME)).toBe(0);
    expect(tickets.reserveTicket(START, 0x0a000002)).not.toBe(0);
    expect(locked()).toBe(1);
  });

  test("takes no slot that is held", () => {
    empty();
    for (let i: u32 = 1; i <= 4; i++) open(i, 0, START);
    for (let i: u32 = 1; i <= 3; i++) tickets.findTicket(i, START);
    expect(tickets.reserveTicket(START, AWAY)).toBe(TICKET_META + 3 * TICKET_META_BYTES);
    expect(tickets.reserveTicket(START, AWAY)).toBe(0);
  });
});

describe("a claim", () => {
  test("is one for each of 25 RAIDA", () => {
    empty();
    const ticket = open(1, 0, START);
    for (let raida: u32 = 0; raida < 25; raida++) {
      expect(tickets.claimable(ticket, raida)).toBe(Status.SUCCESS);
      expect(tickets.claimable(ticket, raida)).toBe(Status.SUCCESS, "asking claims nothing");
      tickets.claim(ticket, raida);
      expect(tickets.claimable(ticket, raida)).toBe(Status.TICKET_CLAIMED_ALREADY);
    }
    expect(tickets.claimable(ticket, 25)).toBe(Status.WRONG_RAIDA);
    expect(tickets.claimable(ticket, 32)).toBe(Status.WRONG_RAIDA, "not RAIDA 0 again");
    expect(tickets.claimable(ticket, 255)).toBe(Status.WRONG_RAIDA);
  });

  test("wants a ticket, and a RAIDA before that", () => {
    expect(tickets.claimable(0, 3)).toBe(Status.NO_TICKET_FOUND);
    expect(tickets.claimable(0, 25)).toBe(Status.WRONG_RAIDA);
  });

  test("is not there when the slot is used again", () => {
    empty();
    const ticket = open(1, 0, START);
    tickets.claim(ticket, 3);
    expect(open(2, 0, START)).not.toBe(ticket);
    tickets.sweepTickets(START + GUARD_LIFE + 1);
    expect(open(3, 0, START + GUARD_LIFE + 1)).toBe(ticket);
    expect(tickets.claimable(ticket, 3)).toBe(Status.SUCCESS);
  });
});

describe("after a rollback", () => {
  test("tickets that rest on what was undone are gone, the others stay", () => {
    empty();
    open(1, 10, START);
    open(2, 11, START);
    open(3, 0x100000000, START);
    tickets.dropTicketsSince(10);
    expect(found(1, START)).toBe(true);
    expect(found(2, START)).toBe(false);
    expect(found(3, START)).toBe(false);
  });
});
