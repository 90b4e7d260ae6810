// The way out of the io_uring backend: a SEND entry for a reply, or a SENDMSG entry for several of
// one size to one receiver (segments.h).
#pragma once
#include <sys/uio.h>

#include <vector>

#include "engine-port.h"
#include "segments.h"
#include "udp-socket.h"
#include "uring.h"

namespace andvari {

class UringSender {
 public:
  // user_data of its entries: a kind, and the index of a frame or message.
  static constexpr uint64_t kReply = 2ull << 32;
  static constexpr uint64_t kSegments = 3ull << 32;
  static constexpr uint64_t kKindMask = ~uint64_t{UINT32_MAX};

  UringSender(EnginePort& port, Uring& ring, const UdpSocket& socket);

  // Sends what lies in `frame` (kSending), and gives it back when it has left. `to` may change as
  // soon as this returns.
  void send(uint32_t frame, uint32_t offset, uint32_t length, const SocketAddress& to);
  // For what no frame takes: the kernel copies the bytes before this returns. `frame`: given back;
  // 0: none.
  void sendNow(uint32_t frame, uint32_t offset, uint32_t length, const SocketAddress& to);
  // The entries go to the kernel: nothing can join them any more.
  void seal() { open_.entry = nullptr; }
  // Sees to the completion of an entry of ours; false: it is not.
  bool completed(const io_uring_cqe& completion);
  // Forgets a completion without using the ring or the port; false: it is not of ours.
  bool abandon(const io_uring_cqe& completion);
  // Replies under way.
  uint32_t sending() const { return sending_; }

 private:
  // Messages of several replies under way at the most; what finds none goes by itself.
  static constexpr uint32_t kMessages = 16;

  struct Message {
    msghdr header;
    SegmentControl control;
    iovec parts[SegmentRun::kMost];
    uint32_t frames[SegmentRun::kMost];
  };
  // The last entry, as long as replies can join it.
  struct Open {
    io_uring_sqe* entry = nullptr;
    SegmentRun run;
    Message* message = nullptr;  // nullptr: one reply
  };

  bool join(uint32_t frame, const iovec& bytes, const SocketAddress& to);
  void widen(Message& message);
  bool enter(uint32_t frame, const iovec& bytes);
  void replyDone(uint32_t frame, bool sent);
  void segmentsDone(uint32_t index, int32_t result);

  EnginePort& port_;
  Uring& ring_;
  const UdpSocket& socket_;
  bool segments_;  // several replies may be one message
  std::vector<SocketAddress> targets_;  // by index of the frame that is being sent
  std::vector<Message> messages_;
  std::vector<uint32_t> free_;  // of messages_
  Open open_;
  uint32_t sending_ = 0;
};

}  // namespace andvari
