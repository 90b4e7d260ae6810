#include "xdp-backend.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "bpf.h"
#include "io-error.h"
#include "memory-placement.h"
#include "udp-headroom.h"

namespace andvari {
namespace {

constexpr uint32_t kChunk = Xsk::kChunkBytes;
static_assert(kChunk == EnginePort::kFrameBytes, "a frame of the engine is a chunk of the UMEM");

// Frames that are kept out of the fill ring, for replies that have to be copied and for the
// kernel's socket: an eighth, at most this many.
constexpr uint32_t kReserveMax = 256;
// Where a copied reply begins in its frame: behind the longest headers, on a boundary of 64 bytes.
constexpr uint32_t kCopyOffset = 64;
static_assert(kCopyOffset >= kIpv6HeadersBytes, "the headers stand before the reply");
// Shorter Ethernet frames are padded; not every driver does it for AF_XDP.
constexpr uint32_t kEthernetBytesMin = 60;
// Frames that wait at the kernel's socket, which has little to do.
constexpr uint32_t kKernelBatch = 16;
// While packets keep coming by AF_XDP, the kernel's socket is read once in so many turns.
constexpr uint32_t kKernelEvery = 16;
// Peers taken by the kernel's side, after which handles of ours that ended without a reply go.
constexpr uint32_t kForgetEvery = 4096;

// IPv4 as a number, IPv6 hashed by its network: what UdpSocket::senderOf() gives for the same.
Sender senderOf(const EnginePort& port, const PacketPath& path) {
  SocketAddress from = {};
  if (path.v6) {
    from.v6.sin6_family = AF_INET6;
    std::memcpy(&from.v6.sin6_addr, path.remoteIp, 16);
  } else {
    from.v4.sin_family = AF_INET;
    std::memcpy(&from.v4.sin_addr, path.remoteIp, 4);
  }
  return UdpSocket::senderOf(port, from);
}

bool isLinkLocal(const uint8_t* v6) { return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80; }

struct DatagramBytes {
  uint8_t* data;
  uint32_t length;
};

union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

template <typename Info>
size_t writeControl(Control& control, int level, int type, const Info& info) {
  control.header = {};
  control.header.cmsg_len = CMSG_LEN(sizeof info);
  control.header.cmsg_level = level;
  control.header.cmsg_type = type;
  std::memcpy(CMSG_DATA(&control.header), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

// Sends from the address that was asked, also when the socket listens at a wildcard.
bool sendFrom(int socket, int interfaceIndex, const PacketPath& path, DatagramBytes bytes) {
  Control control = {};
  SocketAddress to = {};
  iovec part = {bytes.data, bytes.length};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = &to;
  message.msg_control = &control;
  if (path.v6) {
    in6_pktinfo from = {};
    std::memcpy(&from.ipi6_addr, path.localIp, 16);
    std::memcpy(&to.v6.sin6_addr, path.remoteIp, 16);
    to.v6.sin6_family = AF_INET6;
    to.v6.sin6_port = path.remotePort;
    if (isLinkLocal(path.remoteIp)) {
      to.v6.sin6_scope_id = static_cast<uint32_t>(interfaceIndex);
      from.ipi6_ifindex = static_cast<uint32_t>(interfaceIndex);
    }
    message.msg_controllen = writeControl(control, IPPROTO_IPV6, IPV6_PKTINFO, from);
  } else {
    in_pktinfo from = {};
    std::memcpy(&from.ipi_spec_dst, path.localIp, 4);
    std::memcpy(&to.v4.sin_addr, path.remoteIp, 4);
    to.v4.sin_family = AF_INET;
    to.v4.sin_port = path.remotePort;
    message.msg_controllen = writeControl(control, IPPROTO_IP, IP_PKTINFO, from);
  }
  message.msg_namelen = UdpSocket::lengthOf(to);
  return sendmsg(socket, &message, MSG_DONTWAIT) >= 0;
}

// A packet that claims to come from where it goes would be answered for ever.
bool isFromItself(const PacketPath& path) {
  return path.localPort == path.remotePort &&
         std::memcmp(path.localIp, path.remoteIp, sizeof path.localIp) == 0;
}

}  // namespace

XdpBackend::XdpBackend(EnginePort& port, std::unique_ptr<UdpSocket> socket,
                       const XdpBackendOptions& options)
    : port_(port),
      kernel_(port, std::move(socket), kKernelBatch),
      interface_(options.interface) {
  const PortOptions& frames = port.options();
  requireQueue(interface_, options.queue);
  peers_.resize(frames.peers);
  filled_.assign(frames.frameCount, 0);
  reserve_ = std::min(kReserveMax, frames.frameCount / 8);
  place(options);
  XskOptions xsk;
  xsk.interface = interface_.name;
  xsk.interfaceIndex = interface_.index;
  xsk.queue = options.queue;
  xsk.umem = port.at(frames.frames);
  xsk.umemBytes = uint64_t{frames.frameCount} * kChunk;
  xsk.headroom = headroomFor(options.host);
  xsk.ringEntries = options.ringEntries;
  xsk.copyOnly = options.copyOnly;
  xsk_ = std::make_unique<Xsk>(xsk);
  placement_.zeroCopy = xsk_->zeroCopy();
  if (options.hugePages) placement_.hugePageBytes = hugePageBytes(xsk.umem, xsk.umemBytes);
  refill();
  watchAll();
  // The last step: from now on packets come.
  const int fd = xsk_->fd();
  const int error = updateMap(options.socketMapFd, &options.queue, &fd);
  if (error == 0) return;
  if (error == E2BIG) {
    throw IoError("ANDVARI_IO_QUEUE", "queue " + std::to_string(options.queue), error,
                  "attach the program with more queues (io.queues), or use fewer workers");
  }
  throw IoError("ANDVARI_IO_SYSTEM", "bpf(BPF_MAP_UPDATE_ELEM) of the sockets", error,
                "attach the program first, and keep it");
}

XdpBackend::~XdpBackend() = default;

void XdpBackend::place(const XdpBackendOptions& options) {
  uint8_t* start = port_.at(port_.options().frames);
  const uint64_t bytes = uint64_t{port_.options().frameCount} * kChunk;
  if (options.hugePages) askForHugePages(start, bytes);
  if (placeOnNode(start, bytes, interface_.numaNode)) placement_.numaNode = interface_.numaNode;
}

// One descriptor for both sockets: an epoll set is itself readable when one of its members is.
void XdpBackend::watchAll() {
  epoll_ = BpfHandle(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) throw IoError("ANDVARI_IO_SYSTEM", "epoll_create1", errno);
  for (const int fd : {xsk_->fd(), kernel_.waitFd()}) {
    epoll_event event = {};
    event.events = EPOLLIN;
    if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
      throw IoError("ANDVARI_IO_SYSTEM", "epoll_ctl", errno);
    }
  }
}

// What the device or the kernel did not take at once: the set wakes the loop until it is gone. A
// set is never writable itself, so wantsWritable() would not do.
void XdpBackend::watchWritable(int fd, bool& watches, bool on) {
  if (on == watches) return;
  epoll_event event = {};
  event.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN;
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, fd, &event) == 0) watches = on;
}

void XdpBackend::refill() {
  uint32_t room = xsk_->fillRoom();
  if (room == 0 || port_.framesFree() <= reserve_) return;
  room = std::min(room, port_.framesFree() - reserve_);
  for (; room > 0; room--) {
    const uint32_t index = port_.frameIndex(port_.takeFrame());
    filled_[index] = 1;
    xsk_->fill(uint64_t{index} * kChunk);
  }
  xsk_->submitFill();
}

void XdpBackend::reap() {
  const uint32_t count = xsk_->completed();
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t index = xsk_->completedChunk(i) / kChunk;
    if (index < filled_.size()) {
      port_.giveFrame(port_.frameAt(static_cast<uint32_t>(index)), Owner::kSending);
    } else {
      port_.counters.refused++;
    }
  }
  if (count == 0) return;
  xsk_->releaseCompleted(count);
  inFlight_ -= std::min(inFlight_, count);
}

uint32_t XdpBackend::receive(uint32_t most) {
  reap();
  uint32_t received = receivePackets(most);
  refill();
  const bool kernelsTurn = received == 0 || ++turns_ % kKernelEvery == 0;
  if (kernelsTurn && received < most) received += receiveByKernel(most - received);
  return received;
}

uint32_t XdpBackend::receiveByKernel(uint32_t most) {
  const EnginePort::Counters before = port_.counters;
  // Those that are longer than a frame go to the inbox.
  const uint32_t large = port_.large().count();
  const uint32_t received = kernel_.receive(most);
  const uint32_t arrived = received + port_.large().count() - large;
  statistics_.byKernel += arrived;
  takings_ += arrived + static_cast<uint32_t>(port_.counters.dropped - before.dropped);
  if (takings_ < kForgetEvery) return received;
  // A port's handles come again after 8192 takings of a peer; none of ours may wait for that.
  takings_ = 0;
  for (uint32_t i = 0; i < peers_.size(); i++) {
    if (peers_[i].handle != port_.handleOf(i)) peers_[i].handle = 0;
  }
  return received;
}

// Gives 0 only when nothing was waiting, or nothing but packets that are refused. Those that come
// meanwhile keep the descriptor readable.
uint32_t XdpBackend::receivePackets(uint32_t most) {
  uint32_t taken = 0, received = 0;
  const uint32_t waiting = xsk_->peek();
  while (taken < waiting && received < most) {
    if (takePacket(xsk_->peeked(taken))) received++;
    taken++;
  }
  if (taken > 0) xsk_->release(taken);
  return received;
}

bool XdpBackend::takePacket(const xdp_desc& descriptor) {
  const uint64_t index = descriptor.addr / kChunk;
  const uint32_t within = descriptor.addr % kChunk;
  if (index >= filled_.size() || !filled_[index]) {
    port_.counters.refused++;
    return false;
  }
  filled_[index] = 0;
  const uint32_t frame = port_.frameAt(static_cast<uint32_t>(index));
  const auto drop = [&](uint64_t& counter) {
    counter++;
    port_.giveFrame(frame, Owner::kKernel);
    return false;
  };
  // An option would say that the packet goes on in the next descriptor, which was not asked for.
  if (descriptor.len > kChunk - within || descriptor.options != 0) {
    return drop(port_.counters.refused);
  }
  PacketPath path;
  Payload payload;
  const uint32_t start = frame + within;
  if (!parseUdpPacket(port_.at(start), descriptor.len, path, payload) || isFromItself(path)) {
    statistics_.malformed++;
    return drop(port_.counters.dropped);
  }
  const uint32_t index32 = port_.takePeer();
  if (index32 == EnginePort::kNoPeer) return drop(port_.counters.dropped);
  peers_[index32] = {path, port_.handleOf(index32)};
  Sender sender = senderOf(port_, path);
  // It came over a wire, whatever it says of itself.
  sender.flags &= ~uint32_t{border::Flag::LOCAL};
  port_.push(frame, start + payload.offset, payload.length, index32, sender);
  return true;
}

uint32_t XdpBackend::placeReply(const Reply& reply, const PacketPath& path, uint32_t& frame) {
  const uint32_t headers = path.headersBytes();
  frame = reply.frame;
  const bool inFrame = frame != 0 && reply.offset >= frame && reply.offset - frame < kChunk;
  if (inFrame && reply.offset - frame >= headers) return reply.offset;
  if (frame == 0) {
    frame = port_.takeFrame();
    if (frame == 0) {
      reap();
      frame = port_.takeFrame();
    }
    if (frame == 0 || !port_.moveFrame(frame, Owner::kKernel, Owner::kSending)) return 0;
  }
  statistics_.copied++;
  std::memmove(port_.at(frame + kCopyOffset), port_.at(reply.offset), reply.length);
  return frame + kCopyOffset;
}

void XdpBackend::send(const Reply& reply) {
  Peer& peer = peers_[reply.peer];
  if (peer.handle != port_.handleOf(reply.peer)) {
    kernel_.send(reply);
    return;
  }
  peer.handle = 0;
  const PacketPath& path = peer.path;
  const uint32_t headers = path.headersBytes();
  const bool fitsPacket = headers - ethernet::kBytes + reply.length <= interface_.mtu;
  uint32_t frame = 0;
  const uint32_t at = fitsPacket && reply.length <= kChunk - kCopyOffset
                          ? placeReply(reply, path, frame)
                          : 0;
  if (at == 0) {
    sendByKernel(reply, path);
    return;
  }
  buildUdpHeaders(port_.at(at), reply.length, path);
  const uint32_t start = at - headers;
  uint32_t bytes = headers + reply.length;
  if (bytes < kEthernetBytesMin && start - frame + kEthernetBytesMin <= kChunk) {
    std::memset(port_.at(start + bytes), 0, kEthernetBytesMin - bytes);
    bytes = kEthernetBytesMin;
  }
  const uint64_t offset = start - port_.options().frames;
  bool sent = xsk_->transmit(offset, bytes);
  if (!sent) {
    xsk_->kick();
    sent = xsk_->transmit(offset, bytes);
  }
  if (sent) {
    inFlight_++;
    port_.counters.sent++;
  } else {
    port_.counters.dropped++;
    port_.giveFrame(frame, Owner::kSending);
  }
}

// A packet to another port (a file transfer's) cannot be answered by this socket.
void XdpBackend::sendByKernel(const Reply& reply, const PacketPath& path) {
  const UdpSocket& socket = kernel_.socket();
  const bool ours = ntohs(path.localPort) == socket.port() && path.v6 == socket.isV6();
  const DatagramBytes bytes = {port_.at(reply.offset), reply.length};
  if (ours && sendFrom(socket.fd(), interface_.index, path, bytes)) {
    statistics_.repliesByKernel++;
    port_.counters.sent++;
  } else {
    port_.counters.dropped++;
  }
  if (reply.frame) port_.giveFrame(reply.frame, Owner::kSending);
}

void XdpBackend::flush() {
  xsk_->kick();
  reap();
  kernel_.flush();
  watchWritable(xsk_->fd(), watchesXsk_, xsk_->unsent() > 0);
  watchWritable(kernel_.waitFd(), watchesKernel_, kernel_.wantsWritable());
}

// Frames that are on their way matter only to one who has no other.
uint32_t XdpBackend::sending() const {
  return kernel_.sending() + (starved() ? inFlight_ : xsk_->unsent());
}

uint64_t XdpBackend::kernelDropped() const {
  // A packet that found no frame in the fill ring is among rx_dropped.
  const xdp_statistics kernel = xsk_->statistics();
  return kernel.rx_dropped + kernel.rx_ring_full + kernel_.kernelDropped();
}

XdpBackend::Statistics XdpBackend::statistics() const {
  Statistics now = statistics_;
  now.kernel = xsk_->statistics();
  return now;
}

}  // namespace andvari
