/** What of a stream the host could take now. */
import { coveredTo, rangeSum } from "./ranges";
import { hasFlag, Stream, StreamFlag } from "./stream";

/** Bytes that the host could take now. */
export function readableBytes(stream: usize): u64 {
  if (hasFlag(stream, StreamFlag.STOPPED | StreamFlag.PEER_RESET)) return 0;
  if (hasFlag(stream, StreamFlag.UNORDERED)) return rangeSum(stream + Stream.READY);
  const next = load<u64>(stream, Stream.HANDED);
  return coveredTo(stream + Stream.RECEIVED, next) - next;
}
