#include "file-operations.h"

#include <sys/uio.h>

#include <algorithm>

#include "io-error.h"

namespace andvari {
namespace {

constexpr uint64_t kCancel = UINT64_MAX;
// How long completions are waited for before the wait is begun again.
constexpr uint32_t kAwaitMs = 1000;

}  // namespace

FileOperations::FileOperations(uint8_t* memory, uint64_t bytes) : ring_({64, 128, false, 0}) {
  iovec range = {memory, bytes};
  const int error = ring_.control(IORING_REGISTER_BUFFERS, &range, 1);
  if (error) {
    const char* const call = "io_uring_register(BUFFERS)";
    if (error == ENOMEM) {
      throw IoError("ANDVARI_IO_MEMLOCK", call, error,
                    "raise the limit with ulimit -l unlimited, or LimitMEMLOCK=infinity in the "
                    "unit");
    }
    throw IoError("ANDVARI_IO_SYSTEM", call, error);
  }
  for (uint32_t i = kOperationsMax; i > 0; i--) freeOperations_.push_back(i - 1);
  for (uint32_t i = kChunksMax; i > 0; i--) freeChunks_.push_back(i - 1);
  ring_.wakeUps(true);
}

FileOperations::~FileOperations() {
  cancel();
  // At once, not when the kernel comes to tidying up the ring: the memory is unpinned here.
  ring_.control(IORING_UNREGISTER_BUFFERS, nullptr, 0);
}

uint32_t FileOperations::start(const Request& request) {
  if (freeOperations_.empty()) return kNone;
  const uint32_t index = freeOperations_.back();
  freeOperations_.pop_back();
  operations_[index] = {request, 0, 0, request.bytes, 0, true};
  waiting_[(waitingTail_ + waitingCount_++) % kOperationsMax] = index;
  active_++;
  fill();
  ring_.submit();
  return index;
}

// Begins chunks of the operations that wait, oldest first, while there is room.
void FileOperations::fill() {
  while (waitingCount_ > 0 && !freeChunks_.empty()) {
    const uint32_t index = waiting_[waitingTail_];
    Operation& operation = operations_[index];
    if (operation.issued < operation.end) {
      const uint32_t chunk = freeChunks_.back();
      const uint32_t bytes = std::min(kChunkBytes, operation.request.bytes - operation.issued);
      chunks_[chunk] = {index, operation.issued, bytes};
      if (!issue(chunk)) return;
      freeChunks_.pop_back();
      operation.issued += bytes;
      operation.chunks++;
    }
    if (operation.issued < operation.end) continue;
    operation.isQueued = false;
    waitingTail_ = (waitingTail_ + 1) % kOperationsMax;
    waitingCount_--;
    settle(index);
  }
}

// The queue has room for every chunk and a cancellation, so only a broken ring gives false.
bool FileOperations::issue(uint32_t chunk) {
  io_uring_sqe* const entry = ring_.entry();
  if (!entry) return false;
  const Chunk& part = chunks_[chunk];
  const Request& request = operations_[part.operation].request;
  entry->opcode = request.write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
  entry->fd = request.fd;
  entry->off = request.position + part.at;
  entry->addr = reinterpret_cast<uint64_t>(request.place + part.at);
  entry->len = part.bytes;
  entry->user_data = chunk;
  return true;
}

void FileOperations::complete(uint32_t index, int32_t result) {
  Chunk& chunk = chunks_[index];
  Operation& operation = operations_[chunk.operation];
  if (result == -EAGAIN || result == -EINTR) result = 0;
  else if (result < 0) stop(operation, chunk.at, -result);
  else if (result == 0) stop(operation, chunk.at, operation.request.write ? EIO : 0);
  const uint32_t count = result > 0 ? static_cast<uint32_t>(result) : 0;
  chunk.at += count;
  chunk.bytes -= std::min(count, chunk.bytes);
  // What is left matters only before the end; there it is asked for again.
  if (chunk.bytes > 0 && chunk.at < operation.end) {
    if (issue(index)) return;
    stop(operation, chunk.at, EIO);
  }
  freeChunks_.push_back(index);
  operation.chunks--;
  settle(chunk.operation);
}

void FileOperations::stop(Operation& operation, uint32_t at, int error) {
  if (at >= operation.end) return;
  operation.end = at;
  operation.error = error;
}

// Ends an operation of which nothing is under way or to come.
void FileOperations::settle(uint32_t index) {
  const Operation& operation = operations_[index];
  if (operation.chunks > 0 || operation.isQueued) return;
  const int64_t result = operation.error ? -int64_t{operation.error} : int64_t{operation.end};
  finished_[(finishedTail_ + finishedCount_++) % kOperationsMax] = {index, result};
}

// Handles the completions that there are; false: none.
bool FileOperations::reapOnce() {
  const uint32_t ready = ring_.ready();
  for (uint32_t i = 0; i < ready; i++) {
    const io_uring_cqe completion = ring_.completion(i);
    if (completion.user_data != kCancel) {
      complete(static_cast<uint32_t>(completion.user_data), completion.res);
    }
  }
  ring_.seen(ready);
  fill();
  return ready > 0;
}

void FileOperations::work() {
  do {
    ring_.reap();
  } while (reapOnce());
}

bool FileOperations::next(Finished& finished) {
  if (finishedCount_ == 0) return false;
  finished = finished_[finishedTail_];
  finishedTail_ = (finishedTail_ + 1) % kOperationsMax;
  finishedCount_--;
  freeOperations_.push_back(finished.operation);
  active_--;
  return true;
}

void FileOperations::cancel() {
  if (waitingCount_ == 0 && freeChunks_.size() == kChunksMax) return;
  for (uint32_t i = 0; i < waitingCount_; i++) {
    Operation& operation = operations_[waiting_[(waitingTail_ + i) % kOperationsMax]];
    stop(operation, operation.issued, ECANCELED);
  }
  ring_.cancelAll(kCancel);
  fill();
  // A file system cannot be hurried: what it has begun, it ends.
  while (freeChunks_.size() < kChunksMax) {
    ring_.await(kAwaitMs);
    reapOnce();
  }
}

}  // namespace andvari
