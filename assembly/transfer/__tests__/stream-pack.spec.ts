import { CloseError, Compression, FrameFlag, FrameHead, FrameType } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { fromHex, pseudoRandom, seed } from "../../crypto/__tests__/bytes";
import { checkPayload } from "../payload";
import { giveEntry, takeEntry } from "../pool";
import { consumed, nextReadable, readAt, readOffset, setUnordered } from "../receive-side";
import { finishStream, roomAt, writeRoom, written } from "../send-side";
import { Head } from "../session-head";
import { hasFlag, Part, partOf, Stream, StreamFlag, setFlag, streamOf } from "../stream";
import { openStream } from "../stream-open";
import { findStream } from "../stream-table";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  arrive,
  exchange,
  forge,
  frameOf,
  handle,
  lengthOf,
  lose,
  offsetOf,
  send,
} from "./stream-ends";
import { closes, opens } from "./stream-frames";
import { put, take } from "./stream-io";
import { a, b, eachTestHasTwoEnds } from "./stream-pair";

configureTransfer(2, 1024);
eachTestHasTwoEnds();

function flagsOf(packet: u32): u32 {
  return load<u8>(frameOf(packet), FrameHead.FLAGS);
}

/** A stream of a's whose bytes go packed, open on both sides. */
function opened(): usize {
  const stream = streamOf(openStream(a, 0, 128, false, 0, 0));
  setFlag(stream, StreamFlag.PACKS);
  exchange(a, b);
  return stream;
}

/** Writes bytes that nothing is like. */
function putRandom(stream: usize, offset: u64, length: u32): void {
  for (let done: u32 = 0; done < length; ) {
    const bytes = writeRoom(stream, offset + done, length - done);
    assert(bytes != 0);
    pseudoRandom(roomAt, bytes);
    assert(written(stream, offset + done, bytes));
    done += bytes;
  }
}

describe("a stream that packs", () => {
  test("has more bytes in a frame than there is room for, and the limits count them all", () => {
    const stream = opened();
    expect(put(stream, 0, 60000)).toBe(60000);
    finishStream(stream);
    let frames: u32 = 0,
      wire: u32 = 0,
      next: u64 = 0;
    for (; send(a, 0); frames++) {
      if (load<u8>(frameOf(0), FrameHead.TYPE) == FrameType.DATA) {
        expect(offsetOf(0)).toBe(next);
        expect((flagsOf(0) & FrameFlag.CMP) != 0).toBe(true);
        next = load<u64>(stream, Stream.SENT_SUM);
        expect((flagsOf(0) & FrameFlag.FIN) != 0).toBe(next == 60000, "FIN on the last");
      }
      wire += lengthOf(0);
      expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    }
    expect(wire < 20000).toBe(true);
    expect(frames < 20).toBe(true);
    expect(load<u64>(partOf(a), Part.SENT_SUM)).toBe(60000);
    expect(load<u64>(partOf(b), Part.RECEIVED_SUM)).toBe(60000);
    expect(take(findStream(b, 1))).toBe(60000);
    exchange(b, a);
  });

  test("sends no more than it is let, and no frame reaches over more than two blocks", () => {
    const stream = opened();
    put(stream, 0, 80000);
    let packet: u32 = 0,
      next: u64 = 0;
    for (; send(a, packet); packet++) {
      const sum = load<u64>(stream, Stream.SENT_SUM);
      expect(sum - next <= 16384).toBe(true);
      next = sum;
    }
    expect(next).toBe(65536);
    for (let i: u32 = 0; i < packet; i++) expect(arrive(a, b, i, 0)).toBe(Handled.OK);
    expect(take(findStream(b, 1))).toBe(65536);
    exchange(a, b);
    expect(take(findStream(b, 1))).toBe(80000 - 65536);
    finishStream(stream);
    exchange(a, b);
  });

  test("sends what was lost again, cut anew", () => {
    const stream = opened();
    put(stream, 0, 50000);
    let packets: u32 = 0;
    while (send(a, packets)) packets++;
    // The second half comes, the last first; one of the others too, and twice.
    const half = packets >> 1;
    for (let i = packets; i > half; i--) expect(arrive(a, b, i - 1, 0)).toBe(Handled.OK);
    expect(arrive(a, b, 1, 0)).toBe(Handled.OK);
    expect(arrive(a, b, 1, 0)).toBe(Handled.OK);
    for (let i: u32 = 0; i < half; i++) lose(a, i);
    let again: u32 = 0;
    for (; send(a, packets); again++) {
      if (again == 0) expect((flagsOf(packets) & FrameFlag.CMP) != 0).toBe(true);
      expect(arrive(a, b, packets, 0)).toBe(Handled.OK);
    }
    expect(again > 0 && again <= half).toBe(true);
    expect(load<u64>(partOf(a), Part.SENT_SUM)).toBe(50000, "once");
    expect(take(findStream(b, 1))).toBe(50000);
    finishStream(stream);
    exchange(a, b);
  });

  test("tries seldom where nothing is gained, and goes on when something is", () => {
    seed(7);
    const stream = opened();
    putRandom(stream, 0, 60000);
    let tries: u32 = 0,
      frames: u32 = 0;
    while (send(a, 0)) {
      expect(flagsOf(0) & FrameFlag.CMP).toBe(0);
      expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
      const skips: u32 = load<u8>(stream, Stream.PACK_SKIPS),
        inVain: u32 = load<u8>(stream, Stream.PACKED_IN_VAIN);
      if (skips == (1 << inVain) - 1) tries++;
      frames++;
    }
    expect(frames).toBe(52);
    expect(tries).toBe(5, "of the frames 0, 2, 6, 14, 30");
    let read: u64 = 0;
    for (
      let bytes = nextReadable(findStream(b, 1));
      bytes;
      bytes = nextReadable(findStream(b, 1))
    ) {
      expect(readOffset).toBe(read);
      expect(readAt != 0).toBe(true);
      read += bytes;
    }
    expect(read).toBe(60000);
    exchange(b, a);
    // Nothing but what lies there was read: the rest of the test writes behind it.
    expect(put(stream, 60000, 5536)).toBe(5536);
    let packed = false;
    store<u8>(stream, 2, Stream.PACK_SKIPS);
    while (send(a, 0)) {
      packed = packed || (flagsOf(0) & FrameFlag.CMP) != 0;
      expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    }
    expect(packed).toBe(true);
    expect(load<u8>(stream, Stream.PACKED_IN_VAIN)).toBe(0);
  });

  test("does not try what is short, and does not count it", () => {
    const stream = opened();
    for (let i: u32 = 0; i < 10; i++) {
      put(stream, 63 * i, 63);
      expect(send(a, 0)).toBe(28 + 63);
      expect(flagsOf(0) & FrameFlag.CMP).toBe(0);
      expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    }
    expect(load<u8>(stream, Stream.PACKED_IN_VAIN)).toBe(0);
    take(findStream(b, 1));
    exchange(a, b);
  });

  test("is one that was asked for; others do not", () => {
    const stream = streamOf(openStream(a, 0, 128, false, 0, 0));
    expect(hasFlag(stream, StreamFlag.PACKS)).toBe(false);
    exchange(a, b);
    put(stream, 0, 5000);
    while (send(a, 0)) {
      expect(flagsOf(0) & FrameFlag.CMP).toBe(0);
      arrive(a, b, 0, 0);
    }
    take(findStream(b, 1));
    exchange(a, b);
  });
});

describe("CMP", () => {
  test("is not well-formed where both know of obfuscation Full; else it is taken", () => {
    expect(handle(b, opens(1), 0)).toBe(Handled.OK);
    const frame = forge(FrameType.DATA, FrameFlag.CMP, 1, 0, 11);
    memory.copy(frame + 28, fromHex("4861626364040030" + "78797a"), 11);
    store<u8>(b, Compression.NONE, Head.COMPRESSION);
    expect(handle(b, frame, 0)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING);
    store<u8>(b, Compression.RECEIVED, Head.COMPRESSION);
    expect(handle(b, frame, 0)).toBe(Handled.OK);
    store<u8>(b, Compression.BOTH_WAYS, Head.COMPRESSION);
    expect(handle(b, frame, 0)).toBe(Handled.OK, "again");
    expect(handle(b, closes(1, 19), 0)).toBe(Handled.OK);
    expect(nextReadable(findStream(b, 1))).toBe(19);
  });

  test("behind a hash covers the data alone", () => {
    expect(handle(b, opens(1), 0)).toBe(Handled.OK);
    const frame = forge(FrameType.DATA, FrameFlag.CMP | FrameFlag.SYN, 1, 0, 27);
    memory.copy(frame + 44, fromHex("4861626364040030" + "78797a"), 11);
    expect(handle(b, frame, 0)).toBe(Handled.OK);
    expect(nextReadable(findStream(b, 1))).toBe(19);
    const bare = forge(FrameType.DATA, FrameFlag.CMP | FrameFlag.SYN, 1, 19, 16);
    expect(handle(b, bare, 0)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING, "no block");
  });

  test("of 64 KiB comes in by and by where only the stream's own block is left", () => {
    for (let unordered = 0; unordered < 2; unordered++) {
      const number = 1 + 2 * unordered;
      expect(handle(b, opens(number), 0)).toBe(Handled.OK);
      const stream = findStream(b, number);
      if (unordered) setUnordered(stream);
      const held: u32[] = [];
      for (let block = takeEntry(Pool.BLOCKS); block; block = takeEntry(Pool.BLOCKS)) {
        held.push(block);
      }
      // One literal, and a match of the rest: 65536 bytes.
      const frame = forge(FrameType.DATA, FrameFlag.CMP, number, 0, 262);
      memory.fill(frame + 28, 0xff, 262);
      memory.copy(frame + 28, fromHex("1f300100"), 4);
      store<u8>(frame, (65536 - 20) % 255, 28 + 260);
      store<u8>(frame, 0, 28 + 261);
      let times = 0,
        read: u64 = 0,
        handled: u32 = Handled.NO_ROOM;
      for (; handled == Handled.NO_ROOM && times < 9; times++) {
        handled = handle(b, frame, 0);
        for (let bytes = nextReadable(stream); bytes; bytes = nextReadable(stream)) {
          expect(load<u8>(readAt + bytes - 1)).toBe(48);
          read += bytes;
          consumed(stream, readOffset, bytes);
        }
      }
      expect(handled).toBe(Handled.OK);
      expect(times).toBe(4, "a block each time");
      expect(read).toBe(65536);
      for (let i = 0; i < held.length; i++) giveEntry(Pool.BLOCKS, held[i]);
      expect(handle(b, closes(number, 65536), 0)).toBe(Handled.OK);
    }
  });

  test("is for DATA, and for what extensions make of it", () => {
    const payload = fromHex("00000000" + "0000000000000000" + "00000000");
    for (let type: u32 = 1; type < 0x10; type++) {
      const lengths: u32[] = [0, 2, 3, 6, 8, 10, 11, 12, 16, 52];
      for (let i = 0; i < lengths.length; i++) {
        const fits = checkPayload(type, FrameFlag.CMP, payload, lengths[i]);
        expect(fits).toBe(type == FrameType.DATA);
      }
    }
    expect(checkPayload(FrameType.PING, 0, payload, 16)).toBe(true);
    expect(checkPayload(0x20, FrameFlag.CMP, payload, 4)).toBe(true);
  });
});
