// BPF by its one system call: maps, programs, links and test runs, and an assembler with labels.
// Users need no clang and no libbpf; the programs are a few dozen instructions.
#pragma once
#include <linux/bpf.h>

#include <cstdint>
#include <string>
#include <vector>

namespace andvari {

// Owns a file descriptor; every BPF object lives exactly as long as its descriptors.
class BpfHandle {
 public:
  BpfHandle() = default;
  explicit BpfHandle(int fd) : fd_(fd) {}
  ~BpfHandle() { reset(); }
  BpfHandle(BpfHandle&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  BpfHandle& operator=(BpfHandle&& other) noexcept;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// Instructions with jumps by label. A label that is never placed, or one that lies too far away, is
// a fault of the caller and throws std::logic_error in finish(). Offsets and sizes are bytes; the
// sizes are BPF_B, BPF_H, BPF_W and BPF_DW.
class BpfAssembler {
 public:
  using Label = uint32_t;
  Label label();
  void place(Label label);

  void load(uint8_t size, uint8_t to, uint8_t from, int16_t offset);
  void store(uint8_t size, uint8_t to, int16_t offset, uint8_t from);
  void move(uint8_t to, uint8_t from);
  void moveValue(uint8_t to, int32_t value);
  void addValue(uint8_t to, int32_t value);
  void andValue(uint8_t to, int32_t value);
  // The address of a map, by its descriptor (two instructions).
  void loadMap(uint8_t to, int mapFd);
  // Jumps when `left operation right`; operation is BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JSET, ... The
  // value of jumpIf32 is compared with the lower 32 bits, so that it is not sign-extended.
  void jumpIf(uint8_t operation, uint8_t left, uint8_t right, Label to);
  void jumpIfValue(uint8_t operation, uint8_t left, int32_t value, Label to);
  void jumpIf32(uint8_t operation, uint8_t left, uint32_t value, Label to);
  void jump(Label to);
  void call(int32_t helper);
  void exit();

  // The instructions with every jump resolved.
  std::vector<bpf_insn> finish();

 private:
  struct Jump {
    size_t at;
    Label to;
  };
  void emit(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value);
  void emitJump(uint8_t code, uint8_t left, uint8_t right, int32_t value, Label to);

  std::vector<bpf_insn> instructions_;
  std::vector<int64_t> labels_;
  std::vector<Jump> jumps_;
};

// All throw IoError: ANDVARI_IO_PERMISSION without the capability or where bpf() is forbidden,
// ANDVARI_IO_MEMLOCK where maps count against the limit (before Linux 5.11),
// ANDVARI_IO_UNSUPPORTED where the kernel has no such thing, else ANDVARI_IO_SYSTEM.
BpfHandle createMap(bpf_map_type type, uint32_t keyBytes, uint32_t valueBytes, uint32_t entries);
BpfHandle loadXdpProgram(const std::vector<bpf_insn>& instructions);

// Give 0 or a positive errno.
int updateMap(int mapFd, const void* key, const void* value);
int deleteFromMap(int mapFd, const void* key);
// A link that detaches with its last descriptor. `flags`: XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE.
int createXdpLink(int programFd, int interfaceIndex, uint32_t flags, BpfHandle& link);
// What the program decides about `packet` (an Ethernet frame): XDP_PASS, XDP_REDIRECT, ...
int runXdpProgram(int programFd, const uint8_t* packet, uint32_t bytes, uint32_t& verdict);

}  // namespace andvari
