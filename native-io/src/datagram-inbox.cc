#include "datagram-inbox.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "far-end.h"

namespace andvari {
namespace {

// udp.h of older C libraries has no name for it.
constexpr int kUdpGro = 104;

uint16_t portOf(const SocketAddress& from) {
  return from.any.sa_family == AF_INET6 ? from.v6.sin6_port : from.v4.sin_port;
}

}  // namespace

DatagramInbox::DatagramInbox(const UdpSocket& socket, LocalAddresses& locals,
                             const MemoryView& memory, const Area& area,
                             DatagramCounters& counters)
    : socket_(socket),
      locals_(locals),
      counters_(counters),
      base_(memory.data()),
      slots_(std::min(area.bytes / kSlotBytes, kSlotsMax)) {
  // A kernel that does not know it hands datagrams over one by one.
  const int on = 1;
  setsockopt(socket.fd(), IPPROTO_UDP, kUdpGro, &on, sizeof on);
  for (uint32_t i = 0; i < slots_; i++) {
    slot_[i].bytes = {memory.data() + area.at + i * kSlotBytes, kSlotBytes};
    messages_[i] = {};
    messages_[i].msg_hdr.msg_name = &slot_[i].from;
    messages_[i].msg_hdr.msg_iov = &slot_[i].bytes;
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

bool DatagramInbox::refill() {
  next_ = filled_ = at_ = 0;
  for (uint32_t i = 0; i < slots_; i++) {
    messages_[i].msg_hdr.msg_namelen = sizeof(SocketAddress);
    slot_[i].control.attach(messages_[i].msg_hdr);
  }
  for (int triesLeft = 2; triesLeft >= 0; triesLeft--) {
    const int got = recvmmsg(socket_.fd(), messages_, slots_, MSG_DONTWAIT, nullptr);
    if (got > 0) {
      filled_ = static_cast<uint32_t>(got);
      return true;
    }
    // The error of an earlier datagram (ICMP) is told in place of what has come.
    if (errno != ECONNREFUSED && errno != EINTR) return false;
  }
  return false;
}

uint32_t DatagramInbox::receive(uint8_t* letters, uint32_t most) {
  if (next_ == filled_ && !refill()) return 0;
  uint32_t count = 0;
  while (count < most && next_ < filled_) {
    const mmsghdr& message = messages_[next_];
    if (!isUseful(message)) {
      counters_.dropped++;
      next_++;
      continue;
    }
    if (at_ == 0) begin(message);
    const uint8_t* const start = static_cast<uint8_t*>(slot_[next_].bytes.iov_base) + at_;
    const uint32_t length = std::min(segmentBytes_, message.msg_len - at_);
    const uint32_t offset = static_cast<uint32_t>(start - base_);
    uint8_t* const letter = letters + count * kLetterBytes;
    std::memcpy(letter, &offset, 4);
    std::memcpy(letter + 4, &length, 4);
    writeFarEnd(slot_[next_].from, local_, letter + 8);
    count++;
    at_ += length;
    if (at_ < message.msg_len) continue;
    next_++;
    at_ = 0;
  }
  counters_.received += count;
  return count;
}

// Bytes from somebody who can be answered, all of them.
bool DatagramInbox::isUseful(const mmsghdr& message) {
  const auto* const from = static_cast<const SocketAddress*>(message.msg_hdr.msg_name);
  return message.msg_len > 0 && !(message.msg_hdr.msg_flags & MSG_TRUNC) && portOf(*from) != 0;
}

void DatagramInbox::begin(const mmsghdr& message) {
  segmentBytes_ = ReceivedControl::segmentOf(message.msg_hdr, message.msg_len);
  LocalAddress local;
  local_ = ReceivedControl::localOf(message.msg_hdr, local) ? locals_.numberOf(local) : 0;
}

}  // namespace andvari
