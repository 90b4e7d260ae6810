#include "uring-sender.h"

#include <cerrno>
#include <utility>

namespace andvari {

UringSender::UringSender(EnginePort& port, Uring& ring, const UdpSocket& socket)
    : port_(port),
      ring_(ring),
      socket_(socket),
      segments_(knowsSegments(socket)),
      targets_(port.options().frameCount),
      messages_(kMessages) {
  for (uint32_t i = kMessages; i > 0; i--) free_.push_back(i - 1);
}

void UringSender::send(uint32_t frame, uint32_t offset, uint32_t length, const SocketAddress& to) {
  const iovec bytes = {port_.at(offset), length};
  if (join(frame, bytes, to)) return;
  SocketAddress& target = targets_[port_.frameIndex(frame)];
  target = to;
  if (!enter(frame, bytes)) return sendNow(frame, offset, length, to);
  open_.run.begin(target, length);
}

// An entry of its own for a reply to targets_[its frame]. False: the queue takes none.
bool UringSender::enter(uint32_t frame, const iovec& bytes) {
  const uint32_t index = port_.frameIndex(frame);
  io_uring_sqe* const entry = ring_.entry();
  open_ = {};
  if (!entry) return false;
  const SocketAddress& to = targets_[index];
  entry->opcode = IORING_OP_SEND;
  entry->fd = socket_.fd();
  entry->addr = reinterpret_cast<uint64_t>(bytes.iov_base);
  entry->len = static_cast<uint32_t>(bytes.iov_len);
  entry->msg_flags = MSG_NOSIGNAL;
  entry->addr2 = reinterpret_cast<uint64_t>(&to);
  entry->addr_len = static_cast<uint16_t>(UdpSocket::lengthOf(to));
  entry->user_data = kReply | index;
  open_.entry = entry;
  sending_++;
  return true;
}

// True: the reply is part of the last entry's message now.
bool UringSender::join(uint32_t frame, const iovec& bytes, const SocketAddress& to) {
  if (!segments_ || !open_.entry || (!open_.message && free_.empty())) return false;
  const uint32_t place = open_.run.count();
  if (!open_.run.add(to, static_cast<uint32_t>(bytes.iov_len))) return false;
  if (!open_.message) {
    open_.message = &messages_[free_.back()];
    widen(*open_.message);
    free_.pop_back();
  }
  open_.message->parts[place] = bytes;
  open_.message->frames[place] = frame;
  open_.message->header.msg_iovlen = place + 1;
  sending_++;
  return true;
}

// Makes the open SEND entry a SENDMSG entry with its reply as the first part.
void UringSender::widen(Message& message) {
  io_uring_sqe& entry = *open_.entry;
  const uint32_t first = static_cast<uint32_t>(entry.user_data);
  message.parts[0] = {reinterpret_cast<void*>(entry.addr), entry.len};
  message.frames[0] = port_.frameAt(first);
  message.header = {};
  message.header.msg_name = &targets_[first];
  message.header.msg_namelen = UdpSocket::lengthOf(targets_[first]);
  message.header.msg_iov = message.parts;
  message.control.attach(message.header, open_.run.segmentBytes());
  entry.opcode = IORING_OP_SENDMSG;
  entry.addr = reinterpret_cast<uint64_t>(&message.header);
  entry.len = 1;
  entry.addr2 = 0;
  entry.addr_len = 0;
  entry.user_data = kSegments | static_cast<uint32_t>(&message - messages_.data());
}

void UringSender::sendNow(uint32_t frame, uint32_t offset, uint32_t length,
                          const SocketAddress& to) {
  const ssize_t count = sendto(socket_.fd(), port_.at(offset), length,
                               MSG_DONTWAIT | MSG_NOSIGNAL, &to.any, UdpSocket::lengthOf(to));
  if (count < 0) {
    port_.counters.dropped++;
  } else {
    port_.counters.sent++;
  }
  if (frame) port_.giveFrame(frame, Owner::kSending);
}

bool UringSender::completed(const io_uring_cqe& completion) {
  const uint64_t kind = completion.user_data & kKindMask;
  const uint32_t index = static_cast<uint32_t>(completion.user_data);
  if (kind == kReply) {
    sending_--;
    replyDone(port_.frameAt(index), completion.res >= 0);
  } else if (kind == kSegments) {
    segmentsDone(index, completion.res);
  }
  return kind == kReply || kind == kSegments;
}

void UringSender::replyDone(uint32_t frame, bool sent) {
  if (sent) {
    port_.counters.sent++;
  } else {
    port_.counters.dropped++;
  }
  port_.giveFrame(frame, Owner::kSending);
}

void UringSender::segmentsDone(uint32_t index, int32_t result) {
  const Message& message = messages_[index];
  const size_t count = message.header.msg_iovlen;
  sending_ -= static_cast<uint32_t>(count);
  // A device that cannot cut a message.
  if (result == -EIO) segments_ = false;
  const SocketAddress to = *static_cast<const SocketAddress*>(message.header.msg_name);
  for (size_t i = 0; i < count; i++) {
    const uint32_t frame = message.frames[i];
    if (result >= 0) {
      replyDone(frame, true);
      continue;
    }
    // Longer than the way there allows, so that each has to be sent in fragments, or EIO: what
    // stays in the way of a single one, its own completion tells.
    targets_[port_.frameIndex(frame)] = to;
    if (!enter(frame, message.parts[i])) replyDone(frame, false);
  }
  seal();
  free_.push_back(index);
}

bool UringSender::abandon(const io_uring_cqe& completion) {
  const uint64_t kind = completion.user_data & kKindMask;
  if (kind == kReply) {
    sending_--;
  } else if (kind == kSegments) {
    const auto& message = messages_[static_cast<uint32_t>(completion.user_data)];
    sending_ -= static_cast<uint32_t>(message.header.msg_iovlen);
  }
  return kind == kReply || kind == kSegments;
}

}  // namespace andvari
