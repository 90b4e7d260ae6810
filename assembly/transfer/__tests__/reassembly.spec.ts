import { FrameType } from "../../core/transfer";
import { setUnordered } from "../receive-side";
import { findStream } from "../stream-table";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import { dropEvents, endEnd, forge, handle, isClean, newEnd } from "./stream-ends";
import { byteAt, take } from "./stream-io";

configureTransfer();

/** Pieces that overlap, and one that is all of the middle. */
const FROM: u32[] = [16000, 16100, 16200, 16300, 16384, 16450, 16150];
const TO: u32[] = [16110, 16210, 16384, 16390, 16500, 16600, 16460];
const PIECES = FROM.length;

/** Gives piece `i`, moved down by `base`, to stream 1; `odd` is what its bytes are off by. */
function give(session: usize, i: i32, base: u32, odd: u8): void {
  const frame = forge(FrameType.DATA, 0, 1, FROM[i] - base, TO[i] - FROM[i]);
  for (let at = FROM[i]; at < TO[i]; at++) {
    store<u8>(frame + 28 + (at - FROM[i]), byteAt(1, at - base) + odd);
  }
  assert(handle(session, frame, 0) == Handled.OK);
}

/** In order they begin at the stream's first byte; else they lie over the border of a block. */
function all(order: i32[], unordered: bool): void {
  const session = newEnd(false);
  assert(handle(session, forge(FrameType.STREAM_OPEN, 0, 1, 0, 8), 0) == Handled.OK);
  const stream = findStream(session, 1);
  if (unordered) setUnordered(stream);
  const base: u32 = unordered ? 0 : 16000;
  let sum: u64 = 0;
  for (let i = 0; i < PIECES; i++) {
    give(session, order[i], base, 0);
    // What came before and comes again in other bytes changes nothing.
    give(session, order[i], base, 1);
    if (order[i] & 1) sum += take(stream);
  }
  sum += take(stream);
  if (sum != 600) expect(sum).toBe(600);
  endEnd(session);
  dropEvents();
}

describe("bytes of a stream", () => {
  test("are the same whatever the order they come in", () => {
    const order: i32[] = [],
      turns: i32[] = [];
    for (let i = 0; i < PIECES; i++) {
      order.push(i);
      turns.push(0);
    }
    all(order, false);
    // Heap's algorithm: every permutation once.
    let i = 1,
      permutations = 1;
    while (i < PIECES) {
      if (turns[i] < i) {
        const other = i & 1 ? turns[i] : 0,
          kept = order[other];
        order[other] = order[i];
        order[i] = kept;
        all(order, (permutations & 1) == 1);
        permutations++;
        turns[i]++;
        i = 1;
      } else turns[i++] = 0;
    }
    expect(permutations).toBe(5040);
    expect(isClean()).toBe(true);
  });
});
