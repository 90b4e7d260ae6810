#include "large-inbox.h"

#include <cstring>

namespace andvari {

bool LargeInbox::put(Bytes first, Bytes rest, const LargeDatagram& datagram) {
  const uint64_t length = uint64_t{first.length} + rest.length;
  if (isFull() || length > border::LARGE_FRAME_BYTES) return false;
  if (!bytes_) bytes_.reset(new uint8_t[uint64_t{kDatagramsMax} * border::LARGE_FRAME_BYTES]);
  const uint32_t index = (tail_ + count_) % kDatagramsMax;
  uint8_t* to = bytes_.get() + uint64_t{index} * border::LARGE_FRAME_BYTES;
  std::memcpy(to, first.data, first.length);
  if (rest.length) std::memcpy(to + first.length, rest.data, rest.length);
  entries_[index] = datagram;
  entries_[index].length = static_cast<uint32_t>(length);
  count_++;
  return true;
}

void LargeInbox::drop() {
  tail_ = (tail_ + 1) % kDatagramsMax;
  count_--;
}

}  // namespace andvari
