#include "xsk.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>

#include "io-error.h"
#include "permissions.h"

// Numbers that older headers lack; the kernel's interface does not change them.
#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

namespace andvari {
namespace {

constexpr uint32_t kBindTriesMax = 400;
constexpr long kBindPauseNs = 5'000'000;
// A kick without the larger budget (Linux 6.17) sends 32 packets in copy mode.
constexpr uint32_t kPacketsPerKick = 32;
// Generic sending charges every packet to the socket; the default is full after 277 small ones.
constexpr int kSendBufferBytes = 4 << 20;

uint32_t load(const uint32_t* from) { return __atomic_load_n(from, __ATOMIC_ACQUIRE); }
void store(uint32_t* to, uint32_t value) { __atomic_store_n(to, value, __ATOMIC_RELEASE); }

// What the kernel has put in and we have not taken. More than the ring holds would be a broken
// ring: then there is nothing.
uint32_t available(const XskRing& ring) {
  const uint32_t count = load(ring.producer) - ring.own;
  return count <= ring.size ? count : 0;
}

uint32_t room(const XskRing& ring) {
  const uint32_t used = ring.own - load(ring.consumer);
  return used <= ring.size ? ring.size - used : 0;
}

template <typename Entry>
Entry& entry(const XskRing& ring, uint32_t index) {
  return reinterpret_cast<Entry*>(ring.entries)[index & (ring.size - 1)];
}

// The limit is one for all sockets, of all processes of this user; how much of it is taken the
// kernel does not tell.
std::string memlockMend(uint64_t bytes) {
  return "this socket's frames are " + std::to_string(bytes >> 20) +
         " MiB, more than is left of the limit of " + std::to_string(lockableBytes() >> 20) +
         " MiB: raise it with `ulimit -l` or LimitMEMLOCK= in the service's unit, or give "
         "CAP_IPC_LOCK";
}

}  // namespace

Xsk::Xsk(const XskOptions& options) : socket_(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)) {
  if (!socket_) {
    const int error = errno;
    if (error == EPERM || error == EACCES) refusePermission("socket(AF_XDP)", error);
    throw IoError("ANDVARI_IO_UNSUPPORTED", "socket(AF_XDP)", error,
                  "use a kernel with CONFIG_XDP_SOCKETS, or another backend");
  }
  try {
    registerUmem(options);
    mapRings(options.ringEntries);
    bindQueue(options);
  } catch (...) {
    unmapRings();
    throw;
  }
  setBestEffort(options.ringEntries);
}

Xsk::~Xsk() {
  // The socket first: after that the kernel no longer writes to the rings or the UMEM.
  socket_.reset();
  unmapRings();
}

void Xsk::registerUmem(const XskOptions& options) {
  xdp_umem_reg umem = {};
  umem.addr = reinterpret_cast<uintptr_t>(options.umem);
  umem.len = options.umemBytes;
  umem.chunk_size = kChunkBytes;
  umem.headroom = options.headroom;
  if (setsockopt(fd(), SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) == 0) return;
  const int error = errno;
  if (error == EPERM || error == EACCES) refusePermission("XDP_UMEM_REG", error);
  if (error == ENOBUFS) {
    throw IoError("ANDVARI_IO_MEMLOCK", "XDP_UMEM_REG", error, memlockMend(options.umemBytes));
  }
  if (error == ENOPROTOOPT) {
    throw IoError("ANDVARI_IO_UNSUPPORTED", "XDP_UMEM_REG", error,
                  "use a kernel of Linux 5.9 or newer, or another backend");
  }
  throw IoError("ANDVARI_IO_SYSTEM", "XDP_UMEM_REG", error);
}

void Xsk::mapRings(uint32_t entries) {
  for (const int option :
       {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING}) {
    if (setsockopt(fd(), SOL_XDP, option, &entries, sizeof entries) != 0) {
      throw IoError("ANDVARI_IO_SYSTEM",
                    "setsockopt(SOL_XDP) for rings of " + std::to_string(entries), errno,
                    "choose a smaller power of two as the ring size");
    }
  }
  xdp_mmap_offsets offsets = {};
  socklen_t bytes = sizeof offsets;
  if (getsockopt(fd(), SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes) != 0) {
    throw IoError("ANDVARI_IO_SYSTEM", "XDP_MMAP_OFFSETS", errno);
  }
  if (bytes != sizeof offsets) {
    // Before Linux 5.4 the rings had no flags, and so no need-wakeup.
    throw IoError("ANDVARI_IO_UNSUPPORTED", "XDP_MMAP_OFFSETS", ENOSYS,
                  "use a kernel of Linux 5.9 or newer, or another backend");
  }
  for (XskRing* ring : {&fill_, &completion_, &rx_, &tx_}) ring->size = entries;
  mapRing(rx_, offsets.rx, sizeof(xdp_desc), XDP_PGOFF_RX_RING);
  mapRing(tx_, offsets.tx, sizeof(xdp_desc), XDP_PGOFF_TX_RING);
  mapRing(fill_, offsets.fr, sizeof(uint64_t), XDP_UMEM_PGOFF_FILL_RING);
  mapRing(completion_, offsets.cr, sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
}

void Xsk::mapRing(XskRing& ring, const xdp_ring_offset& offset, size_t entryBytes,
                  uint64_t page) {
  const size_t bytes = offset.desc + ring.size * entryBytes;
  void* map = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd(),
                   static_cast<off_t>(page));
  if (map == MAP_FAILED) throw IoError("ANDVARI_IO_SYSTEM", "mmap of a ring", errno);
  ring.map = map;
  ring.mapBytes = bytes;
  auto* base = static_cast<uint8_t*>(map);
  ring.producer = reinterpret_cast<uint32_t*>(base + offset.producer);
  ring.consumer = reinterpret_cast<uint32_t*>(base + offset.consumer);
  ring.flags = reinterpret_cast<uint32_t*>(base + offset.flags);
  ring.entries = base + offset.desc;
}

void Xsk::bindQueue(const XskOptions& options) {
  sockaddr_xdp address = {};
  address.sxdp_family = AF_XDP;
  address.sxdp_ifindex = static_cast<uint32_t>(options.interfaceIndex);
  address.sxdp_queue_id = options.queue;
  // With neither XDP_ZEROCOPY nor XDP_COPY the kernel tries the first and falls back to the second.
  address.sxdp_flags = XDP_USE_NEED_WAKEUP;
  if (options.copyOnly) address.sxdp_flags |= XDP_COPY;
  int error = 0;
  for (uint32_t tries = 0; tries < kBindTriesMax; tries++) {
    if (bind(fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      xdp_options bound = {};
      socklen_t bytes = sizeof bound;
      getsockopt(fd(), SOL_XDP, XDP_OPTIONS, &bound, &bytes);
      zeroCopy_ = (bound.flags & XDP_OPTIONS_ZEROCOPY) != 0;
      return;
    }
    error = errno;
    if (error != EBUSY) break;
    const timespec pause = {0, kBindPauseNs};
    nanosleep(&pause, nullptr);
  }
  const std::string what =
      "bind(AF_XDP) to queue " + std::to_string(options.queue) + " of " + options.interface;
  switch (error) {
    case EBUSY:
      throw IoError("ANDVARI_IO_QUEUE_BUSY", what, error,
                    "end the other program that has an AF_XDP socket on it, or use another queue");
    case ENODEV:
      throw IoError("ANDVARI_IO_INTERFACE", what, error, "name an interface of `ip link`");
    case ENETDOWN:
      throw IoError("ANDVARI_IO_INTERFACE", what, error,
                    "bring it up: `ip link set " + options.interface + " up`");
    case EINVAL:
      throw IoError("ANDVARI_IO_QUEUE", what, error,
                    "use a queue that `ethtool -l " + options.interface + "` lists");
    default:
      throw IoError("ANDVARI_IO_SYSTEM", what, error);
  }
}

void Xsk::setBestEffort(uint32_t entries) {
  int budget = static_cast<int>(entries);
  setsockopt(fd(), SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof budget);
  const int bytes = kSendBufferBytes;
  if (setsockopt(fd(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
}

void Xsk::unmapRings() {
  for (XskRing* ring : {&fill_, &completion_, &rx_, &tx_}) {
    if (ring->map) munmap(ring->map, ring->mapBytes);
    *ring = XskRing();
  }
}

uint32_t Xsk::fillRoom() const { return room(fill_); }

void Xsk::fill(uint64_t chunk) { entry<uint64_t>(fill_, fill_.own++) = chunk; }

void Xsk::submitFill() {
  store(fill_.producer, fill_.own);
  // A zero-copy driver that ran out of chunks waits to be told of new ones.
  if (load(fill_.flags) & XDP_RING_NEED_WAKEUP) {
    recvfrom(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
  }
}

uint32_t Xsk::peek() const { return available(rx_); }

xdp_desc Xsk::peeked(uint32_t index) const { return entry<xdp_desc>(rx_, rx_.own + index); }

void Xsk::release(uint32_t count) {
  rx_.own += count;
  store(rx_.consumer, rx_.own);
}

bool Xsk::transmit(uint64_t offset, uint32_t bytes) {
  if (room(tx_) == 0) return false;
  entry<xdp_desc>(tx_, tx_.own++) = {offset, bytes, 0};
  return true;
}

void Xsk::kick() {
  if (*tx_.producer != tx_.own) store(tx_.producer, tx_.own);
  // Bounded, and ended by the first call that moves nothing: the device or the completion ring is
  // full then, and the next turn goes on.
  for (uint32_t calls = 0; calls <= tx_.size / kPacketsPerKick; calls++) {
    const uint32_t before = unsent();
    if (before == 0 || !(load(tx_.flags) & XDP_RING_NEED_WAKEUP)) return;
    sendto(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
    if (unsent() == before) return;
  }
}

uint32_t Xsk::unsent() const { return std::min(tx_.own - load(tx_.consumer), tx_.size); }

uint32_t Xsk::completed() const { return available(completion_); }

uint64_t Xsk::completedChunk(uint32_t index) const {
  return entry<uint64_t>(completion_, completion_.own + index);
}

void Xsk::releaseCompleted(uint32_t count) {
  completion_.own += count;
  store(completion_.consumer, completion_.own);
}

xdp_statistics Xsk::statistics() const {
  xdp_statistics statistics = {};
  socklen_t bytes = sizeof statistics;
  getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &statistics, &bytes);
  return statistics;
}

}  // namespace andvari
