import { Status } from "../status";

describe("statuses", () => {
  // Reference: RAIDA section 6. The numbers are the wire's; none may ever move.
  test("of a refused header and body", () => {
    expect(Status.INVALID_SPLIT_ID).toBe(2);
    expect(Status.INVALID_RAIDA_ID).toBe(3);
    expect(Status.INVALID_SHARD_ID).toBe(4);
    expect(Status.INVALID_COMMAND_GROUP).toBe(5);
    expect(Status.INVALID_COMMAND).toBe(6);
    expect(Status.INVALID_COIN_ID).toBe(7);
    expect(Status.INVALID_PACKET_LENGTH).toBe(16);
    expect(Status.ENCRYPTION_COIN_NOT_FOUND).toBe(25);
    expect(Status.INVALID_ENCRYPTION_CODE).toBe(27);
    expect(Status.INVALID_EOF).toBe(33);
    expect(Status.INVALID_ENCRYPTION).toBe(34);
    expect(Status.INVALID_CRC).toBe(37);
    expect(Status.INVALID_HMAC).toBe(204);
    expect(Status.INVALID_ROUTING).toBe(255);
  });

  test("of commands", () => {
    expect(Status.WRONG_RAIDA).toBe(18);
    expect(Status.EMPTY_REQUEST).toBe(36);
    expect(Status.ADMIN_AUTH).toBe(38);
    expect(Status.COINS_NOT_DIVISIBLE).toBe(39);
    expect(Status.INVALID_SN_OR_DENOMINATION).toBe(40);
    expect(Status.NO_TICKET_SLOT).toBe(42);
    expect(Status.NO_TICKET_FOUND).toBe(43);
    expect(Status.TICKET_CLAIMED_ALREADY).toBe(44);
    expect(Status.TOO_MANY_COINS).toBe(45);
    expect(Status.LEGACY_DB).toBe(48);
    expect(Status.FIND_NEITHER).toBe(208);
    expect(Status.FIND_ALL_AN).toBe(209);
    expect(Status.FIND_ALL_PAN).toBe(210);
    expect(Status.FIND_MIXED).toBe(211);
    expect(Status.ALL_PASS).toBe(241);
    expect(Status.ALL_FAIL).toBe(242);
    expect(Status.MIXED).toBe(243);
    expect(Status.SUCCESS).toBe(250);
    expect(Status.INTERNAL).toBe(252);
  });

  test("that never leave the machine do not fit the wire's byte", () => {
    expect(Status.BAD_CONFIGURATION).toBe(256);
    expect(Status.MEMORY_TOO_SMALL).toBe(257);
    expect(Status.WRONG_STATE).toBe(258);
    expect(Status.INVALID_ARGUMENT).toBe(259);
    expect(Status.REPLY_SIZE).toBe(260);
    expect(Status.REPLY_RAIDA).toBe(261);
    expect(Status.REPLY_ECHO).toBe(262);
    expect(Status.REPLY_CHALLENGE).toBe(263);
    expect(Status.REPLY_TRAILER).toBe(264);
    expect(Status.REPLY_HMAC).toBe(265);
    expect(Status.REPLY_NONCE).toBe(266);
    expect(Status.REQUEST_INVALID).toBe(267);
  });
});
