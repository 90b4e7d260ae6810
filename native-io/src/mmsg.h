// recvmmsg and sendmmsg straight into the engine's frames: no privilege, any kernel. The other
// backends use it too, for what reaches them through the kernel's own socket.
#pragma once
#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <vector>

#include "engine-port.h"
#include "segments.h"
#include "udp-socket.h"

namespace andvari {

class MmsgBackend : public PacketBackend {
 public:
  // Datagrams of one system call at the most.
  static constexpr uint32_t kBatchMax = 64;
  // Replies that wait for the kernel at the most; one more is dropped.
  static constexpr uint32_t kQueueMax = 256;

  // `batch`: frames that are kept filled in, 1 to kBatchMax. A backend that has its own way in
  // keeps its own table of peers, and hands replies to send() here only for peers that receive()
  // here has taken.
  MmsgBackend(EnginePort& port, std::unique_ptr<UdpSocket> socket, uint32_t batch = kBatchMax);
  // Gives every frame back to the pool.
  ~MmsgBackend() override;

  void send(const Reply& reply) override;
  void flush() override;
  uint32_t receive(uint32_t most) override;
  int waitFd() const override { return socket_->fd(); }
  uint32_t sending() const override { return queued_; }
  uint64_t kernelDropped() const override { return socket_->kernelDropped(); }
  bool wantsWritable() const override { return queued_ != 0; }
  bool starved() const override { return filled_ == 0 && port_.framesFree() == 0; }

  // Sends bytes to an address at once, whoever asked; they may be overwritten when it returns.
  // False, and counted as dropped: the kernel did not take them.
  bool sendNow(const SocketAddress& to, const uint8_t* bytes, uint32_t length);
  UdpSocket& socket() { return *socket_; }

 private:
  // Longest datagram that there is, without what fits a frame.
  static constexpr uint32_t kOverflowBytes = 65536 - EnginePort::kFrameBytes;
  // Replies that do not lie in their own frame are copied up to this size, which is what the
  // engine's slots hold and room for larger ones; longer ones are sent at once.
  static constexpr uint32_t kCopyBytes = 2048;

  struct Inbound {
    uint32_t frame = 0;
    iovec parts[2];  // the frame, and its overflow
    SocketAddress from;
  };
  struct Outbound {
    uint32_t frame = 0;  // kSending; 0: the bytes are a copy
    SocketAddress to;
  };
  // What one entry of sendmmsg is beside its header.
  struct Message {
    SegmentControl control;
    uint32_t replies;
  };

  void place(uint32_t index, uint32_t frame);
  // Takes frames until the batch is full or the pool is empty.
  void fill();
  void refill(uint32_t count);
  // Hands over one received datagram; the frame goes with it unless it is a large one.
  void deliver(uint32_t index);
  // Sends what is queued until the kernel takes no more.
  void handOver();
  // Makes messages of the oldest replies; gives how many.
  uint32_t gather();
  void settle(uint32_t count);

  EnginePort& port_;
  std::unique_ptr<UdpSocket> socket_;
  std::vector<SocketAddress> peers_;
  std::vector<Inbound> inbound_;
  std::vector<mmsghdr> inHeaders_;
  uint32_t filled_ = 0;  // inbound_[0, filled_) have a frame
  std::unique_ptr<uint8_t[]> overflow_;

  // The queue of replies: a ring of kQueueMax, oldest at tail_.
  std::vector<Outbound> outbound_;
  std::vector<iovec> outBytes_;
  std::vector<mmsghdr> outHeaders_;  // of one call, as messages_
  std::vector<Message> messages_;
  std::unique_ptr<uint8_t[]> copies_;
  uint32_t tail_ = 0;
  uint32_t queued_ = 0;
  bool blocked_ = false;  // the kernel took no more in this turn
  bool segments_;         // several replies may be one message
  uint32_t singles_ = 0;  // of the oldest replies: each is a message of its own
};

}  // namespace andvari
