import { Wire } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  addCoin,
  addFalseCoin,
  addTrueCoin,
  ask,
  begin,
} from "../../__tests__/message";
import {
  anOf,
  reply,
  replyLength,
  startNode,
} from "../../__tests__/node";

startNode(Wire.LEGACY, false);

describe("detect", () => {
  test("x", () => {
    begin(0, 1, 10);
    addTrueCoin(0, 5);
    expect(ask()).toBe(241);
    expect(toHex(reply, replyLength)).toBe("");
  });
});
