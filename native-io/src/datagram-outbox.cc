#include "datagram-outbox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "far-end.h"
#include "generated/border.h"

namespace andvari {
namespace {

using border::TransferPacket;

uint32_t wordAt(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// An error of an earlier datagram (ICMP) that the kernel reports at this call.
bool isOfAnother(int error) { return error == ECONNREFUSED || error == EINTR; }

// The machine has not the address any more from which it should leave, or not the interface.
// Kernels say EINVAL of an address, newer ones ENETUNREACH if it is one of IPv4.
bool isOfSource(int error) {
  return error == EINVAL || error == ENETUNREACH || error == EADDRNOTAVAIL || error == ENODEV;
}

}  // namespace

DatagramOutbox::DatagramOutbox(const UdpSocket& socket, const LocalAddresses& locals,
                               const MemoryView& memory, const Places& places,
                               DatagramCounters& counters)
    : socket_(socket),
      locals_(locals),
      memory_(memory),
      places_(places),
      counters_(counters),
      segments_(knowsSegments(socket)) {}

void DatagramOutbox::take(uint32_t count) {
  if (waiting() != 0) return;
  next_ = end_ = singles_ = 0;
  const uint8_t* entry = memory_.data() + places_.table;
  for (uint32_t i = 0; i < std::min(count, kBatchMax); i++, entry += TransferPacket::BYTES) {
    takeOne(entry);
  }
}

// The engine is not believed: what does not lie where packets do is not sent.
void DatagramOutbox::takeOne(const uint8_t* entry) {
  const uint32_t offset = wordAt(entry + TransferPacket::OFFSET);
  const uint32_t length = wordAt(entry + TransferPacket::LENGTH);
  const uint32_t within = offset - places_.packets;
  if (offset < places_.packets || uint64_t{within} + length > places_.packetsBytes ||
      length == 0 || length > border::DATAGRAM_BYTES_MAX) {
    counters_.refused++;
    return;
  }
  Packet& packet = packets_[end_];
  if (!readFarEnd(entry + TransferPacket::PATH, socket_.isV6(), packet.to)) {
    counters_.dropped++;
    return;
  }
  packet.alone = wordAt(entry + TransferPacket::FLAGS) & border::PacketFlag::MTU_PROBE;
  bytes_[end_++] = {memory_.data() + offset, length};
}

uint32_t DatagramOutbox::joined(uint32_t at, SegmentRun& run) const {
  const Packet& first = packets_[at];
  run.begin(first.to.address, static_cast<uint32_t>(bytes_[at].iov_len));
  if (!segments_ || at < singles_ || first.alone) return 1;
  for (uint32_t after = at + 1; after < end_; after++) {
    const Packet& next = packets_[after];
    if (next.alone || next.to.local != first.to.local) break;
    if (!run.add(next.to.address, static_cast<uint32_t>(bytes_[after].iov_len))) break;
  }
  return run.count();
}

uint32_t DatagramOutbox::gather() {
  uint32_t count = 0;
  for (uint32_t at = next_; at < end_; count++) {
    const FarEnd& to = packets_[at].to;
    SegmentRun run;
    const uint32_t packets = joined(at, run);
    msghdr& header = headers_[count].msg_hdr;
    header = {};
    header.msg_name = const_cast<SocketAddress*>(&to.address);
    header.msg_namelen = UdpSocket::lengthOf(to.address);
    header.msg_iov = &bytes_[at];
    header.msg_iovlen = packets;
    const uint32_t segmentBytes = packets > 1 ? run.segmentBytes() : 0;
    messages_[count].control.attach(header, segmentBytes, locals_.find(to.local));
    messages_[count].packets = packets;
    at += packets;
  }
  return count;
}

void DatagramOutbox::handOver() {
  int triesLeft = 2;
  while (waiting() != 0) {
    const uint32_t count = gather();
    const int sent = sendmmsg(socket_.fd(), headers_, count, MSG_DONTWAIT);
    if (sent > 0) {
      for (int i = 0; i < sent; i++) {
        next_ += messages_[i].packets;
        counters_.sent += messages_[i].packets;
      }
      continue;
    }
    if (errno == EAGAIN) return;
    if (isOfAnother(errno) && triesLeft-- > 0) continue;
    if (messages_[0].packets > 1) {
      // Longer than the interface takes; or, EIO, a device that cannot cut them.
      if (errno == EIO) segments_ = false;
      singles_ = next_ + messages_[0].packets;
      continue;
    }
    if (isOfSource(errno) && headers_[0].msg_hdr.msg_control) {
      packets_[next_].to.local = 0;
      continue;
    }
    this->count(errno);
    next_++;
  }
}

void DatagramOutbox::count(int error) {
  if (error == EMSGSIZE) {
    counters_.tooLarge++;
  } else {
    counters_.dropped++;
  }
}

void DatagramOutbox::sendNow(FarEnd to, const uint8_t* bytes, uint32_t length) {
  iovec part{const_cast<uint8_t*>(bytes), length};
  msghdr message{};
  message.msg_name = &to.address;
  message.msg_namelen = UdpSocket::lengthOf(to.address);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  SentControl control;
  for (int triesLeft = 3; triesLeft >= 0; triesLeft--) {
    control.attach(message, 0, locals_.find(to.local));
    if (sendmsg(socket_.fd(), &message, MSG_DONTWAIT) >= 0) {
      counters_.sent++;
      return;
    }
    if (isOfSource(errno) && message.msg_control) {
      to.local = 0;
    } else if (!isOfAnother(errno)) {
      break;
    }
  }
  count(errno);
}

}  // namespace andvari
