#include "mmsg.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "modules.h"

namespace andvari {
namespace {

// An error of an earlier datagram (ICMP: nobody listens there) that the kernel reports at this
// call. It concerns its receiver alone, and asking again does the work.
bool isOfAnother(int error) { return error == ECONNREFUSED || error == EINTR; }

}  // namespace

MmsgBackend::MmsgBackend(EnginePort& port, std::unique_ptr<UdpSocket> socket, uint32_t batch)
    : port_(port),
      socket_(std::move(socket)),
      peers_(port.options().peers),
      inbound_(std::clamp(batch, 1u, kBatchMax)),
      inHeaders_(inbound_.size()),
      overflow_(new uint8_t[inbound_.size() * kOverflowBytes]),
      outbound_(kQueueMax),
      outHeaders_(kQueueMax),
      copies_(new uint8_t[kQueueMax * kCopyBytes]) {
  for (size_t i = 0; i < inbound_.size(); i++) {
    Inbound& slot = inbound_[i];
    slot.parts[1] = {overflow_.get() + i * kOverflowBytes, kOverflowBytes};
    msghdr& header = inHeaders_[i].msg_hdr;
    header.msg_name = &slot.from;
    header.msg_iov = slot.parts;
    header.msg_iovlen = 2;
  }
  for (size_t i = 0; i < outbound_.size(); i++) {
    msghdr& header = outHeaders_[i].msg_hdr;
    header.msg_name = &outbound_[i].to;
    header.msg_iov = &outbound_[i].bytes;
    header.msg_iovlen = 1;
  }
}

MmsgBackend::~MmsgBackend() {
  for (uint32_t i = 0; i < filled_; i++) port_.giveFrame(inbound_[i].frame, Owner::kKernel);
  settle(queued_);
}

void MmsgBackend::place(uint32_t index, uint32_t frame) {
  inbound_[index].frame = frame;
  inbound_[index].parts[0] = {port_.at(frame), EnginePort::kFrameBytes};
}

void MmsgBackend::fill() {
  for (; filled_ < inbound_.size(); filled_++) {
    const uint32_t frame = port_.takeFrame();
    if (frame == 0) return;
    place(filled_, frame);
  }
}

// Slots [0, count) may be empty; the pool fills them, or else the last of the batch.
void MmsgBackend::refill(uint32_t count) {
  for (uint32_t i = 0; i < count && i < filled_; i++) {
    if (inbound_[i].frame != 0) continue;
    uint32_t frame = port_.takeFrame();
    while (frame == 0 && filled_ > i + 1) frame = std::exchange(inbound_[--filled_].frame, 0);
    if (frame == 0) {
      filled_ = i;
      return;
    }
    place(i, frame);
  }
}

uint32_t MmsgBackend::receive(uint32_t most) {
  const uint32_t before = static_cast<uint32_t>(port_.counters.received);
  int triesLeft = 2;
  for (uint32_t left = most; left > 0;) {
    fill();
    const uint32_t wanted = std::min(filled_, left);
    if (wanted == 0) break;
    for (uint32_t i = 0; i < wanted; i++) {
      inHeaders_[i].msg_hdr.msg_namelen = sizeof(SocketAddress);
    }
    const int got = recvmmsg(socket_->fd(), inHeaders_.data(), wanted, MSG_DONTWAIT, nullptr);
    if (got <= 0) {
      if (got < 0 && isOfAnother(errno) && triesLeft-- > 0) continue;
      break;
    }
    const uint32_t count = static_cast<uint32_t>(got);
    for (uint32_t i = 0; i < count; i++) deliver(i);
    refill(count);
    left -= count;
    // Fewer than there was room for: the kernel has no more, and need not be asked.
    if (count < wanted) break;
  }
  return static_cast<uint32_t>(port_.counters.received) - before;
}

void MmsgBackend::deliver(uint32_t index) {
  Inbound& slot = inbound_[index];
  const mmsghdr& header = inHeaders_[index];
  const uint32_t length = header.msg_len;
  const uint32_t peer = port_.takePeer();
  if (peer == EnginePort::kNoPeer || (header.msg_hdr.msg_flags & MSG_TRUNC)) {
    if (peer != EnginePort::kNoPeer) port_.givePeer(peer);
    port_.counters.dropped++;
    return;
  }
  peers_[peer] = slot.from;
  const Sender sender = UdpSocket::senderOf(port_, slot.from);
  constexpr uint32_t kFrameBytes = EnginePort::kFrameBytes;
  if (length > kFrameBytes) {
    const Bytes rest = {overflow_.get() + index * kOverflowBytes, length - kFrameBytes};
    port_.pushLarge({port_.at(slot.frame), kFrameBytes}, rest, peer, sender);
    return;
  }
  port_.push(slot.frame, slot.frame, length, peer, sender);
  slot.frame = 0;
}

void MmsgBackend::send(const Reply& reply) {
  const bool inFrame = reply.frame != 0 && reply.offset >= reply.frame &&
                       reply.offset < reply.frame + EnginePort::kFrameBytes;
  if (reply.frame != 0 && !inFrame) port_.giveFrame(reply.frame, Owner::kSending);
  if (!inFrame && reply.length > kCopyBytes) {
    sendNow(peers_[reply.peer], port_.at(reply.offset), reply.length);
    return;
  }
  if (queued_ == kQueueMax) {
    port_.counters.dropped++;
    if (inFrame) port_.giveFrame(reply.frame, Owner::kSending);
    return;
  }
  const uint32_t index = (tail_ + queued_) % kQueueMax;
  Outbound& slot = outbound_[index];
  slot.frame = inFrame ? reply.frame : 0;
  slot.to = peers_[reply.peer];
  uint8_t* bytes = port_.at(reply.offset);
  if (!inFrame) {
    bytes = copies_.get() + index * kCopyBytes;
    std::memcpy(bytes, port_.at(reply.offset), reply.length);
  }
  slot.bytes = {bytes, reply.length};
  outHeaders_[index].msg_hdr.msg_namelen = UdpSocket::lengthOf(slot.to);
  queued_++;
  if (queued_ >= kBatchMax && !blocked_) handOver();
}

void MmsgBackend::flush() {
  blocked_ = false;
  handOver();
}

void MmsgBackend::handOver() {
  int triesLeft = 2;
  while (queued_ != 0) {
    const uint32_t count = std::min({queued_, kBatchMax, kQueueMax - tail_});
    const int sent = sendmmsg(socket_->fd(), &outHeaders_[tail_], count, MSG_DONTWAIT);
    if (sent > 0) {
      port_.counters.sent += static_cast<uint32_t>(sent);
      settle(static_cast<uint32_t>(sent));
      continue;
    }
    if (errno == EAGAIN) {
      blocked_ = true;
      return;
    }
    if (isOfAnother(errno) && triesLeft-- > 0) continue;
    // No way to this receiver; the next one may be reached.
    port_.counters.dropped++;
    settle(1);
  }
}

// The oldest `count` replies are done with.
void MmsgBackend::settle(uint32_t count) {
  for (; count > 0; count--) {
    const uint32_t frame = outbound_[tail_].frame;
    if (frame != 0) port_.giveFrame(frame, Owner::kSending);
    tail_ = (tail_ + 1) % kQueueMax;
    queued_--;
  }
}

bool MmsgBackend::sendNow(const SocketAddress& to, const uint8_t* bytes, uint32_t length) {
  for (int triesLeft = 2; triesLeft >= 0; triesLeft--) {
    const ssize_t sent = sendto(socket_->fd(), bytes, length, MSG_DONTWAIT, &to.any,
                                UdpSocket::lengthOf(to));
    if (sent >= 0) {
      port_.counters.sent++;
      return true;
    }
    if (!isOfAnother(errno)) break;
  }
  port_.counters.dropped++;
  return false;
}

void initMmsg(Napi::Env env, Napi::Object exports) {
  exports.Set("openMmsg", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    return PacketSocket::open(info, "mmsg", [](EnginePort& port, const Napi::Object& options) {
      auto socket = openUdpSocket(options);
      OpenedBackend opened{nullptr, socket->host(), socket->port()};
      opened.backend = std::make_unique<MmsgBackend>(port, std::move(socket));
      return opened;
    });
  }));
}

}  // namespace andvari
