// One AF_XDP socket on one queue of an interface, by system calls alone: the UMEM and its four
// rings. Offsets are bytes within the UMEM; the rings lie outside the WebAssembly memory, so that
// nothing but the kernel and this class writes to them.
#pragma once
#include <linux/if_xdp.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bpf.h"

namespace andvari {

// A ring that the kernel and we share. Producers reserve and submit, consumers peek and release;
// our own index is kept here and published once per batch.
struct XskRing {
  uint32_t* producer = nullptr;
  uint32_t* consumer = nullptr;
  uint32_t* flags = nullptr;
  uint8_t* entries = nullptr;
  uint32_t size = 0;
  uint32_t own = 0;  // our producer or consumer index
  void* map = nullptr;
  size_t mapBytes = 0;
};

struct XskOptions {
  std::string interface;
  int interfaceIndex = 0;
  uint32_t queue = 0;
  uint8_t* umem = nullptr;  // page-aligned
  uint64_t umemBytes = 0;
  uint32_t headroom = 0;     // between the kernel's own 256 bytes and the frame
  uint32_t ringEntries = 0;  // of each ring; a power of two
  bool copyOnly = false;     // a program in generic mode cannot fill a zero-copy queue
};

class Xsk {
 public:
  static constexpr uint32_t kChunkBytes = 4096;
  // XDP_PACKET_HEADROOM: the kernel's, at the start of every chunk.
  static constexpr uint32_t kKernelHeadroom = 256;

  // Registers the UMEM, maps the rings and binds; the socket gets nothing before it stands in the
  // program's map. Waits up to two seconds for a queue that has just been let go: the kernel
  // unregisters sockets from a work queue. Throws IoError.
  explicit Xsk(const XskOptions& options);
  ~Xsk();
  Xsk(const Xsk&) = delete;
  Xsk& operator=(const Xsk&) = delete;

  int fd() const { return socket_.fd(); }
  bool zeroCopy() const { return zeroCopy_; }

  // Fill ring: chunks for the kernel to write to.
  uint32_t fillRoom() const;
  void fill(uint64_t chunk);
  void submitFill();
  // Packets that have come, without taking them; release() takes the first `count`.
  uint32_t peek() const;
  xdp_desc peeked(uint32_t index) const;
  void release(uint32_t count);
  // A packet to send; false: the ring is full. kick() makes the kernel send.
  bool transmit(uint64_t offset, uint32_t bytes);
  void kick();
  // Packets that the kernel has not yet taken from the ring.
  uint32_t unsent() const;
  // Chunks that have been sent: peek, read, release.
  uint32_t completed() const;
  uint64_t completedChunk(uint32_t index) const;
  void releaseCompleted(uint32_t count);

  xdp_statistics statistics() const;

 private:
  void registerUmem(const XskOptions& options);
  void mapRings(uint32_t entries);
  void mapRing(XskRing& ring, const xdp_ring_offset& offset, size_t entryBytes, uint64_t page);
  void bindQueue(const XskOptions& options);
  void setBestEffort(uint32_t entries);
  void unmapRings();

  BpfHandle socket_;
  XskRing fill_, completion_, rx_, tx_;
  bool zeroCopy_ = false;
};

}  // namespace andvari
