// Replies of one size to one receiver leave as one message, which the kernel cuts into datagrams
// when routing and filters are behind it (UDP_SEGMENT, "UDP GSO", Linux 4.18). It serves a client
// with many requests under way, and a file on its way to one peer.
#pragma once
#include <sys/socket.h>

#include <cstdint>

#include "udp-socket.h"

namespace andvari {

// Which replies make up one message: as many as have one receiver and one size; one more that is
// shorter may be the last.
class SegmentRun {
 public:
  // Datagrams of one message at the most (UDP_MAX_SEGMENTS of Linux before 6.9).
  static constexpr uint32_t kMost = 64;

  // `to` stays where it is while replies are added.
  void begin(const SocketAddress& to, uint32_t length);
  // True: the next reply is part of the message now.
  bool add(const SocketAddress& to, uint32_t length);
  uint32_t count() const { return count_; }
  uint32_t segmentBytes() const { return segmentBytes_; }

 private:
  const SocketAddress* to_ = nullptr;
  uint32_t segmentBytes_ = 0;
  uint32_t totalBytes_ = 0;
  uint32_t count_ = 0;
  bool full_ = false;
};

// udp.h of older C libraries has no name for it.
constexpr int kUdpSegment = 103;

struct ControlKind {
  int level, type;
};

// Adds a piece of control data behind those that the message has. Its buffer is aligned as a
// cmsghdr, and has room for CMSG_SPACE(bytes) more.
void appendControl(msghdr& message, ControlKind kind, const void* data, size_t bytes);

// The control data of a message of several datagrams. Lives as long as the message.
class SegmentControl {
 public:
  void attach(msghdr& message, uint32_t segmentBytes);

 private:
  alignas(cmsghdr) uint8_t bytes_[CMSG_SPACE(sizeof(uint16_t))];
};

// Whether the kernel knows of segments. One that does not would send the parts of a message as one
// long datagram, so it has to be asked first.
bool knowsSegments(const UdpSocket& socket);

}  // namespace andvari
