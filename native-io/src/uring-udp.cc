// The backend io_uring. One entry, re-armed when it ends, receives every datagram (multishot
// RECVMSG) into buffers that lie in the engine's frames; replies go out by uring-sender.h, all of a
// turn with one system call, the same that asks for what has come.
//
// The kernel cannot put one datagram into two buffers here, and a datagram may be longer than a
// frame. So a buffer is a run of 17 frames, of which the first is the frame that the engine gets to
// see; a longer datagram goes on in the others, from where it is copied to the host's large frames.
// The pages of the others cost nothing until a long datagram has used them.
//
// First bytes of a buffer that the kernel has filled:
//   0   16  io_uring_recvmsg_out: bytes of the address, of control data, of the datagram, flags
//   16  48  the sender's address, 28 bytes at the most
//   64  ..  the datagram
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "buffer-ring.h"
#include "engine-port.h"
#include "io-error.h"
#include "modules.h"
#include "packet-socket.h"
#include "udp-socket.h"
#include "uring-sender.h"
#include "uring.h"

namespace andvari {
namespace {

constexpr uint32_t kFrameBytes = EnginePort::kFrameBytes;
constexpr uint32_t kRunFrames = 17;
constexpr uint32_t kRunBytes = kRunFrames * kFrameBytes;
constexpr uint32_t kAddressAt = sizeof(io_uring_recvmsg_out);
constexpr uint32_t kPayloadAt = 64;
static_assert(kRunBytes >= kPayloadAt + border::DATAGRAM_BYTES_MAX + 1, "a run takes any datagram");

// Frames that are no buffers: held replies are copied there, so that they leave with the others.
constexpr uint32_t kSparesMax = 256;
// Datagrams that the kernel takes for one entry before it looks at the next.
constexpr uint32_t kRoundMax = 32;
constexpr uint32_t kEntries = 512;
constexpr uint32_t kCompletionsMin = 1024;
constexpr uint32_t kCompletionsMax = 32768;
// Failed receives in one call before it ends: the event loop goes on, whatever the socket has.
constexpr uint32_t kFailuresMax = 16;
// At close: how long completions are waited for, and how often.
constexpr uint32_t kAwaitMs = 100;
constexpr uint32_t kAwaitsMax = 100;
constexpr uint32_t kBusyPollMaxUs = 10000;

// user_data of what is not UringSender's.
constexpr uint64_t kReceive = 1ull << 32;
constexpr uint64_t kCancel = 4ull << 32;

// io_uring_napi (Linux 6.9), which older headers do not have.
struct NapiRequest {
  uint32_t busyPollUs;
  uint8_t prefer;
  uint8_t padding[3];
  uint64_t reserved;
};
constexpr uint32_t kRegisterNapi = 27;

uint32_t completionsFor(uint32_t frames) {
  uint32_t result = kCompletionsMin;
  while (result < frames && result < kCompletionsMax) result *= 2;
  return result;
}

// Buffers that the frames of a port make. Throws when they make none.
uint32_t runsOf(Napi::Env env, const PortOptions& options) {
  const uint32_t spares = std::min(kSparesMax, options.frameCount / 16);
  const uint32_t runs = (options.frameCount - spares) / kRunFrames;
  if (runs == 0) {
    throw Napi::RangeError::New(env, "frameCount: io_uring wants at least " +
                                         std::to_string(kRunFrames + 1) + " frames");
  }
  return std::min(runs, BufferRing::kBuffersMax);
}

}  // namespace

struct UringUdpOptions {
  uint32_t runs;
  uint32_t busyPollUs;
  bool sqpoll;
};

class UringUdp : public PacketBackend {
 public:
  UringUdp(EnginePort& port, std::unique_ptr<UdpSocket> socket, const UringUdpOptions& options);
  ~UringUdp() override;

  void send(const Reply& reply) override;
  void flush() override;
  uint32_t receive(uint32_t most) override;
  int waitFd() const override { return ring_.eventFd(); }
  void woken() override { ring_.readEvents(); }
  uint32_t sending() const override { return sender_.sending(); }
  uint64_t kernelDropped() const override { return socket_->kernelDropped(); }

 private:
  void prepareSocket(uint32_t busyPollUs);
  void restock();
  void arm();
  uint32_t look(uint32_t most);
  bool take(const io_uring_cqe& completion);
  bool deliver(uint32_t frame, int32_t result);
  bool waitBusily();

  EnginePort& port_;
  const std::unique_ptr<UdpSocket> socket_;
  const uint32_t runs_;
  const uint32_t busyPollUs_;
  bool pollsDevice_ = false;
  Uring ring_;
  BufferRing buffers_;
  msghdr message_ = {};
  UringSender sender_;
  std::vector<SocketAddress> peers_;  // by peer
  std::vector<uint32_t> spares_;
  bool armed_ = false;
  uint32_t failures_ = 0;  // of receives, in one call
};

UringUdp::UringUdp(EnginePort& port, std::unique_ptr<UdpSocket> socket,
                   const UringUdpOptions& options)
    : port_(port),
      socket_(std::move(socket)),
      runs_(options.runs),
      busyPollUs_(options.busyPollUs),
      ring_({kEntries, completionsFor(port.options().frameCount), options.sqpoll}),
      buffers_(ring_, options.runs, kRunBytes),
      sender_(port, ring_, *socket_),
      peers_(port.options().peers) {
  spares_.reserve(port.options().frameCount);
  message_.msg_namelen = kPayloadAt - kAddressAt;
  prepareSocket(options.busyPollUs);
  restock();
  arm();
  // Wake-ups are on: whoever watches the eventfd before the first turn hears of the first datagram.
  ring_.reap();
}

void UringUdp::prepareSocket(uint32_t busyPollUs) {
  // io_uring would answer EAGAIN on a non-blocking socket, where it waits on others.
  const int flags = fcntl(socket_->fd(), F_GETFL);
  if (flags < 0 || fcntl(socket_->fd(), F_SETFL, flags & ~O_NONBLOCK) < 0) {
    throw IoError("ANDVARI_IO_SYSTEM", "fcntl", errno);
  }
  if (busyPollUs == 0) return;
  // The device is polled where it can be, and where this process may: else only the socket is.
  const int time = static_cast<int>(busyPollUs);
  pollsDevice_ = setsockopt(socket_->fd(), SOL_SOCKET, SO_BUSY_POLL, &time, sizeof time) == 0;
  NapiRequest request = {busyPollUs, 1, {}, 0};
  ring_.control(kRegisterNapi, &request, 1);
}

UringUdp::~UringUdp() {
  ring_.cancelAll(kCancel);
  // The buffers are the engine's memory: nobody may let go of it while the kernel might write.
  for (uint32_t i = 0; i < kAwaitsMax && (armed_ || sender_.sending()); i++) {
    if (ring_.ready() == 0) ring_.await(kAwaitMs);
    const uint32_t ready = ring_.ready();
    for (uint32_t k = 0; k < ready; k++) {
      const io_uring_cqe& completion = ring_.completion(k);
      if (sender_.abandon(completion)) continue;
      const bool ends = !(completion.flags & IORING_CQE_F_MORE);
      if (completion.user_data == kReceive && ends) armed_ = false;
    }
    ring_.seen(ready);
  }
}

// Takes what has come back to the pool: first frames of buffers go to the kernel, what belongs to
// no buffer is spare. The other frames of buffers are taken once, here, and never given to anybody.
void UringUdp::restock() {
  for (uint32_t frame = port_.takeFrame(); frame != 0; frame = port_.takeFrame()) {
    const uint32_t index = port_.frameIndex(frame);
    if (index >= runs_ * kRunFrames) {
      spares_.push_back(frame);
    } else if (index % kRunFrames == 0) {
      buffers_.offer(port_.at(frame), index / kRunFrames);
    }
  }
  buffers_.publish();
}

void UringUdp::arm() {
  if (armed_ || buffers_.offered() == 0) return;
  io_uring_sqe* const entry = ring_.entry();
  if (!entry) return;
  entry->opcode = IORING_OP_RECVMSG;
  entry->fd = socket_->fd();
  entry->addr = reinterpret_cast<uint64_t>(&message_);
  entry->len = 1;
  entry->ioprio = IORING_RECV_MULTISHOT;
  entry->flags = IOSQE_BUFFER_SELECT;
  entry->user_data = kReceive;
  armed_ = true;
}

uint32_t UringUdp::receive(uint32_t most) {
  ring_.wakeUps(false);
  failures_ = 0;
  restock();
  arm();
  if (ring_.pending() || ring_.ready() == 0) ring_.reap();
  uint32_t taken = 0;
  for (;;) {
    const uint32_t round = look(most - taken);
    taken += round;
    if (taken == most) break;
    restock();
    arm();
    if (failures_ >= kFailuresMax) break;
    if (taken > 0) {
      // A full round has more behind it; after a short one the caller works on what there is.
      if (round < kRoundMax && !ring_.pending()) return taken;
      ring_.reap();
      if (ring_.ready() == 0) return taken;
      continue;
    }
    if (busyPollUs_ > 0 && waitBusily()) continue;
    // Only a look with wake-ups on may end in 0, or what came just before would wake nobody.
    ring_.wakeUps(true);
    ring_.reap();
    if (ring_.ready() == 0) return 0;
    ring_.wakeUps(false);
  }
  if (taken == 0) ring_.wakeUps(true);
  if (ring_.pending()) ring_.submit();
  return taken;
}

// Looks for up to busyPollUs_. True: there are completions.
bool UringUdp::waitBusily() {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(busyPollUs_);
  do {
    // An attempt to receive makes the kernel poll the device's queue once; the entry that waits
    // does not.
    char byte;
    if (pollsDevice_) recv(socket_->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    ring_.reap();
    if (ring_.ready() > 0) return true;
  } while (Clock::now() < end);
  return false;
}

// Handles completions until `most` datagrams have been delivered; gives how many.
uint32_t UringUdp::look(uint32_t most) {
  const uint32_t ready = ring_.ready();
  uint32_t taken = 0, seen = 0;
  for (; seen < ready && taken < most; seen++) {
    const io_uring_cqe& completion = ring_.completion(seen);
    if (completion.user_data == kReceive) {
      if (take(completion)) taken++;
    } else {
      sender_.completed(completion);
    }
  }
  ring_.seen(seen);
  return taken;
}

// The completion of a receive. True: a datagram has been handed over.
bool UringUdp::take(const io_uring_cqe& completion) {
  // It ends when no buffer is left, after an empty datagram, and when the kernel finds it fair.
  if (!(completion.flags & IORING_CQE_F_MORE)) armed_ = false;
  if (!(completion.flags & IORING_CQE_F_BUFFER)) {
    failures_++;
    return false;
  }
  buffers_.taken();
  const uint32_t run = completion.flags >> IORING_CQE_BUFFER_SHIFT;
  const uint32_t frame = port_.frameAt(run * kRunFrames);
  const uint64_t before = port_.counters.dropped;
  if (!deliver(frame, completion.res)) buffers_.offer(port_.at(frame), run);
  return port_.counters.dropped == before;
}

// Hands over a filled buffer. False: its frame is free, the datagram was copied or dropped.
bool UringUdp::deliver(uint32_t frame, int32_t result) {
  io_uring_recvmsg_out header;
  std::memcpy(&header, port_.at(frame), sizeof header);
  const uint32_t length = header.payloadlen;
  if (result < static_cast<int32_t>(kPayloadAt) || (header.flags & MSG_TRUNC) ||
      length > kRunBytes - kPayloadAt) {
    port_.counters.dropped++;
    return false;
  }
  // There is one: nobody asks for more datagrams than the port has room for.
  const uint32_t peer = port_.takePeer();
  SocketAddress& from = peers_[peer];
  std::memcpy(&from, port_.at(frame) + kAddressAt, sizeof from);
  const Sender sender = UdpSocket::senderOf(port_, from);
  if (length <= kFrameBytes - kPayloadAt) {
    port_.push(frame, frame + kPayloadAt, length, peer, sender);
    return true;
  }
  const Bytes bytes = {port_.at(frame) + kPayloadAt, length};
  port_.pushLarge(bytes, {nullptr, 0}, peer, sender);
  return false;
}

void UringUdp::send(const Reply& reply) {
  // The peer is free when this returns, and may be somebody else's before the kernel has sent.
  const SocketAddress& to = peers_[reply.peer];
  uint32_t frame = reply.frame;
  uint32_t offset = reply.offset;
  if (frame == 0 || offset - frame >= kFrameBytes) {
    if (reply.length > kFrameBytes || (frame == 0 && spares_.empty())) {
      return sender_.sendNow(frame, offset, reply.length, to);
    }
    if (frame == 0) {
      frame = spares_.back();
      spares_.pop_back();
      port_.moveFrame(frame, Owner::kKernel, Owner::kSending);
    }
    std::memmove(port_.at(frame), port_.at(offset), reply.length);
    offset = frame;
  }
  sender_.send(frame, offset, reply.length, to);
}

void UringUdp::flush() {
  sender_.seal();
  // With room, receive() follows and takes the entries along in its own system call.
  if (ring_.pending() && port_.room() == 0) ring_.submit();
}

void initUring(Napi::Env env, Napi::Object exports) {
  const auto open = [](EnginePort& port, const Napi::Object& options) {
    UringUdpOptions own = {};
    own.runs = runsOf(options.Env(), port.options());
    own.sqpoll = options.Get("sqpoll").ToBoolean();
    const Napi::Value busyPoll = options.Get("busyPoll");
    if (busyPoll.IsNumber()) {
      own.busyPollUs = std::min(busyPoll.As<Napi::Number>().Uint32Value(), kBusyPollMaxUs);
    }
    // A ring with a thread of the kernel would open on kernels that lack the rest.
    probeUring();
    std::unique_ptr<UdpSocket> socket(openUdpSocket(options));
    OpenedBackend opened;
    opened.host = socket->host();
    opened.port = socket->port();
    opened.backend = std::make_unique<UringUdp>(port, std::move(socket), own);
    return opened;
  };
  exports.Set("openUring", Napi::Function::New(env, [open](const Napi::CallbackInfo& info) {
                return PacketSocket::open(info, "io_uring", open);
              }));
}

}  // namespace andvari
