#include "buffer-ring.h"

#include <sys/mman.h>

#include "io-error.h"

namespace andvari {

BufferRing::BufferRing(Uring& ring, uint32_t buffers, uint32_t bufferBytes)
    : owner_(ring), bufferBytes_(bufferBytes) {
  uint32_t entries = 1;
  while (entries < buffers) entries *= 2;
  mask_ = entries - 1;
  ringBytes_ = uint64_t{entries} * sizeof(io_uring_buf);
  void* const place = mmap(nullptr, ringBytes_, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (place == MAP_FAILED) throw IoError("ANDVARI_IO_SYSTEM", "mmap of a buffer ring", errno);
  ring_ = static_cast<io_uring_buf_ring*>(place);
  io_uring_buf_reg request = {};
  request.ring_addr = reinterpret_cast<uint64_t>(place);
  request.ring_entries = entries;
  const int error = owner_.control(IORING_REGISTER_PBUF_RING, &request, 1);
  if (!error) return;
  munmap(place, ringBytes_);
  const char* const call = "io_uring_register(PBUF_RING)";
  if (error == EINVAL) {
    throw IoError("ANDVARI_IO_UNSUPPORTED", call, error, "io_uring wants Linux 6.1 or newer");
  }
  if (error == ENOMEM) {
    throw IoError("ANDVARI_IO_MEMLOCK", call, error,
                  "raise the limit with ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit");
  }
  throw IoError("ANDVARI_IO_SYSTEM", call, error);
}

BufferRing::~BufferRing() {
  io_uring_buf_reg request = {};
  owner_.control(IORING_UNREGISTER_PBUF_RING, &request, 1);
  munmap(ring_, ringBytes_);
}

void BufferRing::offer(uint8_t* place, uint32_t id) {
  // By hand: `bufs` is a zero-length array inside a union, and the tail lies over the last field of
  // its first entry, so an entry must never be written as a whole.
  auto* const entries = reinterpret_cast<io_uring_buf*>(ring_);
  io_uring_buf& entry = entries[tail_++ & mask_];
  entry.addr = reinterpret_cast<uint64_t>(place);
  entry.len = bufferBytes_;
  entry.bid = static_cast<uint16_t>(id);
  offered_++;
}

}  // namespace andvari
