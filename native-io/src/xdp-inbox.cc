#include "xdp-inbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>

#include "bpf.h"
#include "far-end.h"
#include "io-error.h"
#include "memory-placement.h"
#include "udp-headroom.h"

namespace andvari {
namespace {

constexpr uint32_t kChunk = Xsk::kChunkBytes;
constexpr uint32_t kLetterBytes = 32;

// Where the kernel's own socket would say that it came from.
SocketAddress senderOf(const PacketPath& path) {
  SocketAddress from{};
  if (path.v6) {
    from.v6.sin6_family = AF_INET6;
    from.v6.sin6_port = path.remotePort;
    std::memcpy(&from.v6.sin6_addr, path.remoteIp, 16);
  } else {
    from.v4.sin_family = AF_INET;
    from.v4.sin_port = path.remotePort;
    std::memcpy(&from.v4.sin_addr, path.remoteIp, 4);
  }
  return from;
}

bool isLinkLocal(const uint8_t* v6) { return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80; }

// A ring holds every frame of its queue.
uint32_t ringFor(uint32_t frames) {
  uint32_t entries = XdpInbox::kFramesMin;
  while (entries < frames) entries *= 2;
  return entries;
}

}  // namespace

XdpAttachmentOptions XdpInbox::attachmentOf(const UdpSocket& socket,
                                            const XdpInboxOptions& options) {
  XdpAttachmentOptions wanted;
  wanted.interface = options.interface;
  wanted.host = socket.host();
  wanted.port = socket.port();
  const uint32_t most = std::min(options.frameCount / kFramesMin, kQueuesMax);
  const uint32_t all = findInterface(options.interface).receiveQueues;
  wanted.queues = options.queues ? options.queues : std::min(all, most);
  wanted.tryNative = options.tryNative;
  wanted.tryGeneric = options.tryGeneric;
  wanted.prefixAtPort = true;
  return wanted;
}

XdpInbox::XdpInbox(const UdpSocket& socket, LocalAddresses& locals, const MemoryView& memory,
                   const XdpInboxOptions& options, DatagramCounters& counters)
    : socket_(socket),
      locals_(locals),
      counters_(counters),
      memory_(memory),
      attachment_(attachmentOf(socket, options)) {
  uint8_t* const start = memory.data() + options.frames;
  const uint64_t bytes = uint64_t{options.frameCount} * kChunk;
  askForHugePages(start, bytes);
  placeOnNode(start, bytes, attachment_.interface().numaNode);
  const uint32_t each = options.frameCount / attachment_.queues();
  queues_.resize(attachment_.queues());
  for (uint32_t i = 0; i < queues_.size(); i++) open(i, options.frames + i * each * kChunk, each);
  hugePageBytes_ = andvari::hugePageBytes(start, bytes);
  watchAll();
}

XdpInbox::~XdpInbox() {
  // The program first: what comes from now on goes to the socket.
  attachment_.close();
}

void XdpInbox::open(uint32_t index, uint32_t frames, uint32_t count) {
  Queue& queue = queues_[index];
  queue.frames = frames;
  queue.filled.assign(count, 0);
  queue.told.reserve(count);
  for (uint32_t i = 0; i < count; i++) queue.told.push_back(i);
  XskOptions options;
  options.interface = attachment_.interface().name;
  options.interfaceIndex = attachment_.interface().index;
  options.queue = index;
  options.umem = memory_.data() + frames;
  options.umemBytes = uint64_t{count} * kChunk;
  options.headroom = headroomFor(socket_.host());
  options.ringEntries = ringFor(count);
  options.copyOnly = attachment_.mode() == XdpMode::kGeneric;
  queue.xsk = std::make_unique<Xsk>(options);
  refill(queue);
  const int fd = queue.xsk->fd();
  const int error = updateMap(attachment_.socketMapFd(), &index, &fd);
  if (error) throw IoError("ANDVARI_IO_SYSTEM", "bpf(BPF_MAP_UPDATE_ELEM) of the sockets", error);
}

// One descriptor for all queues: an epoll set is itself readable when one of its members is.
void XdpInbox::watchAll() {
  epoll_ = BpfHandle(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) throw IoError("ANDVARI_IO_SYSTEM", "epoll_create1", errno);
  for (const Queue& queue : queues_) {
    epoll_event event = {};
    event.events = EPOLLIN;
    if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, queue.xsk->fd(), &event) != 0) {
      throw IoError("ANDVARI_IO_SYSTEM", "epoll_ctl", errno);
    }
  }
}

void XdpInbox::refill(Queue& queue) {
  if (queue.told.empty()) return;
  uint32_t room = queue.xsk->fillRoom();
  for (; room > 0 && !queue.told.empty(); room--) {
    const uint32_t index = queue.told.back();
    queue.told.pop_back();
    queue.filled[index] = 1;
    queue.xsk->fill(uint64_t{index} * kChunk);
  }
  queue.xsk->submitFill();
}

uint32_t XdpInbox::receive(uint8_t* letters, uint32_t most) {
  uint32_t count = 0;
  const auto all = static_cast<uint32_t>(queues_.size());
  for (Queue& queue : queues_) refill(queue);
  for (uint32_t i = 0; i < all && count < most; i++) {
    Queue& queue = queues_[(next_ + i) % all];
    count += receiveFrom(queue, letters + count * kLetterBytes, most - count);
  }
  next_ = (next_ + 1) % all;
  counters_.received += count;
  statistics_.packets += count;
  return count;
}

uint32_t XdpInbox::receiveFrom(Queue& queue, uint8_t* letters, uint32_t most) {
  uint32_t taken = 0, count = 0;
  const uint32_t waiting = queue.xsk->peek();
  for (; taken < waiting && count < most; taken++) {
    if (tell(queue, queue.xsk->peeked(taken), letters + count * kLetterBytes)) count++;
  }
  if (taken > 0) queue.xsk->release(taken);
  return count;
}

bool XdpInbox::tell(Queue& queue, const xdp_desc& descriptor, uint8_t* letter) {
  const uint64_t index = descriptor.addr / kChunk;
  const uint32_t within = descriptor.addr % kChunk;
  if (index >= queue.filled.size() || !queue.filled[index]) {
    counters_.refused++;
    return false;
  }
  queue.filled[index] = 0;
  queue.told.push_back(static_cast<uint32_t>(index));
  const uint32_t start = queue.frames + static_cast<uint32_t>(index) * kChunk + within;
  PacketPath path;
  Payload payload;
  // An option would say that the packet goes on in the next descriptor, which was not asked for.
  if (descriptor.len > kChunk - within || descriptor.options != 0 ||
      !parseUdpPacket(memory_.data() + start, descriptor.len, path, payload) ||
      payload.length == 0) {
    statistics_.malformed++;
    counters_.dropped++;
    return false;
  }
  const uint32_t offset = start + payload.offset;
  std::memcpy(letter, &offset, 4);
  std::memcpy(letter + 4, &payload.length, 4);
  writeFarEnd(senderOf(path), localOf(path), letter + 8);
  return true;
}

// The same number as by the socket: the engine knows a path by it.
uint16_t XdpInbox::localOf(const PacketPath& path) {
  if (!socket_.isAnyAddress()) return 0;
  LocalAddress local;
  if (path.v6) {
    std::memcpy(&local.address, path.localIp, 16);
    const bool scoped = isLinkLocal(path.localIp) || isLinkLocal(path.remoteIp);
    if (scoped) local.interface = static_cast<uint32_t>(attachment_.interface().index);
  } else {
    local.address.s6_addr[10] = local.address.s6_addr[11] = 0xff;
    std::memcpy(local.address.s6_addr + 12, path.localIp, 4);
  }
  return locals_.numberOf(local);
}

bool XdpInbox::zeroCopy() const {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const Queue& queue) { return queue.xsk->zeroCopy(); });
}

XdpInbox::Statistics XdpInbox::statistics() const {
  Statistics now = statistics_;
  for (const Queue& queue : queues_) {
    const xdp_statistics kernel = queue.xsk->statistics();
    now.ringFull += kernel.rx_ring_full;
    now.framesMissing += kernel.rx_fill_ring_empty_descs;
    now.kernelDropped += kernel.rx_dropped + kernel.rx_ring_full;
  }
  return now;
}

}  // namespace andvari
