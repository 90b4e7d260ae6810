// Reads and writes of files from and to one range of memory that is registered with an io_uring.
#pragma once
#include <cstdint>
#include <vector>

#include "uring.h"

namespace andvari {

// Long operations are cut into chunks, several of which are under way at once; what a chunk left
// over is asked for again. So an operation ends with all its bytes, at the end of the file, or with
// the error that stands nearest to its beginning. No allocation after construction.
class FileOperations {
 public:
  static constexpr uint32_t kChunkBytes = 256 * 1024;
  // Chunks under way: a cached one is copied in the system call, so this bounds its length too.
  static constexpr uint32_t kChunksMax = 8;
  static constexpr uint32_t kOperationsMax = 64;
  // What the kernel registers as one buffer.
  static constexpr uint64_t kRegisteredMax = 1ull << 30;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Request {
    bool write;
    int fd;
    uint64_t position;  // in the file
    uint8_t* place;     // in the registered memory: the caller has checked it
    uint32_t bytes;     // not 0
  };
  struct Finished {
    uint32_t operation;
    int64_t result;  // bytes, or a negative errno
  };

  // Registers (and pins) `bytes` bytes at `memory`. Throws IoError; ANDVARI_IO_MEMLOCK when the
  // limit of locked memory is too small.
  FileOperations(uint8_t* memory, uint64_t bytes);
  // Gives up what is under way and waits until the kernel has let go of the memory.
  ~FileOperations();
  FileOperations(const FileOperations&) = delete;
  FileOperations& operator=(const FileOperations&) = delete;

  // Starts one; gives its number, kNone when kOperationsMax are under way.
  uint32_t start(const Request& request);
  // Handles what has been completed; afterwards eventFd() wakes again.
  void work();
  // Takes the oldest that has ended; false: there is none. Its number is free again.
  bool next(Finished& finished);
  // Ends everything, with ECANCELED what had not ended by itself. Waits. next() gives the results.
  void cancel();

  uint32_t active() const { return active_; }
  int eventFd() const { return ring_.eventFd(); }
  void readEvents() { ring_.readEvents(); }

 private:
  struct Operation {
    Request request;
    uint32_t issued;    // bytes for which there is or was a chunk
    uint32_t chunks;    // under way
    uint32_t end;       // bytes before the end of the file or the first error
    int error;          // at `end`; 0: none
    bool isQueued;
  };
  struct Chunk {
    uint32_t operation;
    uint32_t at;  // bytes from the beginning of the operation
    uint32_t bytes;
  };

  bool issue(uint32_t chunk);
  void fill();
  void complete(uint32_t chunk, int32_t result);
  void stop(Operation& operation, uint32_t at, int error);
  void settle(uint32_t index);
  bool reapOnce();

  Uring ring_;
  Operation operations_[kOperationsMax] = {};
  Chunk chunks_[kChunksMax] = {};
  std::vector<uint32_t> freeOperations_;
  std::vector<uint32_t> freeChunks_;
  // First in, first out, of at most kOperationsMax each.
  uint32_t waiting_[kOperationsMax] = {};
  uint32_t waitingTail_ = 0, waitingCount_ = 0;
  Finished finished_[kOperationsMax] = {};
  uint32_t finishedTail_ = 0, finishedCount_ = 0;
  uint32_t active_ = 0;  // started, and not yet taken by next()
};

}  // namespace andvari
