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
      outBytes_(kQueueMax),
      outHeaders_(kBatchMax),
      messages_(kBatchMax),
      copies_(new uint8_t[kQueueMax * kCopyBytes]),
      segments_(knowsSegments(*socket_)) {
  for (size_t i = 0; i < inbound_.size(); i++) {
    Inbound& slot = inbound_[i];
    slot.parts[1] = {overflow_.get() + i * kOverflowBytes, kOverflowBytes};
    msghdr& header = inHeaders_[i].msg_hdr;
    header.msg_name = &slot.from;
    header.msg_iov = slot.parts;
    header.msg_iovlen = 2;
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
  outBytes_[index] = {bytes, reply.length};
  queued_++;
  if (queued_ >= kBatchMax && !blocked_) handOver();
}

void MmsgBackend::flush() {
  blocked_ = false;
  handOver();
}

uint32_t MmsgBackend::gather() {
  const uint32_t end = tail_ + std::min({queued_, kBatchMax, kQueueMax - tail_});
  uint32_t count = 0;
  for (uint32_t at = tail_; at < end; count++) {
    Outbound& first = outbound_[at];
    SegmentRun run;
    run.begin(first.to, static_cast<uint32_t>(outBytes_[at].iov_len));
    uint32_t next = at + 1;
    const bool joins = segments_ && at - tail_ >= singles_;
    while (joins && next < end &&
           run.add(outbound_[next].to, static_cast<uint32_t>(outBytes_[next].iov_len))) {
      next++;
    }
    msghdr& header = outHeaders_[count].msg_hdr;
    header = {};
    header.msg_name = &first.to;
    header.msg_namelen = UdpSocket::lengthOf(first.to);
    header.msg_iov = &outBytes_[at];
    header.msg_iovlen = run.count();
    if (run.count() > 1) messages_[count].control.attach(header, run.segmentBytes());
    messages_[count].replies = run.count();
    at = next;
  }
  return count;
}

void MmsgBackend::handOver() {
  int triesLeft = 2;
  while (queued_ != 0) {
    const uint32_t count = gather();
    const int sent = sendmmsg(socket_->fd(), outHeaders_.data(), count, MSG_DONTWAIT);
    if (sent > 0) {
      uint32_t replies = 0;
      for (int i = 0; i < sent; i++) replies += messages_[i].replies;
      port_.counters.sent += replies;
      settle(replies);
      continue;
    }
    if (errno == EAGAIN) {
      blocked_ = true;
      return;
    }
    if (isOfAnother(errno) && triesLeft-- > 0) continue;
    if (messages_[0].replies > 1) {
      // Longer than the way there allows, so that each has to be sent in fragments; or, EIO, by a
      // device that cannot cut it.
      if (errno == EIO) segments_ = false;
      singles_ = messages_[0].replies;
      continue;
    }
    // No way to this receiver; the next one may be reached.
    port_.counters.dropped++;
    settle(1);
  }
}

// The oldest `count` replies are done with.
void MmsgBackend::settle(uint32_t count) {
  singles_ -= std::min(singles_, count);
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
