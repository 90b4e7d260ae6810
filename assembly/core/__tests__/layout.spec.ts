import { Client } from "../client";
import * as layout from "../layout";
import { Control, Descriptor, Effect, Journal, Page, Ring } from "../layout";

/** Places taken in a record, a bit for each of its first 64 four-byte words. */
let taken: u64 = 0;
let clashes = 0;

function begin(): void {
  taken = 0;
  clashes = 0;
}

/** `bytes` bytes at `offset`, on a word boundary and free until now. */
function field(offset: i32, bytes: i32): void {
  if (offset & 3) clashes++;
  for (let at = offset >> 2; at < (offset + bytes) >> 2; at++) {
    if (taken & ((<u64>1) << (<u64>at))) clashes++;
    taken |= (<u64>1) << (<u64>at);
  }
}

describe("no two fields share a place:", () => {
  test("descriptor and effect, in an entry of 64 bytes", () => {
    begin();
    field(Descriptor.FRAME, 4);
    field(Descriptor.OFFSET, 4);
    field(Descriptor.LENGTH, 4);
    field(Descriptor.PEER, 4);
    field(Descriptor.FLAGS, 4);
    field(Descriptor.STATUS, 4);
    field(Descriptor.POSITION, 8);
    field(Descriptor.ARRIVAL, 8);
    field(Descriptor.KIND, 4);
    field(Descriptor.SERIAL, 4);
    field(Descriptor.EXECUTION, 4);
    expect(taken >> 16).toBe(0);
    expect((Descriptor.POSITION | Descriptor.ARRIVAL) & 7).toBe(0, "on 8 bytes");
    begin();
    field(Effect.KIND, 4);
    field(Effect.OFFSET, 4);
    field(Effect.KEY, 4);
    field(Effect.SLOT, 4);
    expect(clashes).toBe(0);
    expect(Ring.ENTRY_BYTES).toBe(64);
    expect(Ring.TAIL - Ring.HEAD).toBe(64, "a cache line each");
  });

  test("page entry", () => {
    begin();
    field(Page.LOCK, 4);
    field(Page.KEY, 4);
    field(Page.POSITION, 8);
    field(Page.STATE, 4);
    field(Page.PINS, 4);
    field(Page.RECENT, 4);
    field(Page.PINNED, 4);
    field(Page.CHANGED, 4);
    expect(clashes).toBe(0);
    expect(taken >> (Page.BYTES >> 2)).toBe(0);
    expect(Page.LOCK).toBe(0, "coins.ts locks the entry itself");
  });

  test("journal records: a coin's and a head's", () => {
    begin();
    field(Journal.KIND, 4);
    field(Journal.SERIAL, 4);
    field(Journal.OLD_AN, 16);
    field(Journal.NEW_AN, 16);
    field(Journal.PUBLISHED, 8);
    expect(clashes).toBe(0);
    expect(taken).toBe(((<u64>1) << (Journal.RECORD_BYTES >> 2)) - 1, "every word");
    expect(Journal.SIZE).toBe(Journal.PUBLISHED + 4);
    expect(Journal.OLD_MFS + Journal.NEW_MFS + Journal.DENOMINATION).toBe(1 + 2 + 3);
  });

  test("control words, a line of 64 bytes each", () => {
    begin();
    field(Control.HEAD >> 4, 4);
    field(Control.COMMITTED >> 4, 4);
    field(Control.LOADS >> 4, 4);
    field(Control.CLOCK_HAND >> 4, 4);
    field(Control.PIN_TOKEN >> 4, 4);
    field(Control.ALLOCATION >> 4, 4);
    field(Control.STOP >> 4, 4);
    expect(clashes).toBe(0);
    expect(taken & 1).toBe(0, "the first line says that the memory is configured");
  });

  test("client block", () => {
    begin();
    for (let at: i32 = Client.WIRE; at <= Client.NO_BODY; at += 4) field(at, 4);
    field(Client.KEY, 16);
    field(Client.KEY_2, 16);
    field(Client.NONCE, 24);
    field(Client.CHALLENGE, 16);
    field(Client.OUT_OFFSET, 4);
    field(Client.OUT_LENGTH, 4);
    field(Client.OUT_STATUS, 4);
    field(Client.OUT_EXECUTION, 4);
    expect(clashes).toBe(0);
    expect(Client.OUT_EXECUTION).toBeLessThan(Client.BYTES);
    expect(Client.KEY & 15).toBe(0);
  });
});

describe("flags", () => {
  test("are bits of their own", () => {
    const flags = [1, 2, 4, 8, 16];
    expect(layout.Flag.DATAGRAM).toBe(flags[0]);
    expect(layout.Flag.LOCAL).toBe(flags[1]);
    expect(layout.Flag.SILENT).toBe(flags[2]);
    expect(layout.Flag.REPLY_FRAME).toBe(flags[3]);
    expect(layout.Flag.IPV6).toBe(flags[4]);
  });
});
