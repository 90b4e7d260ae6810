#include "segments.h"

#include <netinet/udp.h>

#include <cstring>

#include "generated/border.h"

namespace andvari {
namespace {

// udp.h of older C libraries has no name for it.
constexpr int kUdpSegment = 103;

bool sameAddress(const SocketAddress& a, const SocketAddress& b) {
  return a.any.sa_family == b.any.sa_family && std::memcmp(&a, &b, UdpSocket::lengthOf(a)) == 0;
}

}  // namespace

void SegmentRun::begin(const SocketAddress& to, uint32_t length) {
  to_ = &to;
  segmentBytes_ = totalBytes_ = length;
  count_ = 1;
  full_ = false;
}

bool SegmentRun::add(const SocketAddress& to, uint32_t length) {
  if (full_ || length > segmentBytes_ || !sameAddress(*to_, to)) return false;
  if (totalBytes_ + length > border::DATAGRAM_BYTES_MAX) return false;
  totalBytes_ += length;
  count_++;
  full_ = length < segmentBytes_ || count_ == kMost;
  return true;
}

void SegmentControl::attach(msghdr& message, uint32_t segmentBytes) {
  message.msg_control = bytes_;
  message.msg_controllen = sizeof bytes_;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_UDP;
  header->cmsg_type = kUdpSegment;
  header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t bytes = static_cast<uint16_t>(segmentBytes);
  std::memcpy(CMSG_DATA(header), &bytes, sizeof bytes);
}

bool knowsSegments(const UdpSocket& socket) {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  return getsockopt(socket.fd(), IPPROTO_UDP, kUdpSegment, &bytes, &length) == 0;
}

}  // namespace andvari
