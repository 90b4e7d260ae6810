// What both ways of sending share: the requests, a window of outstanding ones, times and statuses.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace load {

uint64_t nowNs();

// Requests from a file: each two bytes of length (big-endian) and the bytes. Each bears an echo of
// its own (bytes 30 and 31 of the header, big-endian), by which its reply is known (reply bytes 6
// and 7). They are sent in order, from the first again after the last.
class Requests {
 public:
  explicit Requests(const std::string& path);
  const std::vector<uint8_t>& next();

 private:
  std::vector<std::vector<uint8_t>> requests_;
  size_t at_ = 0;
};

// Closed loop: no more than `window` requests wait for a reply. Replies that do not come within
// 20 ms count as lost, and their places are used again.
class Window {
 public:
  explicit Window(uint32_t window) : window_(window), times_(65536), open_(65536) {}
  uint32_t room() const { return outstanding_ < window_ ? window_ - outstanding_ : 0; }
  void sent(const uint8_t* request, uint64_t now);
  // A reply of `bytes` bytes.
  void received(const uint8_t* reply, uint32_t bytes, uint64_t now);
  void giveUpLate(uint64_t now);
  // One line of JSON for what came since start(); `total` since the beginning.
  void start();
  void print() const;

 private:
  double percentileUs(double share) const;

  static constexpr uint32_t kBuckets = 200000;  // of 100 ns
  uint32_t window_;
  uint32_t outstanding_ = 0;
  std::vector<uint64_t> times_;
  std::vector<uint8_t> open_;
  std::vector<uint32_t> histogram_ = std::vector<uint32_t>(kBuckets);
  uint64_t statuses_[256] = {};
  uint64_t total_ = 0, received_ = 0, lost_ = 0, startNs_ = 0, cpuNs_ = 0, lastNs_ = 0;
};

}  // namespace load
