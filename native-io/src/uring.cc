#include "uring.h"

#include <linux/time_types.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "io-error.h"

namespace andvari {
namespace {

[[noreturn]] void failSetup(int error) {
  const char* const call = "io_uring_setup";
  switch (error) {
    case ENOSYS:
      throw IoError("ANDVARI_IO_UNSUPPORTED", call, error,
                    "this kernel is built without io_uring; use backend = \"mmsg\"");
    case EINVAL:
      throw IoError("ANDVARI_IO_UNSUPPORTED", call, error, "io_uring wants Linux 6.1 or newer");
    case EPERM:
    case EACCES:
      throw IoError("ANDVARI_IO_PERMISSION", call, error,
                    "allow it with sysctl kernel.io_uring_disabled=0, and in the seccomp profile "
                    "of the container");
    case ENOMEM:
      throw IoError("ANDVARI_IO_MEMLOCK", call, error,
                    "raise the limit with ulimit -l unlimited, or LimitMEMLOCK=infinity in the "
                    "unit");
    default:
      throw IoError("ANDVARI_IO_SYSTEM", call, error);
  }
}

uint32_t* wordAt(void* base, uint32_t offset) {
  return reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(base) + offset);
}

uint32_t load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

}  // namespace

Uring::Uring(const Options& options) : sqpoll_(options.sqpoll) {
  io_uring_params params = {};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER;
  // With a thread of the kernel there is no caller in whose system call work could be done.
  params.flags |= sqpoll_ ? IORING_SETUP_SQPOLL : IORING_SETUP_DEFER_TASKRUN;
  params.cq_entries = options.completions;
  params.sq_thread_idle = options.idleMs;
  fd_ = static_cast<int>(syscall(__NR_io_uring_setup, options.entries, &params));
  if (fd_ < 0) failSetup(errno);
  try {
    map(params);
    eventFd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (eventFd_ < 0) throw IoError("ANDVARI_IO_SYSTEM", "eventfd", errno);
    const int error = control(IORING_REGISTER_EVENTFD, &eventFd_, 1);
    if (error) throw IoError("ANDVARI_IO_SYSTEM", "io_uring_register(EVENTFD)", error);
  } catch (...) {
    release();
    throw;
  }
}

Uring::~Uring() { release(); }

void Uring::map(const io_uring_params& params) {
  if (!(params.features & IORING_FEAT_SINGLE_MMAP) || !(params.features & IORING_FEAT_EXT_ARG)) {
    failSetup(EINVAL);
  }
  const uint64_t submissionBytes = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  const uint64_t completionBytes = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  ringBytes_ = submissionBytes > completionBytes ? submissionBytes : completionBytes;
  entryBytes_ = params.sq_entries * sizeof(io_uring_sqe);
  const auto mapped = [this](uint64_t bytes, off_t what) {
    void* const place =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, what);
    if (place == MAP_FAILED) throw IoError("ANDVARI_IO_SYSTEM", "mmap of io_uring", errno);
    return place;
  };
  rings_ = mapped(ringBytes_, IORING_OFF_SQ_RING);
  entries_ = static_cast<io_uring_sqe*>(mapped(entryBytes_, IORING_OFF_SQES));
  submissionHead_ = wordAt(rings_, params.sq_off.head);
  submissionTail_ = wordAt(rings_, params.sq_off.tail);
  submissionFlags_ = wordAt(rings_, params.sq_off.flags);
  submissionMask_ = *wordAt(rings_, params.sq_off.ring_mask);
  completionHead_ = wordAt(rings_, params.cq_off.head);
  completionTail_ = wordAt(rings_, params.cq_off.tail);
  completionFlags_ = wordAt(rings_, params.cq_off.flags);
  completionMask_ = *wordAt(rings_, params.cq_off.ring_mask);
  completions_ = reinterpret_cast<io_uring_cqe*>(wordAt(rings_, params.cq_off.cqes));
  // Entry i of the queue is always entry i of the array: the indirection is not used.
  uint32_t* const array = wordAt(rings_, params.sq_off.array);
  for (uint32_t i = 0; i < params.sq_entries; i++) array[i] = i;
}

void Uring::release() {
  if (fd_ >= 0) close(fd_);
  if (eventFd_ >= 0) close(eventFd_);
  if (entries_) munmap(entries_, entryBytes_);
  if (rings_) munmap(rings_, ringBytes_);
}

io_uring_sqe* Uring::entry() {
  if (tail_ - load(submissionHead_) > submissionMask_) {
    submit();
    if (tail_ - load(submissionHead_) > submissionMask_) return nullptr;
  }
  io_uring_sqe* const result = &entries_[tail_++ & submissionMask_];
  *result = {};
  return result;
}

int Uring::enter(uint32_t wait, uint32_t flags, const void* argument, uint64_t argumentBytes) {
  const uint32_t count = pending();
  __atomic_store_n(submissionTail_, tail_, __ATOMIC_RELEASE);
  long taken;
  do {
    taken = syscall(__NR_io_uring_enter, fd_, count, wait, flags, argument, argumentBytes);
  } while (taken < 0 && errno == EINTR && wait == 0);
  if (taken < 0) return errno;
  submitted_ += static_cast<uint32_t>(taken);
  return 0;
}

int Uring::submit() {
  if (pending() == 0) return 0;
  if (!sqpoll_) return enter(0, 0, nullptr, 0);
  __atomic_store_n(submissionTail_, tail_, __ATOMIC_RELEASE);
  submitted_ = tail_;
  // The thread of the kernel sets its flag before it looks at the tail for the last time.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (!(load(submissionFlags_) & IORING_SQ_NEED_WAKEUP)) return 0;
  return enter(0, IORING_ENTER_SQ_WAKEUP, nullptr, 0);
}

int Uring::reap() {
  if (!sqpoll_) return enter(0, IORING_ENTER_GETEVENTS, nullptr, 0);
  const int error = submit();
  if (error || !(load(submissionFlags_) & IORING_SQ_CQ_OVERFLOW)) return error;
  return enter(0, IORING_ENTER_GETEVENTS, nullptr, 0);
}

int Uring::await(uint32_t milliseconds) {
  const int error = sqpoll_ ? submit() : 0;
  if (error) return error;
  __kernel_timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000LL};
  io_uring_getevents_arg argument = {};
  argument.ts = reinterpret_cast<uint64_t>(&time);
  return enter(1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
}

uint32_t Uring::ready() const { return load(completionTail_) - *completionHead_; }

void Uring::seen(uint32_t count) {
  __atomic_store_n(completionHead_, *completionHead_ + count, __ATOMIC_RELEASE);
}

void Uring::wakeUps(bool on) {
  const uint32_t flags = on ? 0 : uint32_t{IORING_CQ_EVENTFD_DISABLED};
  __atomic_store_n(completionFlags_, flags, __ATOMIC_RELEASE);
  // The flag must be seen before the work that came without a wake-up is looked for.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void Uring::readEvents() {
  uint64_t count;
  // Nothing in it is no error: a wake-up may have been taken already.
  while (read(eventFd_, &count, sizeof count) < 0 && errno == EINTR) continue;
}

int Uring::control(uint32_t operation, void* argument, uint32_t count) {
  return syscall(__NR_io_uring_register, fd_, operation, argument, count) < 0 ? errno : 0;
}

void Uring::cancelAll(uint64_t userData) {
  io_uring_sqe* const cancel = entry();
  if (!cancel) return;
  cancel->opcode = IORING_OP_ASYNC_CANCEL;
  cancel->fd = -1;
  cancel->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  cancel->user_data = userData;
}

void probeUring() {
  Uring ring(Uring::Options{});
  constexpr uint32_t kOperations = IORING_OP_SEND_ZC + 1;
  std::vector<uint64_t> bytes(
      (sizeof(io_uring_probe) + kOperations * sizeof(io_uring_probe_op)) / 8 + 1);
  auto* const probe = reinterpret_cast<io_uring_probe*>(bytes.data());
  const int error = ring.control(IORING_REGISTER_PROBE, probe, kOperations);
  if (error) throw IoError("ANDVARI_IO_UNSUPPORTED", "io_uring_register(PROBE)", error);
  // SEND_ZC came with Linux 6.0, as did receiving many datagrams with one entry, which has no
  // number of its own; a ring with DEFER_TASKRUN, made above, came with 6.1.
  for (const uint32_t operation :
       {IORING_OP_RECVMSG, IORING_OP_SEND, IORING_OP_ASYNC_CANCEL, IORING_OP_SEND_ZC}) {
    if (operation <= probe->last_op && (probe->ops[operation].flags & IO_URING_OP_SUPPORTED)) {
      continue;
    }
    throw IoError("ANDVARI_IO_UNSUPPORTED", "io_uring operation " + std::to_string(operation), 0,
                  "io_uring wants Linux 6.1 or newer");
  }
}

}  // namespace andvari
