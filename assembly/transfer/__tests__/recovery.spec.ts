import { mayCongestionSend } from "../bbr";
import { mtu, startMtu } from "../mtu";
import { onAckBlock, startRecovery } from "../recovery";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
describe("recovery", () => {
  test("compiles", () => {
    const session = bareSession();
    startMtu(session, false, 1472);
    startRecovery(session, 0);
    expect(mtu(session)).toBe(1252);
    expect(mayCongestionSend(session, 1252)).toBe(true);
    expect(onAckBlock(session, 0, session, 0)).toBe(256 + 5);
  });
});
