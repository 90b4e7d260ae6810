// One io_uring by system calls: no liburing, so that nothing but kernel headers is wanted to build.
//
// Wake-ups come by an eventfd that is registered with the ring, because the ring's own descriptor
// never becomes readable under DEFER_TASKRUN. The kernel writes to it only while wakeUps(true)
// holds: a busy loop has no use for them. Whoever sleeps on it does, in this order: wakeUps(true),
// reap(), and sleeps only when ready() then gives 0; otherwise a completion is missed.
//
// A ring belongs to the thread that made it (SINGLE_ISSUER), which must also destroy it.
#pragma once
#include <linux/io_uring.h>

#include <cstdint>

namespace andvari {

class Uring {
 public:
  struct Options {
    uint32_t entries = 256;       // submission queue, a power of two
    uint32_t completions = 1024;  // completion queue, a power of two
    // A thread of the kernel submits what is in the queue. It sleeps after `idleMs` without work.
    bool sqpoll = false;
    uint32_t idleMs = 20;
  };

  // Throws IoError: ANDVARI_IO_UNSUPPORTED (no io_uring, or older than Linux 6.1),
  // ANDVARI_IO_PERMISSION (forbidden), ANDVARI_IO_MEMLOCK, ANDVARI_IO_SYSTEM.
  explicit Uring(const Options& options);
  // Nothing may be under way any more.
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  // A zeroed entry to fill in, or nullptr when the queue is full and the kernel takes nothing.
  // It goes out with the next submit() or reap().
  io_uring_sqe* entry();
  // Entries that have not gone out.
  uint32_t pending() const { return tail_ - submitted_; }
  // Hands over what is pending. Gives 0 or an errno.
  int submit();
  // Hands over what is pending and has the kernel finish what it can; afterwards ready() counts.
  // Never waits. Gives 0 or an errno.
  int reap();
  // As reap(), and waits for a completion, at most `milliseconds`.
  int await(uint32_t milliseconds);

  // Completions that can be looked at.
  uint32_t ready() const;
  // The completion `index` places behind the oldest, index < ready().
  const io_uring_cqe& completion(uint32_t index) const {
    return completions_[(*completionHead_ + index) & completionMask_];
  }
  // Gives the oldest `count` completions back to the kernel.
  void seen(uint32_t count);

  // Becomes readable by completions while wakeUps(true) holds.
  int eventFd() const { return eventFd_; }
  void wakeUps(bool on);
  // Takes what is in the eventfd.
  void readEvents();

  // io_uring_register(2). Gives 0 or an errno.
  int control(uint32_t operation, void* argument, uint32_t count);
  // Asks the kernel to give up everything that is under way; completions still come for all of it.
  void cancelAll(uint64_t userData);

 private:
  void map(const io_uring_params& params);
  void release();
  int enter(uint32_t wait, uint32_t flags, const void* argument, uint64_t argumentBytes);

  int fd_ = -1;
  int eventFd_ = -1;
  bool sqpoll_ = false;
  void* rings_ = nullptr;
  uint64_t ringBytes_ = 0;
  io_uring_sqe* entries_ = nullptr;
  uint64_t entryBytes_ = 0;
  uint32_t* submissionHead_ = nullptr;
  uint32_t* submissionTail_ = nullptr;
  uint32_t* submissionFlags_ = nullptr;
  uint32_t submissionMask_ = 0;
  uint32_t* completionHead_ = nullptr;
  uint32_t* completionTail_ = nullptr;
  uint32_t* completionFlags_ = nullptr;
  uint32_t completionMask_ = 0;
  io_uring_cqe* completions_ = nullptr;
  uint32_t tail_ = 0;       // entries that were filled in
  uint32_t submitted_ = 0;  // entries that the kernel has been told of
};

// Throws IoError with the reason when io_uring cannot do here what the backend needs: a ring whose
// work is done in the caller, buffers by a ring, receiving with one entry for many datagrams.
void probeUring();

}  // namespace andvari
