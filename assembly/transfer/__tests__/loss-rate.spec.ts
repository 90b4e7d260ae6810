import { lossesForSure, noteArrived, noteLost } from "../loss-rate";
import { configureTransfer } from "./configured";
import { a, eachTestHasTwoEnds } from "./stream-pair";

configureTransfer(2);
eachTestHasTwoEnds();

describe("losses that are no chance", () => {
  test("are many on a way of which nothing is known, few on one that loses nothing", () => {
    expect(lossesForSure(a)).toBe(18);
    for (let i = 0; i < 14; i++) noteArrived(a);
    expect(lossesForSure(a)).toBe(5, "2^-20 is 1/16 to the fifth");
    for (let i = 0; i < 100000; i++) noteArrived(a);
    expect(lossesForSure(a)).toBeLessThan(5);
    expect(lossesForSure(a)).toBeGreaterThan(2, "what is known is of the last 128 packets");
  });

  test("are more where more is lost, and what was long ago counts little", () => {
    for (let i = 0; i < 1000; i++) noteArrived(a);
    for (let i = 0; i < 300; i++) {
      noteLost(a);
      noteArrived(a);
      noteArrived(a);
      noteArrived(a);
    }
    const quarter = lossesForSure(a);
    expect(quarter).toBeGreaterThan(9);
    expect(quarter).toBeLessThan(13);
    for (let i = 0; i < 1000; i++) noteLost(a);
    expect(lossesForSure(a)).toBe(18, "more are never asked for");
    for (let i = 0; i < 1000; i++) noteArrived(a);
    expect(lossesForSure(a)).toBeLessThan(5);
  });
});
