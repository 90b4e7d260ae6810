#include "bpf.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "io-error.h"
#include "permissions.h"

namespace andvari {
namespace {

// Enough for what the verifier says about a program of this size.
constexpr size_t kVerifierLogBytes = 64 * 1024;

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

uint64_t pointer(const void* to) { return reinterpret_cast<uintptr_t>(to); }

// The verifier's last line that is not its statistics says what it minded.
std::string lastComplaint(const std::string& log) {
  std::string complaint;
  for (size_t start = 0; start < log.size();) {
    size_t end = log.find('\n', start);
    if (end == std::string::npos) end = log.size();
    const std::string line = log.substr(start, end - start);
    if (!line.empty() && line.rfind("processed ", 0) != 0) complaint = line;
    start = end + 1;
  }
  return complaint;
}

[[noreturn]] void refuse(const char* what, int error) {
  if (error == EPERM || error == EACCES) {
    requireXdpCapabilities();
    rlimit limit = {};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    // For its maps not even CAP_IPC_LOCK lifts the limit.
    if (!chargesMapsAsLocked() || limit.rlim_cur == RLIM_INFINITY) refusePermission(what, error);
    throw IoError("ANDVARI_IO_MEMLOCK", what, error,
                  "raise the limit of locked memory: `ulimit -l unlimited`, or "
                  "LimitMEMLOCK=infinity in the service's unit");
  }
  if (error == ENOSYS || error == EINVAL) {
    throw IoError("ANDVARI_IO_UNSUPPORTED", what, error,
                  "use a kernel of Linux 5.9 or newer with CONFIG_BPF_SYSCALL and "
                  "CONFIG_XDP_SOCKETS, or another backend");
  }
  throw IoError("ANDVARI_IO_SYSTEM", what, error);
}

}  // namespace

BpfHandle& BpfHandle::operator=(BpfHandle&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

void BpfHandle::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

BpfAssembler::Label BpfAssembler::label() {
  labels_.push_back(-1);
  return static_cast<Label>(labels_.size() - 1);
}

void BpfAssembler::place(Label label) {
  labels_.at(label) = static_cast<int64_t>(instructions_.size());
}

void BpfAssembler::emit(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
  bpf_insn instruction;
  std::memset(&instruction, 0, sizeof instruction);
  instruction.code = code;
  instruction.dst_reg = to & 0xf;
  instruction.src_reg = from & 0xf;
  instruction.off = offset;
  instruction.imm = value;
  instructions_.push_back(instruction);
}

void BpfAssembler::emitJump(uint8_t code, uint8_t left, uint8_t right, int32_t value, Label to) {
  jumps_.push_back({instructions_.size(), to});
  emit(code, left, right, 0, value);
}

void BpfAssembler::load(uint8_t size, uint8_t to, uint8_t from, int16_t offset) {
  emit(BPF_LDX | BPF_MEM | size, to, from, offset, 0);
}

void BpfAssembler::store(uint8_t size, uint8_t to, int16_t offset, uint8_t from) {
  emit(BPF_STX | BPF_MEM | size, to, from, offset, 0);
}

void BpfAssembler::move(uint8_t to, uint8_t from) {
  emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

void BpfAssembler::moveValue(uint8_t to, int32_t value) {
  emit(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

void BpfAssembler::addValue(uint8_t to, int32_t value) {
  emit(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value);
}

void BpfAssembler::andValue(uint8_t to, int32_t value) {
  emit(BPF_ALU64 | BPF_AND | BPF_K, to, 0, 0, value);
}

void BpfAssembler::loadMap(uint8_t to, int mapFd) {
  emit(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, mapFd);
  emit(0, 0, 0, 0, 0);
}

void BpfAssembler::jumpIf(uint8_t operation, uint8_t left, uint8_t right, Label to) {
  emitJump(BPF_JMP | operation | BPF_X, left, right, 0, to);
}

void BpfAssembler::jumpIfValue(uint8_t operation, uint8_t left, int32_t value, Label to) {
  emitJump(BPF_JMP | operation | BPF_K, left, 0, value, to);
}

void BpfAssembler::jumpIf32(uint8_t operation, uint8_t left, uint32_t value, Label to) {
  emitJump(BPF_JMP32 | operation | BPF_K, left, 0, static_cast<int32_t>(value), to);
}

void BpfAssembler::jump(Label to) { emitJump(BPF_JMP | BPF_JA, 0, 0, 0, to); }

void BpfAssembler::call(int32_t helper) { emit(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }

void BpfAssembler::exit() { emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

std::vector<bpf_insn> BpfAssembler::finish() {
  for (const Jump& jump : jumps_) {
    const int64_t target = labels_.at(jump.to);
    if (target < 0) throw std::logic_error("a jump to a label that was never placed");
    const int64_t distance = target - static_cast<int64_t>(jump.at) - 1;
    if (distance < INT16_MIN || distance > INT16_MAX) throw std::logic_error("a jump too far");
    instructions_[jump.at].off = static_cast<int16_t>(distance);
  }
  return instructions_;
}

BpfHandle createMap(bpf_map_type type, uint32_t keyBytes, uint32_t valueBytes, uint32_t entries) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_type = type;
  attributes.key_size = keyBytes;
  attributes.value_size = valueBytes;
  attributes.max_entries = entries;
  const int fd = bpf(BPF_MAP_CREATE, attributes);
  if (fd < 0) refuse("bpf(BPF_MAP_CREATE)", errno);
  return BpfHandle(fd);
}

BpfHandle loadXdpProgram(const std::vector<bpf_insn>& instructions) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_XDP;
  attributes.insns = pointer(instructions.data());
  attributes.insn_cnt = static_cast<uint32_t>(instructions.size());
  attributes.license = pointer("Dual MIT/GPL");
  attributes.expected_attach_type = BPF_XDP;
  std::memcpy(attributes.prog_name, "andvari", sizeof "andvari");
  int fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd >= 0) return BpfHandle(fd);
  const int error = errno;
  // Asked again with a log only when refused: writing the log costs more than the check.
  std::string log(kVerifierLogBytes, '\0');
  attributes.log_buf = pointer(log.data());
  attributes.log_size = static_cast<uint32_t>(log.size());
  attributes.log_level = 1;
  fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd >= 0) return BpfHandle(fd);
  log.resize(std::strlen(log.c_str()));
  const std::string complaint = lastComplaint(log);
  if (complaint.empty()) refuse("bpf(BPF_PROG_LOAD)", error);
  throw IoError("ANDVARI_IO_UNSUPPORTED", "bpf(BPF_PROG_LOAD), " + complaint, error,
                "use a kernel of Linux 5.9 or newer, or another backend");
}

int updateMap(int mapFd, const void* key, const void* value) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = static_cast<uint32_t>(mapFd);
  attributes.key = pointer(key);
  attributes.value = pointer(value);
  attributes.flags = BPF_ANY;
  return bpf(BPF_MAP_UPDATE_ELEM, attributes) < 0 ? errno : 0;
}

int deleteFromMap(int mapFd, const void* key) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = static_cast<uint32_t>(mapFd);
  attributes.key = pointer(key);
  return bpf(BPF_MAP_DELETE_ELEM, attributes) < 0 ? errno : 0;
}

int createXdpLink(int programFd, int interfaceIndex, uint32_t flags, BpfHandle& link) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.link_create.prog_fd = static_cast<uint32_t>(programFd);
  attributes.link_create.target_ifindex = static_cast<uint32_t>(interfaceIndex);
  attributes.link_create.attach_type = BPF_XDP;
  attributes.link_create.flags = flags;
  const int fd = bpf(BPF_LINK_CREATE, attributes);
  if (fd < 0) return errno;
  link = BpfHandle(fd);
  return 0;
}

int runXdpProgram(int programFd, const uint8_t* packet, uint32_t bytes, uint32_t& verdict) {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.test.prog_fd = static_cast<uint32_t>(programFd);
  attributes.test.data_in = pointer(packet);
  attributes.test.data_size_in = bytes;
  attributes.test.repeat = 1;
  if (bpf(BPF_PROG_TEST_RUN, attributes) < 0) return errno;
  verdict = attributes.test.retval;
  return 0;
}

}  // namespace andvari
