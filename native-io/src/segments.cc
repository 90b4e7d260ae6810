#include "segments.h"

#include <netinet/udp.h>

#include <cstring>

#include "generated/border.h"

namespace andvari {
namespace {

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

void appendControl(msghdr& message, ControlKind kind, const void* data, size_t bytes) {
  auto* const at = static_cast<uint8_t*>(message.msg_control) + message.msg_controllen;
  auto* const header = reinterpret_cast<cmsghdr*>(at);
  header->cmsg_level = kind.level;
  header->cmsg_type = kind.type;
  header->cmsg_len = CMSG_LEN(bytes);
  std::memcpy(CMSG_DATA(header), data, bytes);
  message.msg_controllen += CMSG_SPACE(bytes);
}

void SegmentControl::attach(msghdr& message, uint32_t segmentBytes) {
  message.msg_control = bytes_;
  message.msg_controllen = 0;
  const uint16_t bytes = static_cast<uint16_t>(segmentBytes);
  appendControl(message, {IPPROTO_UDP, kUdpSegment}, &bytes, sizeof bytes);
}

bool knowsSegments(const UdpSocket& socket) {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  return getsockopt(socket.fd(), IPPROTO_UDP, kUdpSegment, &bytes, &length) == 0;
}

}  // namespace andvari
