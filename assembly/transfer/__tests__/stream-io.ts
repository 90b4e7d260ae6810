/** A host that writes and reads streams whose every byte follows from number and offset. */
import { consumed, nextReadable, readAt, readOffset } from "../receive-side";
import { roomAt, writeRoom, written } from "../send-side";
import { Stream } from "../stream";

export function byteAt(number: u32, offset: u64): u8 {
  return <u8>(offset * 31 + (offset >> 8) * 7 + number * 13 + 3);
}

/** Writes `length` bytes from `offset` on; how many found room. */
export function put(stream: usize, offset: u64, length: u32): u32 {
  const number = load<u16>(stream, Stream.NUMBER);
  let done: u32 = 0;
  while (done < length) {
    const bytes = writeRoom(stream, offset + done, length - done);
    if (bytes == 0) break;
    for (let i: u32 = 0; i < bytes; i++) store<u8>(roomAt + i, byteAt(number, offset + done + i));
    assert(written(stream, offset + done, bytes));
    done += bytes;
  }
  return done;
}

/** Takes what is next, looks at it, and keeps hold of it; how many bytes, of readOffset. */
export function look(stream: usize): u32 {
  const number = load<u16>(stream, Stream.NUMBER),
    bytes = nextReadable(stream);
  for (let i: u32 = 0; i < bytes; i++) {
    if (load<u8>(readAt + i) != byteAt(number, readOffset + i)) assert(false, "another byte");
  }
  return bytes;
}

/** Reads all there is and gives it back; how many bytes. */
export function take(stream: usize): u64 {
  const handle = load<u32>(stream, Stream.HANDLE);
  let sum: u64 = 0;
  for (let bytes = look(stream); bytes; bytes = look(stream)) {
    sum += bytes;
    assert(consumed(stream, readOffset, bytes));
    if (load<u32>(stream, Stream.HANDLE) != handle) break;
  }
  return sum;
}
