// The buffers that io_uring receives into, offered to the kernel by a ring of their own.
#pragma once
#include <linux/io_uring.h>

#include <cstdint>

#include "uring.h"

namespace andvari {

// Buffers of one size; group 0 of its ring. The kernel takes them in the order they were offered.
class BufferRing {
 public:
  static constexpr uint32_t kBuffersMax = 32768;

  // Room for `buffers` of them. Throws IoError ANDVARI_IO_UNSUPPORTED, ANDVARI_IO_MEMLOCK or
  // ANDVARI_IO_SYSTEM.
  BufferRing(Uring& ring, uint32_t buffers, uint32_t bufferBytes);
  // No receive may be under way any more.
  ~BufferRing();
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;

  // Offers the bytes at `place`; the kernel names them `id` when it has filled them.
  void offer(uint8_t* place, uint32_t id);
  // Shows the kernel what has been offered.
  void publish() { __atomic_store_n(&ring_->tail, tail_, __ATOMIC_RELEASE); }
  // The kernel has taken one.
  void taken() { offered_--; }
  uint32_t offered() const { return offered_; }

 private:
  Uring& owner_;
  const uint32_t bufferBytes_;
  uint32_t mask_ = 0;
  uint64_t ringBytes_ = 0;
  io_uring_buf_ring* ring_ = nullptr;
  uint16_t tail_ = 0;
  uint32_t offered_ = 0;
};

}  // namespace andvari
