// The bytes of a WebAssembly.Memory.
#pragma once
#include <napi.h>

#include <cstdint>

namespace andvari {

// Holds the Memory object itself, not its buffer: grow(0) detaches the buffer and leaves the bytes
// where they are, and collecting the Memory would unmap them under the kernel's feet. The memory
// must have initial = maximum, so that it never moves. Shared or not.
class MemoryView {
 public:
  MemoryView() = default;
  // Throws Napi::TypeError when `memory` is no WebAssembly.Memory.
  explicit MemoryView(const Napi::Value& memory);
  MemoryView(MemoryView&&) = default;
  MemoryView& operator=(MemoryView&&) = default;

  uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }
  // Is [offset, offset + length) inside? No sum can wrap: both are 32 bits wide.
  bool holds(uint32_t offset, uint32_t length) const {
    return uint64_t{offset} + length <= size_;
  }

 private:
  uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
  Napi::ObjectReference memory_;
};

}  // namespace andvari
