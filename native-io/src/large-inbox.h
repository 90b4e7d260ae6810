// Datagrams that are longer than a frame, between a backend and JavaScript.
#pragma once
#include <cstdint>
#include <memory>

#include "generated/border.h"

namespace andvari {

struct Bytes {
  const uint8_t* data;
  uint32_t length;
};

// What the engine is told of whoever sent a datagram.
struct Sender {
  uint32_t address;  // as Descriptor.ADDRESS
  uint32_t flags;    // Flag.LOCAL (loopback, also as IPv4 in IPv6 form) and Flag.IPV6
};

struct LargeDatagram {
  uint32_t peer;  // index of takePeer(), taken until it is answered
  uint32_t length;
  Sender sender;
};

// First in, first out; never allocates after the first datagram. The bytes lie outside the
// WebAssembly memory, because only the host knows which of its large frames is free.
class LargeInbox {
 public:
  // What a kernel buffer of 4 MiB can hold of the longest datagrams.
  static constexpr uint32_t kDatagramsMax = 64;

  uint32_t count() const { return count_; }
  bool isFull() const { return count_ == kDatagramsMax; }
  // False: full, or longer than a large frame.
  bool put(Bytes first, Bytes rest, const LargeDatagram& datagram);
  // The oldest; only when count() is not 0.
  const LargeDatagram& first() const { return entries_[tail_]; }
  const uint8_t* firstBytes() const { return bytes_.get() + tail_ * border::LARGE_FRAME_BYTES; }
  void drop();

 private:
  LargeDatagram entries_[kDatagramsMax];
  // Not initialized: a page of it costs memory only when a datagram has needed it.
  std::unique_ptr<uint8_t[]> bytes_;
  uint32_t tail_ = 0;
  uint32_t count_ = 0;
};

}  // namespace andvari
